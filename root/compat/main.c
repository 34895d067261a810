/* SPDX-License-Identifier: MIT */
/* Between the root's start and a client's main, and the program's end. */
#include "root/compat/arguments.h"
#include "root/compat/assert.h"
#include "root/compat/cplusplus.h"
#include "root/compat/stdio.h"
#include "root/compat/stdlib.h"
#include "root/compat/string.h"
#include "root/compat/thread_state.h"
#include "root/compat/wchar.h"
#include "root/compat/winbase.h"
#include "root/lib/console.h"
#include "root/lib/root.h"

#define MAX_ARGUMENTS 258 /* every second character of the longest command line, the name and the null */
#define MAX_AT_EXIT 32u
#define MAIN_STACK 0x100000u
#define ABORT_STATUS 3 /* as in Microsoft's library */

int main(int argc, char **argv, char **environment);
int wmain(int argc, wchar_t **argv, wchar_t **environment);

static char program_name[] = "client";
static char text[WHB_HANDOFF_CMDLINE], command_line[sizeof(program_name) + WHB_HANDOFF_CMDLINE];
static char *arguments[MAX_ARGUMENTS];
static char *environment[] = {NULL};
static int argument_count;
static void (*at_exit[MAX_AT_EXIT])(void);
static uint32_t at_exit_count;

/* A client with a wmain has no main. */
__attribute__((weak)) int main(int argc, char **argv, char **environment_of_main)
{
    static wchar_t *wide[MAX_ARGUMENTS];
    (void)environment_of_main;
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        wide[i] = calloc(size, sizeof(wchar_t));
        if (wide[i] == NULL || mbstowcs(wide[i], argv[i], size) == (size_t)-1) {
            fprintf(stderr, "Argument %d is not UTF-8, or there is no memory for it.\n", i);
            return EXIT_FAILURE;
        }
    }
    return wmain(argc, wide, wide + argc);
}

__attribute__((weak)) int wmain(int argc, wchar_t **argv, wchar_t **environment_of_main)
{
    (void)argc;
    (void)argv;
    (void)environment_of_main;
    fprintf(stderr, "This client has neither main nor wmain.\n");
    return EXIT_FAILURE;
}

static _Noreturn void end(int status)
{
    root_printf("%s[client] ended with %d\n", console_at_line_start() ? "" : "\n", status);
    console_drain();
    root_power_off(status == 0 ? 0 : 1);
}

int atexit(void (*function)(void))
{
    uint32_t at = __atomic_fetch_add(&at_exit_count, 1, __ATOMIC_ACQ_REL);
    if (at >= MAX_AT_EXIT) {
        __atomic_store_n(&at_exit_count, MAX_AT_EXIT, __ATOMIC_RELEASE);
        return -1;
    }
    at_exit[at] = function;
    return 0;
}

/* The first thread that gets here ends the program; another waits for that. */
void exit(int status)
{
    static struct thread_state *ending;
    struct thread_state *none = NULL;
    if (!__atomic_compare_exchange_n(&ending, &none, thread_self(), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        none != thread_self()) {
        for (;;) {
            cpu_pause();
        }
    }
    while (at_exit_count > 0) {
        at_exit[--at_exit_count]();
    }
    cplusplus_destroy();
    end(status);
}

void _exit(int status)
{
    end(status);
}

void _Exit(int status)
{
    end(status);
}

void ExitProcess(UINT code)
{
    exit((int)code);
}

void abort(void)
{
    root_printf("%s[client] aborted\n", console_at_line_start() ? "" : "\n");
    end(ABORT_STATUS);
}

void compat_assert_failed(const char *condition, const char *file, unsigned line)
{
    fprintf(stderr, "Assertion failed: %s, file %s, line %u\n", condition, file, line);
    abort();
}

static void run_main(void *unused)
{
    (void)unused;
    cplusplus_construct();
    exit(main(argument_count, arguments, environment));
}

LPSTR GetCommandLineA(void)
{
    return command_line;
}

void root_main(const struct whb_handoff *handoff)
{
    uint64_t saved_rsp;
    uint8_t *stack = root_alloc_pages(MAIN_STACK / ROOT_PAGE, ROOT_PAGE);
    thread_init_main();
    time_init(handoff->tsc_khz);
    modules_init(handoff);
    (void)snprintf(command_line, sizeof(command_line), "%s %s", program_name, handoff->cmdline);
    arguments[0] = program_name;
    argument_count = 1 + arguments_split(handoff->cmdline, text, arguments + 1, MAX_ARGUMENTS - 1);
    serial_start(NULL);
    cpu_sti(); /* a Windows program's runs are not ended by the host's interrupts: WHB_HR_INTERRUPTED is not for it */
    if (stack != NULL) {
        thread_call_on(run_main, NULL, stack + MAIN_STACK, &saved_rsp);
    } else {
        root_printf("There is no memory for main's stack.\n");
        end(EXIT_FAILURE);
    }
}

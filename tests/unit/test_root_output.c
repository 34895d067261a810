/* SPDX-License-Identifier: MIT */
/* sources: root/lib/library_o*.c -Dputs=lib_puts -Dfwrite=lib_fwrite -Dstderr=lib_stderr -D__assert_fail=lib_fail */
/* What a library in a root program prints; all but printf under other names, beside the host's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "root/lib/console.h"
#include "root/lib/power.h"
#include "tests/unit/cmocka_tests.h"

int vsnprintf(char *to, size_t size, const char *format, va_list args);
int printf(const char *format, ...);
int lib_puts(const char *text);
size_t lib_fwrite(const void *items, size_t size, size_t count, void *stream);
_Noreturn void lib_fail(const char *condition, const char *file, unsigned line, const char *function);
extern void *lib_stderr;

static char console[256];
static jmp_buf powered_off;

void root_vprintf(const char *format, va_list args)
{
    size_t used = strlen(console);
    vsnprintf(console + used, sizeof(console) - used, format, args);
}

void root_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    root_vprintf(format, args);
    va_end(args);
}

void root_power_off(unsigned code)
{
    longjmp(powered_off, (int)code);
}

static void test_output(void **state)
{
    (void)state;
    console[0] = '\0';
    printf("%d of %s, ", 3, "four");
    lib_puts("five");
    assert_int_equal(lib_fwrite("sixseven", 3, 1, lib_stderr), 1);
    assert_string_equal(console, "3 of four, five\nsix");
}

static void test_assertion_ends_the_program(void **state)
{
    (void)state;
    console[0] = '\0';
    int code = setjmp(powered_off);
    if (code == 0) {
        lib_fail("x > 0", "a.c", 12, "f");
    }
    assert_int_equal(code, 1);
    assert_non_null(strstr(console, "a.c:12: f"));
    assert_non_null(strstr(console, "x > 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_assertion_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

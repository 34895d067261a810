/* SPDX-License-Identifier: MIT */
/* Processes on all CPUs: pipes, forks and programs, memory, signals and exceptions. */
#include "workload.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES 300
#define CHILDREN 24
#define SIGNALS 150
#define EXCEPTIONS 5
#define PAGES 1500
#define PAGE 4096
#define PAGE_WORDS 512

static int relay(int cpu, int from, int to)
{
    workload_pin(cpu);
    for (int n = 0; n < MESSAGES; n++) {
        uint64_t value = 0;
        if (read(from, &value, sizeof(value)) != sizeof(value)) {
            return 1;
        }
        value += (uint64_t)cpu + 1;
        if (write(to, &value, sizeof(value)) != sizeof(value)) {
            return 1;
        }
    }
    return 0;
}

/* A ring of processes, one on each CPU, hands numbers round; each adds its place. */
static void pipes(void)
{
    int ring[MAX_CPUS + 1][2];
    int cpus = workload_cpus;
    for (int i = 0; i <= cpus; i++) {
        if (pipe(ring[i]) != 0) {
            workload_part("pipes", false, "expected a pipe, got none");
            return;
        }
    }
    for (int i = 0; i < cpus; i++) {
        if (fork() == 0) {
            _exit(relay(i, ring[i][0], ring[i + 1][1]));
        }
    }
    uint64_t sum = 0, expected = 0;
    for (int n = 0; n < MESSAGES; n++) {
        uint64_t value = (uint64_t)n * 1000;
        expected += value + (uint64_t)(cpus * (cpus + 1) / 2);
        if (write(ring[0][1], &value, sizeof(value)) != sizeof(value) ||
            read(ring[cpus][0], &value, sizeof(value)) != sizeof(value)) {
            break;
        }
        sum += value;
    }
    for (int i = 0; i <= cpus; i++) {
        close(ring[i][0]);
        close(ring[i][1]);
    }
    int bad = workload_wait(cpus);
    workload_part("pipes", bad == 0 && sum == expected, "expected sum %lu, got %lu; %d processes failed", expected, sum,
                  bad);
}

/* Children that only end, and such that become a shell, all at once on all CPUs, each with a status of its own. */
static void forks(void)
{
    pid_t children[CHILDREN];
    int right = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            workload_pin(i % workload_cpus);
            if (i % 4 == 0) {
                char code[8];
                snprintf(code, sizeof(code), "%d", i);
                execl("/bin/sh", "sh", "-c", "exit $0", code, NULL);
                _exit(99);
            }
            _exit(i);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        right += waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) && WEXITSTATUS(status) == i;
    }
    workload_part("forks", right == CHILDREN, "expected %d right statuses, got %d", CHILDREN, right);
}

static int wrong_words(const uint64_t *pages, uint64_t factor)
{
    int wrong = 0;
    for (int i = 0; i < PAGES; i++) {
        wrong += pages[i * PAGE_WORDS] != (uint64_t)i * factor;
    }
    return wrong;
}

static void fill_words(uint64_t *pages, uint64_t factor)
{
    for (int i = 0; i < PAGES; i++) {
        pages[i * PAGE_WORDS] = (uint64_t)i * factor;
    }
}

/* Pages come zeroed, keep what is written, and are shared after a fork until one side writes. */
static void memory(void)
{
    int children = workload_cpus;
    uint64_t *pages = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        workload_part("memory", false, "expected %d pages, got none", PAGES);
        return;
    }
    int wrong = wrong_words(pages, 0);
    fill_words(pages, 3);
    for (int i = 0; i < children; i++) {
        if (fork() == 0) {
            workload_pin(i);
            int bad = wrong_words(pages, 3);
            fill_words(pages, 7 + (uint64_t)i);
            bad += wrong_words(pages, 7 + (uint64_t)i);
            _exit(bad != 0);
        }
    }
    int bad = workload_wait(children);
    wrong += wrong_words(pages, 3);
    munmap(pages, (size_t)PAGES * PAGE);
    workload_part("memory", wrong == 0 && bad == 0, "expected no wrong page of %d, got %d; %d of %d children failed",
                  PAGES, wrong, bad, children);
}

static bool take_signal(const sigset_t *set, int *value)
{
    static const struct timespec limit = {20, 0};
    siginfo_t info;
    if (sigtimedwait(set, &info, &limit) != SIGUSR1) {
        return false;
    }
    *value = info.si_value.sival_int;
    return true;
}

static int answer_signals(const sigset_t *set, pid_t parent)
{
    workload_pin(workload_cpus - 1);
    for (int n = 0; n < SIGNALS; n++) {
        int value;
        if (!take_signal(set, &value) || sigqueue(parent, SIGUSR1, (union sigval){.sival_int = value * 2}) != 0) {
            return 1;
        }
    }
    return 0;
}

/* Two processes, on two CPUs where there are so many, answer each other's signals. */
static void signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        _exit(answer_signals(&set, parent));
    }
    workload_pin(0);
    int right = 0;
    for (int n = 0; n < SIGNALS; n++) {
        int value = 0;
        if (sigqueue(child, SIGUSR1, (union sigval){.sival_int = n}) != 0 || !take_signal(&set, &value)) {
            break;
        }
        right += value == n * 2;
    }
    int bad = workload_wait(1);
    workload_part("signals", right == SIGNALS && bad == 0, "expected %d right answers, got %d", SIGNALS, right);
}

static sigjmp_buf back;
static volatile sig_atomic_t raised;
static void *volatile raised_at;

static void on_exception(int number, siginfo_t *info, void *context)
{
    (void)context;
    raised = number;
    raised_at = info->si_addr;
    siglongjmp(back, 1);
}

#define RAISES(number, ...)                                                                                            \
    ({                                                                                                                 \
        raised = 0;                                                                                                    \
        if (sigsetjmp(back, 1) == 0) {                                                                                 \
            __asm__ volatile(__VA_ARGS__);                                                                             \
        }                                                                                                              \
        raised == (number);                                                                                            \
    })

/* Each kind of exception comes as its signal, and a page fault with its address. */
static void exceptions(void)
{
    static const int numbers[] = {SIGFPE, SIGILL, SIGTRAP, SIGSEGV};
    struct sigaction action = {.sa_sigaction = on_exception, .sa_flags = SA_SIGINFO};
    volatile int right = 0; /* volatile: kept over the jump back */
    volatile int cpu;
    char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaction(numbers[i], &action, NULL);
    }
    for (cpu = 0; cpu < workload_cpus; cpu++) {
        workload_pin(cpu);
        right += RAISES(SIGFPE, "xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx");
        right += RAISES(SIGILL, "ud2");
        right += RAISES(SIGTRAP, "int3");
        right += RAISES(SIGSEGV, "movb $1, 77(%0)" ::"r"(none) : "memory") && raised_at == none + 77;
        right += RAISES(SIGSEGV, "hlt"); /* a privileged instruction */
    }
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        signal(numbers[i], SIG_DFL);
    }
    munmap(none, PAGE);
    workload_part("exceptions", right == EXCEPTIONS * workload_cpus, "expected %d right signals, got %d",
                  EXCEPTIONS * workload_cpus, right);
}

void workload_processes(void)
{
    pipes();
    forks();
    memory();
    signals();
    exceptions();
}

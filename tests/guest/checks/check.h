/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit multiboot kernel of small checks, each of which says PASS or FAIL on the first serial port. The same file
 * runs as a guest and on the bare machine. A check runs at CPL 0 in flat segments, without paging and with interrupts
 * off, and leaves the machine so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EFLAGS_TF 0x100u
#define EFLAGS_IF 0x200u
#define EFLAGS_RF 0x10000u
#define DR7_RESET 0x400u
#define DR6_RESET 0xffff0ff0u
#define DR6_BS (1u << 14)

#define PIC_VECTOR 0x20u /* of the master; the slave's eight follow */
#define VECTOR_BACK 0x80u
#define APIC_PAGE 0xfee00000u
#define DEVICE_PAGE 0xfec00000u /* the I/O APIC's: reading its index register has no effect */
#define DEVICE_PORT 0x80u       /* POST codes: nothing reads or writes it but the monitor */

/* What trap_dispatch finds on the stack. user_esp and user_ss are there only when the event came from CPL 3. */
struct trap_frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, user_esp, user_ss;
};

/* An exception (vectors 0 to 31) that came while a check ran. */
struct trap_event {
    uint32_t vector, error, eip, eflags, dr6;
};

#define TRAP_EVENTS 32u

/* What has come since trap_clear, and what is to be done about what comes next. */
struct trap_log {
    struct trap_event events[TRAP_EVENTS];
    uint32_t event_count;      /* exceptions, also those beyond TRAP_EVENTS */
    uint32_t counts[256];      /* of each vector, interrupts included */
    uint32_t resume_at;        /* EIP behind an exception other than #DB and #BP; 0: such a one ends the kernel */
    uint32_t step_limit;       /* #DB's handler clears TF after so many */
    bool resume_with_rf;       /* #DB's handler returns with RF set */
    bool interrupts_from_apic; /* vectors from 30H on are ended at the local APIC */
    uint32_t stop_at;          /* an interrupt returns with IF clear once so many of its vector have come; 0: never */
    void (*handler)(struct trap_frame *frame); /* sees every event first, if set */
};
extern volatile struct trap_log trap_log;

void trap_clear(void);

/* Replaces a vector's gate until trap_clear: the two words of its descriptor (SDM vol. 3A, figure 6-2). */
void trap_gate(uint32_t vector, uint32_t low, uint32_t high);

/* Calls `work` at CPL 3 with IOPL 3 on a stack of its own; it comes back by user_end, which `work` calls last. */
void user_call(void (*work)(void));
static inline void user_end(void)
{
    __asm__ volatile("int $0x80" : : : "memory");
}

/* Prints "PASS id", or "FAIL id: expected ..., came ...". */
void verdict(const char *id, bool good);
void verdict_equal(const char *id, uint64_t expected, uint64_t came);
/* A line of its own, for who reads the log of a failure. */
void note(const char *id, const char *what, uint64_t value);
_Noreturn void finish(void);
bool says(const char *word); /* whether the kernel's command line contains it */

/* The 8259 pair at PIC_VECTOR with edge triggers and these lines masked; channel 0 of the PIT as a rate generator. */
void pic_start(uint16_t mask);
void pit_start(uint16_t count);
void pit_stop(void);

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct cpuid_words {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_words read_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_words r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline volatile uint32_t *apic_register(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(APIC_PAGE + offset);
}

#define READ_CONTROL(name, number)                                                                                     \
    static inline uint32_t read_##name(void)                                                                           \
    {                                                                                                                  \
        uint32_t value;                                                                                                \
        __asm__ volatile("movl %%" #number ", %0" : "=r"(value) : : "memory");                                         \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline void write_##name(uint32_t value)                                                                    \
    {                                                                                                                  \
        __asm__ volatile("movl %0, %%" #number : : "r"(value) : "memory");                                             \
    }
READ_CONTROL(cr0, cr0)
READ_CONTROL(cr4, cr4)
READ_CONTROL(dr6, dr6)
READ_CONTROL(dr7, dr7)

/* Lets interrupts in for so many ticks of the TSC. */
static inline void wait_with_interrupts(uint64_t ticks)
{
    uint64_t until = read_tsc() + ticks;
    __asm__ volatile("sti" : : : "memory");
    while (read_tsc() < until) {
    }
    __asm__ volatile("cli" : : : "memory");
}

/*
 * Executes `code` (assembler text, EAX, ECX and EDX 0 before it) and gives the vector of the one exception that it
 * raised, or NO_EXCEPTION.
 */
#define NO_EXCEPTION 0xffu
#define VECTOR_OF(code)                                                                                                \
    ({                                                                                                                 \
        trap_clear();                                                                                                  \
        __asm__ volatile("movl $2f, %0\n\t" code "\n2:\tmovl $0, %0"                                                   \
                         : "=m"(trap_log.resume_at)                                                                    \
                         : "a"(0), "c"(0), "d"(0)                                                                      \
                         : "ebx", "memory", "cc");                                                                     \
        trap_log.event_count == 1 ? trap_log.events[0].vector : NO_EXCEPTION;                                          \
    })

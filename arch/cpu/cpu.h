/* SPDX-License-Identifier: MIT */
/* Single instructions of the processor, one inline function each. Hypervisor only: most fault outside ring 0. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/count.h"

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_AM (1ull << 18)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define CR4_TSD (1ull << 2)
#define CR4_DE (1ull << 3)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_MCE (1ull << 6)
#define CR4_PGE (1ull << 7)
#define CR4_PCE (1ull << 8)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_UMIP (1ull << 11)
#define CR4_LA57 (1ull << 12)
#define CR4_VMXE (1ull << 13)
#define CR4_SMXE (1ull << 14)
#define CR4_FSGSBASE (1ull << 16)
#define CR4_PCIDE (1ull << 17)
#define CR4_OSXSAVE (1ull << 18)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)

/* Without RTM, which no guest has: DR6 bit 16 is 1, DR7 bit 11 is 0 (SDM vol. 3B, 18.2.3 and 18.2.4). */
#define DR6_FIXED 0xffff0ff0ull
#define DR6_WRITABLE 0xe00full
#define DR7_FIXED 0x400ull
#define DR7_WRITABLE 0xffff23ffull
#define DR7_GD (1ull << 13)

#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)
#define RFLAGS_AC (1ull << 18)
#define RFLAGS_RF (1ull << 16)
#define RFLAGS_VM (1ull << 17)

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    count_instruction(COUNTED_SERIALISING);
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/* CR8 is bits 7:4 of the local APIC's TPR, whatever mode that is in. */
static inline uint64_t read_cr8(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr8, %0" : "=r"(value));
    return value;
}

static inline void write_cr8(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t low, high; /* in 64-bit mode it clears the upper halves */
    count_instruction(COUNTED_RDMSR);
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (high << 32) | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    count_instruction(COUNTED_WRMSR);
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* The same for a value of the root's, whose rules the processor knows. False: it faults, and nothing changes. */
static inline bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    count_instruction(COUNTED_WRMSR);
    __asm__ goto("1:\twrmsr\n\t"
                 ".pushsection .exception_table, \"a\"\n\t"
                 ".quad 1b, %l[faulted]\n\t"
                 ".popsection"
                 :
                 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                 : "memory"
                 : faulted);
    return true;
faulted:
    return false;
}

#define CPU_CR_ACCESSORS(n)                                                                                            \
    static inline uint64_t read_cr##n(void)                                                                            \
    {                                                                                                                  \
        uint64_t v;                                                                                                    \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));                                                              \
        return v;                                                                                                      \
    }                                                                                                                  \
    static inline void write_cr##n(uint64_t v)                                                                         \
    {                                                                                                                  \
        count_instruction(COUNTED_SERIALISING);                                                                        \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                                                     \
    }

CPU_CR_ACCESSORS(0)
CPU_CR_ACCESSORS(2)
CPU_CR_ACCESSORS(3)
CPU_CR_ACCESSORS(4)

#define CPU_DR_ACCESSORS(n)                                                                                            \
    static inline uint64_t read_dr##n(void)                                                                            \
    {                                                                                                                  \
        uint64_t v;                                                                                                    \
        __asm__ volatile("mov %%dr" #n ", %0" : "=r"(v));                                                              \
        return v;                                                                                                      \
    }                                                                                                                  \
    static inline void write_dr##n(uint64_t v)                                                                         \
    {                                                                                                                  \
        count_instruction(COUNTED_SERIALISING);                                                                        \
        __asm__ volatile("mov %0, %%dr" #n : : "r"(v) : "memory");                                                     \
    }

CPU_DR_ACCESSORS(0)
CPU_DR_ACCESSORS(1)
CPU_DR_ACCESSORS(2)
CPU_DR_ACCESSORS(3)
CPU_DR_ACCESSORS(6)

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((uint64_t)high << 32) | low;
}

/* The same into memory, in as few instructions as there can be. */
static inline void rdtsc_to(uint64_t *to)
{
    uint32_t *half = (uint32_t *)to;
    __asm__ volatile("rdtsc" : "=a"(half[0]), "=d"(half[1]));
}

static inline uint64_t xgetbv(uint32_t index)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
    return ((uint64_t)high << 32) | low;
}

static inline void xsetbv(uint32_t index, uint64_t value)
{
    count_instruction(COUNTED_XSETBV);
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void cpu_invlpg(uintptr_t address)
{
    count_instruction(COUNTED_SERIALISING);
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void cpu_wbinvd(void)
{
    count_instruction(COUNTED_SERIALISING);
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void cpu_clts(void)
{
    __asm__ volatile("clts");
}

/* Sleeps until an NMI: interrupts are off in the hypervisor. */
static inline void cpu_wait_nmi(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* Stops this CPU for good. NMIs still run their handler, then the loop halts again. */
static inline _Noreturn void cpu_halt_forever(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt" : : : "memory");
    }
}

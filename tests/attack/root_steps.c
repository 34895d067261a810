/* SPDX-License-Identifier: MIT */
/* Steps of single instructions: MSRs, control and debug registers, XCR0, descriptor tables, and whatever else exits. */
#include "tests/attack/root.h"

#include "tests/attack/arena.h"

#define RFLAGS_TF 0x100ull
#define RFLAGS_FIXED 2ull
#define CR4_OSXSAVE (1ull << 18)
#define EFER_NEEDED 0xd00ull /* LME, LMA, NXE: what the root's own page tables need */
#define MSR_EFER 0xc0000080u
#define MSR_ICR 0x830u
#define MSR_SELF_IPI 0x83fu
#define MSR_TSC 0x10u
#define MSR_TSC_ADJUST 0x3bu
#define APIC_PPR 0xa0u
#define LEAF_ADDRESS_SIZES 0x80000008u
#define IDENTITY_MAPPED (4ull << 30) /* at least, by the hand-off */

static bool run(struct step_cpu *s, const uint8_t *bytes, uint32_t count, uint64_t rflags)
{
    memcpy(s->page, bytes, count);
    s->page[count] = 0xc3; /* RET */
    s->code = (uintptr_t)s->page;
    s->rflags = rflags;
    s->faulted = false;
    step_run(s);
    return !s->faulted;
}

bool step_execute(struct step_cpu *s, const uint8_t *bytes, uint32_t count)
{
    static const uint8_t reload_ss[] = {0x41, 0x8c, 0xd0, 0x41, 0x8e, 0xd0}; /* MOV R8D, SS; MOV SS, R8D */
    uint8_t code[STEP_CODE];
    uint32_t at = 0;
    if (random_once_in(&s->a->random, 8)) {
        memcpy(code, reload_ss, sizeof(reload_ss));
        at = sizeof(reload_ss);
    }
    memcpy(code + at, bytes, count);
    return run(s, code, at + count, RFLAGS_FIXED | (random_once_in(&s->a->random, 6) ? RFLAGS_TF : 0));
}

static uint64_t any_value(struct random *r)
{
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      6,
                                      ~0ull,
                                      0x8000000000000000ull,
                                      1ull << 47,
                                      0xffff800000000000ull,
                                      0x7fffffffffffull,
                                      0xffffffff,
                                      0x606060606060606ull,
                                      0x7040600070406ull};
    switch (random_below(r, 4)) {
    case 0:
        return random_u64(r) >> random_below(r, 64);
    case 1:
        return 1ull << random_below(r, 64);
    default:
        return PICK(r, values);
    }
}

/* Memory of the hypervisor, of this CPU alone, of nobody. */
static uint64_t any_address(struct step_cpu *s)
{
    struct random *r = &s->a->random;
    switch (random_below(r, 5)) {
    case 0:
        return arena.hypervisor + random_below(r, (uint32_t)(arena.hypervisor_end - arena.hypervisor));
    case 1:
        return arena.hypervisor_end - random_below(r, 64);
    case 2:
        return 0xffffffff80000000ull + random_below(r, 1u << 21);
    case 3:
        return any_value(r) | 1ull << 62; /* not canonical */
    default:
        return (uintptr_t)s->a->buffers + (random_below(r, ATTACK_BUFFER) & ~63ull);
    }
}

static void any_registers(struct step_cpu *s)
{
    struct random *r = &s->a->random;
    for (unsigned i = 0; i < STEP_REGISTERS; i++) {
        s->registers[i] = random_once_in(r, 2) ? any_value(r) : any_address(s);
    }
}

static void set_edx_eax(struct step_cpu *s, uint64_t value)
{
    s->registers[STEP_RAX] = (uint32_t)value;
    s->registers[STEP_RDX] = value >> 32;
}

static uint32_t any_msr(struct random *r)
{
    static const uint32_t known[] = {
        0x10,       0x1b,       0x33,       0x3a,       0x3b,       0x48,       0x49,       0x79,       0x8b,
        0x9b,       0xc1,       0xcf,       0xe1,       0xe7,       0x10b,      0x122,      0x123,      0x174,
        0x175,      0x176,      0x179,      0x17a,      0x17b,      0x186,      0x1a0,      0x1c8,      0x1c9,
        0x1d9,      0x1dd,      0x1f2,      0x1f3,      0x200,      0x201,      0x20f,      0x250,      0x258,
        0x26f,      0x277,      0x280,      0x2ff,      0x309,      0x345,      0x38d,      0x38f,      0x390,
        0x3f1,      0x400,      0x401,      0x480,      0x491,      0x560,      0x570,      0x572,      0x600,
        0x6a0,      0x6a2,      0x6a4,      0x6a8,      0x6e0,      0x6e1,      0x770,      0x982,      0xc90,
        0xd90,      0xda0,      0x14ce,     0x17d0,     0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
        0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0x40000000, 0x40000001, 0x40000073,
    };
    switch (random_below(r, 8)) {
    case 0:
        return random_below(r, 0x2100) | (random_once_in(r, 2) ? 0xc0000000 : 0);
    case 1:
        return 0x40000000u + random_below(r, 0x200);
    case 2 ... 3:
        return 0x800 + random_below(r, random_once_in(r, 4) ? 0x100 : 0x40);
    case 4:
        return 0x200 + random_below(r, 0x100);
    default:
        return random_once_in(r, 64) ? (uint32_t)random_u64(r) : PICK(r, known);
    }
}

static bool read_msr(struct step_cpu *s, uint32_t msr, uint64_t *value)
{
    static const uint8_t rdmsr[] = {0x0f, 0x32};
    s->registers[STEP_RCX] = msr;
    bool good = step_execute(s, rdmsr, sizeof(rdmsr));
    *value = (uint32_t)s->registers[STEP_RAX] | s->registers[STEP_RDX] << 32;
    return good;
}

static bool write_msr(struct step_cpu *s, uint32_t msr, uint64_t value)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30};
    s->registers[STEP_RCX] = msr;
    set_edx_eax(s, value);
    return step_execute(s, wrmsr, sizeof(wrmsr));
}

static void step_rdmsr(struct step_cpu *s)
{
    uint64_t value;
    (void)read_msr(s, any_msr(&s->a->random), &value);
}

/* What the root cannot do without stays: its page tables' features, a clock that runs, gates for its interrupts. */
static uint64_t spare_root(uint32_t msr, uint64_t old, uint64_t value)
{
    switch (msr) {
    case MSR_EFER:
        return value | EFER_NEEDED;
    case MSR_TSC:
    case MSR_TSC_ADJUST:
        return old + (value & 0xffff);
    case 0x832 ... 0x837:
    case MSR_SELF_IPI: /* a vector of an exception with an error code would find a gate that expects one */
        return (value & 0xf0) == 0x10 ? value | 0x20 : value;
    default:
        return value;
    }
}

static void step_wrmsr(struct step_cpu *s)
{
    struct random *r = &s->a->random;
    uint32_t msr = any_msr(r);
    uint64_t old = 0;
    if (msr == MSR_ICR) {
        return; /* step_icr */
    }
    bool readable = read_msr(s, msr, &old);
    uint64_t value = readable && random_once_in(r, 2) ? old ^ 1ull << random_below(r, 64) : any_value(r);
    bool faulted = !write_msr(s, msr, spare_root(msr, old, value));
    if (readable && !faulted && msr != MSR_TSC) {
        (void)write_msr(s, msr, old);
    }
    s->faulted = faulted;
}

static void step_cr0(struct step_cpu *s)
{
    static const uint8_t mov[] = {0x0f, 0x22, 0xc0};
    struct random *r = &s->a->random;
    uint64_t value = s->cr0 ^ 1ull << random_below(r, 32);
    value ^= random_once_in(r, 2) ? 1ull << random_below(r, 32) : 0;
    value ^= random_once_in(r, 4) ? 0x60000000ull : 0; /* CD, NW */
    s->registers[STEP_RAX] = random_once_in(r, 16) ? value | random_u64(r) << 32 : value;
    (void)step_execute(s, mov, sizeof(mov));
}

static void step_cr4(struct step_cpu *s)
{
    static const uint8_t mov[] = {0x0f, 0x22, 0xe0};
    struct random *r = &s->a->random;
    uint64_t value = s->cr4 ^ 1ull << random_below(r, 26);
    value ^= random_once_in(r, 2) ? 1ull << random_below(r, 26) : 0;
    s->registers[STEP_RAX] = random_once_in(r, 16) ? value | random_u64(r) << 32 : value;
    (void)step_execute(s, mov, sizeof(mov));
}

/* The same tables with other bits, or bits that are reserved. */
static void step_cr3(struct step_cpu *s)
{
    static const uint8_t mov[] = {0x0f, 0x22, 0xd8};
    struct random *r = &s->a->random;
    uint32_t width = cpu_cpuid(LEAF_ADDRESS_SIZES, 0).eax & 0xff;
    uint64_t value = s->cr3 ^ (random_u64(r) & 0x18);
    s->registers[STEP_RAX] = random_once_in(r, 2) ? value | 1ull << (width + random_below(r, 64 - width)) : value;
    (void)step_execute(s, mov, sizeof(mov));
}

static void step_xsetbv(struct step_cpu *s)
{
    static const uint8_t xgetbv[] = {0x0f, 0x01, 0xd0}, xsetbv[] = {0x0f, 0x01, 0xd1};
    struct random *r = &s->a->random;
    __asm__ volatile("mov %0, %%cr4" : : "r"(s->cr4 | CR4_OSXSAVE) : "memory");
    s->registers[STEP_RCX] = 0;
    (void)run(s, xgetbv, sizeof(xgetbv), RFLAGS_FIXED);
    uint64_t old = (uint32_t)s->registers[STEP_RAX] | s->registers[STEP_RDX] << 32;
    s->registers[STEP_RCX] = random_once_in(r, 4) ? random_below(r, 4) : 0;
    set_edx_eax(s, random_once_in(r, 4) ? any_value(r) : random_u64(r) & 0x3ff);
    bool faulted = !step_execute(s, xsetbv, sizeof(xsetbv));
    s->registers[STEP_RCX] = 0;
    set_edx_eax(s, old);
    (void)run(s, xsetbv, sizeof(xsetbv), RFLAGS_FIXED);
    s->faulted = faulted;
}

/* Watchpoints on the hypervisor and on the step itself, then what exits. Never on the root's stack: see on_exception.
 */
static void step_debug(struct step_cpu *s)
{
    static const uint8_t after[][3] = {{0x0f, 0xa2, 0x90}, {0x0f, 0x01, 0xc1}, {0x0f, 0x08, 0x90}, {0x0f, 0x06, 0x90}};
    struct random *r = &s->a->random;
    uint8_t code[] = {0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xf9, 0, 0, 0}; /* MOV DRn, RAX; MOV DR7, RCX */
    code[2] = (uint8_t)(0xc0 + 8 * random_below(r, random_once_in(r, 8) ? 8 : 4));
    memcpy(code + 6, PICK(r, after), 3);
    uint64_t address = random_once_in(r, 2) ? (uintptr_t)s->page + random_below(r, 16) : any_address(s);
    s->registers[STEP_RAX] = code[2] == 0xf8 ? 0x400 : address;
    s->registers[STEP_RCX] = random_once_in(r, 16) ? any_value(r) : (random_u64(r) & 0xffff2703) | 0x400;
    s->registers[STEP_RDI] = 0;
    (void)step_execute(s, code, sizeof(code));
}

/* A table register with garbage while something exits. Nothing may be delivered meanwhile, so the CPU is let alone. */
static void step_tables(struct step_cpu *s)
{
    static const uint8_t inside[][3] = {{0x0f, 0xa2, 0x90}, {0x0f, 0x01, 0xc1}, {0x0f, 0x08, 0x90}};
    struct random *r = &s->a->random;
    bool idt = random_once_in(r, 2);
    uint8_t code[] = {0x0f, 0x01, 0x16, 0, 0, 0, 0x0f, 0x01, 0x17}; /* LGDT [RSI]; ...; LGDT [RDI] */
    uint8_t *garbage = s->a->buffers, *good = garbage + 16;
    uint64_t base = any_address(s);
    uint16_t limit = (uint16_t)random_u64(r);
    memcpy(garbage, &limit, sizeof(limit));
    memcpy(garbage + 2, &base, sizeof(base));
    code[2] = (uint8_t)(code[2] + (idt ? 8 : 0));
    code[8] = (uint8_t)(code[8] + (idt ? 8 : 0));
    memcpy(code + 3, PICK(r, inside), 3);
    if (idt) {
        __asm__ volatile("sidt (%0)" : : "r"(good) : "memory");
    } else {
        __asm__ volatile("sgdt (%0)" : : "r"(good) : "memory");
    }
    any_registers(s);
    s->registers[STEP_RAX] = WHB_CALL(WHB_CALL_VERSION);
    s->registers[STEP_RSI] = (uintptr_t)garbage;
    s->registers[STEP_RDI] = (uintptr_t)good;
    step_lock();
    (void)run(s, code, sizeof(code), RFLAGS_FIXED);
    step_unlock();
}

static void step_halt(struct step_cpu *s)
{
    static const uint8_t code[] = {0xfb, 0xf4, 0xfa}; /* STI; HLT; CLI */
    step_end_interrupts();
    if (apic_read(APIC_PPR) >= APIC_VECTOR_TIMER) {
        return; /* nothing would wake it: Bochs keeps an interrupt with the spurious vector in service */
    }
    apic_timer(1 + random_below(&s->a->random, 2000), false);
    (void)run(s, code, sizeof(code), RFLAGS_FIXED);
    apic_timer(0, false);
}

struct instruction {
    uint8_t count;
    uint8_t bytes[5];
};

/* None goes elsewhere, but for what faults there: SYSRET, SYSEXIT. [RAX] is any address that is not is_own_memory. */
static const struct instruction instructions[] = {
    {2, {0x0f, 0xa2}},
    {2, {0x0f, 0x06}},
    {3, {0x0f, 0x01, 0xf0}}, /* LMSW */
    {2, {0x0f, 0x08}},       /* INVD */
    {2, {0x0f, 0x09}},
    {3, {0x0f, 0x01, 0x38}}, /* INVLPG */
    {5, {0x66, 0x0f, 0x38, 0x82, 0x00}},
    {5, {0x66, 0x0f, 0x38, 0x80, 0x00}},
    {5, {0x66, 0x0f, 0x38, 0x81, 0x00}},
    {3, {0x0f, 0x01, 0xc1}}, /* VMCALL */
    {3, {0x0f, 0x01, 0xc2}},
    {3, {0x0f, 0x01, 0xc3}},
    {3, {0x0f, 0x01, 0xc4}},
    {3, {0x0f, 0x01, 0xd4}}, /* VMFUNC */
    {4, {0xf3, 0x0f, 0xc7, 0x30}},
    {4, {0x66, 0x0f, 0xc7, 0x30}},
    {3, {0x0f, 0xc7, 0x30}},
    {3, {0x0f, 0xc7, 0x38}},
    {3, {0x0f, 0x78, 0xc8}},
    {3, {0x0f, 0x79, 0xc8}},
    {2, {0x0f, 0x37}},       /* GETSEC */
    {2, {0x0f, 0xaa}},       /* RSM */
    {3, {0x0f, 0x01, 0xcf}}, /* ENCLS */
    {3, {0x0f, 0x01, 0xd7}},
    {3, {0x0f, 0x01, 0xc0}},       /* ENCLV */
    {3, {0x0f, 0x01, 0xc5}},       /* PCONFIG */
    {4, {0x66, 0x0f, 0x01, 0xcf}}, /* SEAMCALL */
    {4, {0x66, 0x0f, 0x01, 0xcc}}, /* TDCALL */
    {3, {0x0f, 0x01, 0xc8}},       /* MONITOR */
    {2, {0x0f, 0x33}},
    {3, {0x0f, 0x01, 0xf9}},
    {3, {0x0f, 0x01, 0xd0}},
    {3, {0x0f, 0x01, 0xd1}},
    {3, {0x0f, 0x01, 0xee}},
    {3, {0x0f, 0xae, 0x00}}, /* FXSAVE */
    {4, {0x48, 0x0f, 0xae, 0x20}},
    {3, {0x0f, 0xc7, 0x28}}, /* XSAVES */
    {3, {0x0f, 0xc7, 0x18}}, /* XRSTORS */
    {3, {0x0f, 0x00, 0xd0}}, /* LLDT */
    {3, {0x0f, 0x00, 0xd8}}, /* LTR */
    {3, {0x0f, 0x01, 0xe0}},
    {2, {0x8e, 0xd8}}, /* MOV DS, AX */
    {2, {0x8e, 0xe8}},
    {1, {0xf1}},
    {1, {0xcc}},
    {2, {0xcd, 0x02}},
    {2, {0xcd, 0x81}},
    {2, {0x0f, 0x0b}},
    {3, {0x48, 0x0f, 0x07}}, /* SYSRET */
    {3, {0x48, 0x0f, 0x35}}, /* SYSEXIT */
    {3, {0x0f, 0x01, 0xf8}},
    {3, {0x0f, 0x01, 0xca}},
    {2, {0xf3, 0x90}},
    {4, {0x44, 0x0f, 0x22, 0xc0}}, /* MOV CR8 */
    {4, {0x44, 0x0f, 0x20, 0xc0}},
    {3, {0x0f, 0x22, 0xd0}},
    {3, {0x0f, 0x20, 0xe0}},
    {3, {0x0f, 0x22, 0xc8}}, /* MOV CR1 */
    {3, {0x0f, 0x21, 0xf8}},
};

/* The root's own memory, which the hypervisor has no reason to keep from it: this program, its stacks and tables. */
static bool is_own_memory(const struct step_cpu *s, uint64_t address)
{
    bool hypervisor = address >= arena.hypervisor && address < arena.hypervisor_end;
    bool buffer = address - (uintptr_t)s->a->buffers < ATTACK_BUFFER;
    return address < IDENTITY_MAPPED && !hypervisor && !buffer;
}

static void step_instruction(struct step_cpu *s)
{
    const struct instruction *i = &PICK(&s->a->random, instructions);
    any_registers(s);
    if (is_own_memory(s, s->registers[STEP_RAX])) {
        s->registers[STEP_RAX] = (uintptr_t)s->a->buffers; /* FXSAVE and the like write to [RAX] */
    }
    (void)step_execute(s, i->bytes, i->count);
}

const struct step_kind step_kinds[] = {
    {"RDMSR", step_rdmsr, 16},   {"WRMSR", step_wrmsr, 32},
    {"CR0", step_cr0, 12},       {"CR3", step_cr3, 4},
    {"CR4", step_cr4, 12},       {"XSETBV", step_xsetbv, 8},
    {"debug", step_debug, 12},   {"tables", step_tables, 6},
    {"HLT", step_halt, 3},       {"others", step_instruction, 32},
    {"memory", step_memory, 16}, {"port", step_port, 8},
    {"ICR", step_icr, 12},       {"modes", step_modes, 8},
    {"INIT", step_init_self, 1},
};
const uint32_t step_kind_count = sizeof(step_kinds) / sizeof(step_kinds[0]);

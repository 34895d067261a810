/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c -lcapstone */
/*
 * Every instruction here is executed by the emulator and by the processor that runs the test, with the same registers
 * and memory: all registers, flags that are defined, XMM1 and the memory must come out the same. RSI points into the
 * memory; RSP is not compared.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"
#include "tests/unit/cmocka_tests.h"
#include "tests/unit/emulator_instructions.h"

#define ROUNDS 300
#define MEMORY_SIZE 512u
#define MIDDLE 256u
#define RSI 6u
#define RDI 7u
#define RCX 1u
#define RDX 2u
#define RBX 3u
#define RSP 4u

#define CODE(name, undefined, kind, text)                                                                              \
    __asm__(".pushsection .rodata\nnative_" #name ": " text "\nnative_" #name "_end:\n.popsection");                   \
    extern const uint8_t native_##name[], native_##name##_end[];
INSTRUCTIONS(CODE)

struct machine {
    uint64_t gpr[16], rflags, rip, mm1;
    WHV_UINT128 xmm1;
};

static uint8_t memory[MEMORY_SIZE] __attribute__((aligned(64)));
static uint8_t *code_page;
static struct machine guest;
static unsigned stores;

uint64_t native_gpr[16], native_rflags, native_rsp, native_mm1;
const uint8_t *native_code;
WHV_UINT128 native_xmm1;
void native_run(void);

/* Loads the registers but RSP, calls the code, stores them. */
__asm__(".pushsection .text\nnative_run:\n"
        "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "movdqu native_xmm1(%rip), %xmm1\nmovq native_mm1(%rip), %mm1\n"
        "pushq native_rflags(%rip)\n"
        "mov native_gpr(%rip), %rax\nmov native_gpr+8(%rip), %rcx\nmov native_gpr+16(%rip), %rdx\n"
        "mov native_gpr+24(%rip), %rbx\nmov native_gpr+40(%rip), %rbp\nmov native_gpr+48(%rip), %rsi\n"
        "mov native_gpr+56(%rip), %rdi\nmov native_gpr+64(%rip), %r8\nmov native_gpr+72(%rip), %r9\n"
        "mov native_gpr+80(%rip), %r10\nmov native_gpr+88(%rip), %r11\nmov native_gpr+96(%rip), %r12\n"
        "mov native_gpr+104(%rip), %r13\nmov native_gpr+112(%rip), %r14\nmov native_gpr+120(%rip), %r15\n"
        "popfq\ncall *native_code(%rip)\npushfq\ncld\n"
        "mov %rax, native_gpr(%rip)\nmov %rcx, native_gpr+8(%rip)\nmov %rdx, native_gpr+16(%rip)\n"
        "mov %rbx, native_gpr+24(%rip)\nmov %rbp, native_gpr+40(%rip)\nmov %rsi, native_gpr+48(%rip)\n"
        "mov %rdi, native_gpr+56(%rip)\nmov %r8, native_gpr+64(%rip)\nmov %r9, native_gpr+72(%rip)\n"
        "mov %r10, native_gpr+80(%rip)\nmov %r11, native_gpr+88(%rip)\nmov %r12, native_gpr+96(%rip)\n"
        "mov %r13, native_gpr+104(%rip)\nmov %r14, native_gpr+112(%rip)\nmov %r15, native_gpr+120(%rip)\n"
        "popq native_rflags(%rip)\nmovdqu %xmm1, native_xmm1(%rip)\n"
        "movq %mm1, native_mm1(%rip)\nemms\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n.popsection");

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    (void)context;
    (void)info;
    return E_INVALIDARG;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    uint64_t offset = info->GpaAddress - (uintptr_t)memory;
    (void)context;
    assert_true(offset <= MEMORY_SIZE - info->AccessSize);
    if (info->Direction == 0) {
        memcpy(info->Data, memory + offset, info->AccessSize);
    } else {
        memcpy(memory + offset, info->Data, info->AccessSize);
    }
    return S_OK;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    (void)context;
    memset(values, 0, count * sizeof(*values));
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] <= WHvX64RegisterR15) {
            values[i].Reg64 = guest.gpr[names[i]];
        } else if (names[i] == WHvX64RegisterXmm0 + 1) {
            values[i].Reg128 = guest.xmm1;
        } else if (names[i] == WHvX64RegisterFpMmx1) {
            values[i].Reg64 = guest.mm1;
        } else if (names[i] == WHvX64RegisterCr4) {
            values[i].Reg64 = 1u << 9; /* OSFXSR */
        } else {
            /* Bases and selectors are 0, as in a Linux process; so are CR0 and the x87 state, as far as they count. */
            assert_true(names[i] == WHvX64RegisterGs || names[i] == WHvX64RegisterDs || names[i] == WHvX64RegisterCr0 ||
                        (names[i] >= WHvX64RegisterFpMmx0 && names[i] <= WHvX64RegisterFpControlStatus));
        }
    }
    return S_OK;
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    (void)context;
    stores++;
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] <= WHvX64RegisterR15) {
            guest.gpr[names[i]] = values[i].Reg64;
        } else if (names[i] == WHvX64RegisterRip) {
            guest.rip = values[i].Reg64;
        } else if (names[i] == WHvX64RegisterRflags) {
            guest.rflags = values[i].Reg64;
        } else if (names[i] == WHvX64RegisterXmm0 + 1) {
            guest.xmm1 = values[i].Reg128;
        } else if (names[i] == WHvX64RegisterFpMmx1) {
            guest.mm1 = values[i].Reg64;
        } else {
            assert_in_range(names[i], WHvX64RegisterFpMmx0, WHvX64RegisterFpControlStatus);
        }
    }
    return S_OK;
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    (void)context;
    (void)flags;
    *result = WHvTranslateGvaResultSuccess;
    *gpa = gva;
    return S_OK;
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

static uint64_t random64(void)
{
    static const uint64_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, ~0ull, 1ull << 63};
    uint64_t wild = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
    return random() % 3 == 0 ? edges[(unsigned)random() % (sizeof(edges) / sizeof(edges[0]))] : wild;
}

/* A quotient that fits in any size: the upper half of the dividend is small, the divisor's top byte 35H or B5H. */
static void divide_set_up(enum set_up kind, struct machine *m)
{
    int64_t small = kind == DIVIDE ? random() % 16 : random() % 32 - 16;
    uint64_t divisor = random() % 2 == 0 ? 0x3535353535353535 : 0xb5b5b5b5b5b5b5b5;
    memcpy((void *)m->gpr[RSI], &divisor, sizeof(divisor));
    m->gpr[0] = (m->gpr[0] & ~0xff00ull) | ((uint64_t)small & 0xff) << 8;
    m->gpr[RDX] = (uint64_t)small;
}

static void set_up(enum set_up kind, struct machine *m)
{
    for (unsigned i = 0; i < 16; i++) {
        m->gpr[i] = random64();
    }
    for (unsigned i = 0; i < MEMORY_SIZE; i += 8) {
        uint64_t value = kind == STRING && random() % 2 == 0 ? 0x0101010101010101 : random64();
        memcpy(memory + i, &value, 8);
    }
    m->rflags = 0x202 | ((uint64_t)random() & ALL_FLAGS);
    m->mm1 = random64();
    m->xmm1.Low64 = random64();
    m->xmm1.High64 = random64();
    m->gpr[RSI] = (uintptr_t)memory + MIDDLE + (kind == ALIGNED ? 0 : (unsigned)random() % 16);
    if (kind == COUNT || kind == STRING) {
        m->gpr[RCX] = (unsigned)random() % 9;
    } else if (kind == BIT) {
        m->gpr[RCX] = (uint64_t)(random() % 1024 - 512);
    } else if (kind == EQUAL) {
        m->gpr[RSI] &= ~15ull;
        m->gpr[0] = (uint32_t)m->gpr[0] | m->gpr[2] << 32;
        memcpy(memory + MIDDLE, &m->gpr[0], 8);
        memcpy(memory + MIDDLE + 8, &m->gpr[2], 8);
    }
    if (kind == DIVIDE || kind == DIVIDE_SIGNED) {
        divide_set_up(kind, m);
    } else if (kind == TABLE) {
        m->gpr[RBX] = (uintptr_t)memory + (unsigned)random() % 256;
    }
    if (kind == STRING) {
        m->gpr[RDI] = (uintptr_t)memory + MIDDLE - 60 + (unsigned)random() % 100;
        m->gpr[0] = random() % 2 == 0 ? 0x0101010101010101 : m->gpr[0];
        m->rflags |= random() % 2 == 0 ? EMULATOR_DF : 0;
    }
}

static void emulate(WHV_EMULATOR_HANDLE emulator, const uint8_t *begin, size_t length)
{
    WHV_VP_EXIT_CONTEXT vp = {0};
    WHV_MEMORY_ACCESS_CONTEXT access = {0};
    WHV_EMULATOR_STATUS status;
    vp.ExecutionState.Cr0Pe = 1;
    vp.ExecutionState.EferLma = 1;
    vp.Cs.Long = 1;
    vp.Rip = 0xffffffff80001000;
    vp.Rflags = guest.rflags;
    access.InstructionByteCount = (uint8_t)length;
    memcpy(access.InstructionBytes, begin, length);
    stores = 0;
    assert_int_equal(WHvEmulatorTryMmioEmulation(emulator, NULL, &vp, &access, &status), S_OK);
    assert_int_equal(status.AsUINT32, 1);
    assert_int_equal(stores, 1);
    assert_int_equal(guest.rip, vp.Rip + length);
}

static void run_native(const uint8_t *begin, size_t length)
{
    memcpy(code_page, begin, length);
    code_page[length] = 0xc3;
    native_code = code_page;
    native_run();
}

static void compare_once(WHV_EMULATOR_HANDLE emulator, const char *name, const uint8_t *begin, size_t length,
                         uint64_t undefined, enum set_up kind)
{
    static uint8_t before[MEMORY_SIZE], emulated[MEMORY_SIZE];
    set_up(kind, &guest);
    memcpy(native_gpr, guest.gpr, sizeof(native_gpr));
    memcpy(before, memory, MEMORY_SIZE);
    native_rflags = guest.rflags;
    native_xmm1 = guest.xmm1;
    native_mm1 = guest.mm1;
    emulate(emulator, begin, length);
    memcpy(emulated, memory, MEMORY_SIZE);
    memcpy(memory, before, MEMORY_SIZE);
    run_native(begin, length);
    native_gpr[RSP] = guest.gpr[RSP];
    uint64_t flags = (native_rflags ^ guest.rflags) & (ALL_FLAGS | EMULATOR_DF) & ~undefined;
    if (memcmp(native_gpr, guest.gpr, sizeof(native_gpr)) != 0 || memcmp(memory, emulated, MEMORY_SIZE) != 0 ||
        flags != 0 || memcmp(&native_xmm1, &guest.xmm1, 16) != 0 || native_mm1 != guest.mm1) {
        fail_msg("%s: flags differ by 0x%lx, rcx %lx, came %lx", name, flags, native_gpr[RCX], guest.gpr[RCX]);
    }
}

static void compare(WHV_EMULATOR_HANDLE emulator, const char *name, const uint8_t *begin, const uint8_t *end,
                    uint64_t undefined, enum set_up kind)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        ((struct emulator *)emulator)->by_library = round % 2 != 0; /* each decoder for half of them */
        compare_once(emulator, name, begin, (size_t)(end - begin), undefined, kind);
    }
}

static WHV_EMULATOR_HANDLE create(void)
{
    WHV_EMULATOR_HANDLE emulator = NULL;
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &emulator), S_OK);
    code_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(code_page, MAP_FAILED);
    srandom(1);
    return emulator;
}

#define TEST(name, undefined, kind, text)                                                                              \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        compare(*state, #name, native_##name, native_##name##_end, undefined, kind);                                   \
    }
INSTRUCTIONS(TEST)

static int group_set_up(void **state)
{
    *state = create();
    return 0;
}

static int group_tear_down(void **state)
{
    munmap(code_page, 4096);
    return WHvEmulatorDestroyEmulator(*state) == S_OK ? 0 : 1;
}

#define ENTRY(name, undefined, kind, text) cmocka_unit_test(test_##name),
int main(void)
{
    const struct CMUnitTest tests[] = {INSTRUCTIONS(ENTRY)};
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

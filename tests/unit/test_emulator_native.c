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

#define ROUNDS 300
#define MEMORY_SIZE 512u
#define MIDDLE 256u
#define RSI 6u
#define RDI 7u
#define RCX 1u
#define RSP 4u
#define ALL_FLAGS 0x8d5u
#define NO_FLAG 0u
#define CF EMULATOR_CF
#define OF EMULATOR_OF
#define AF EMULATOR_AF

/* Name, undefined flags, special set-up, text. */
#define INSTRUCTIONS(X)                                                                                                \
    X(mov_store8, NO_FLAG, PLAIN, "movb %dl, 5(%rsi)")                                                                 \
    X(mov_store_high, NO_FLAG, PLAIN, "movb %bh, (%rsi)")                                                              \
    X(mov_store_sil, NO_FLAG, PLAIN, "movb %sil, (%rsi)")                                                              \
    X(mov_store16, NO_FLAG, PLAIN, "movw %dx, -3(%rsi)")                                                               \
    X(mov_store32, NO_FLAG, PLAIN, "movl %r9d, 16(%rsi)")                                                              \
    X(mov_store64, NO_FLAG, PLAIN, "movq %r14, (%rsi)")                                                                \
    X(mov_load8, NO_FLAG, PLAIN, "movb (%rsi), %ah")                                                                   \
    X(mov_load_r8b, NO_FLAG, PLAIN, "movb (%rsi), %r8b")                                                               \
    X(mov_load16, NO_FLAG, PLAIN, "movw (%rsi), %bp")                                                                  \
    X(mov_load32, NO_FLAG, PLAIN, "movl 1(%rsi), %eax")                                                                \
    X(mov_load64, NO_FLAG, PLAIN, "movq 1(%rsi), %r15")                                                                \
    X(mov_load_own_base, NO_FLAG, PLAIN, "movq (%rsi), %rsi")                                                          \
    X(mov_index, NO_FLAG, COUNT, "movl 4(%rsi,%rcx,4), %r12d")                                                         \
    X(mov_index_only, NO_FLAG, PLAIN, "movl (,%rsi,1), %r12d")                                                         \
    X(mov_imm8, NO_FLAG, PLAIN, "movb $0x9c, (%rsi)")                                                                  \
    X(mov_imm16, NO_FLAG, PLAIN, "movw $0x9c31, (%rsi)")                                                               \
    X(mov_imm32, NO_FLAG, PLAIN, "movl $0x9c315577, (%rsi)")                                                           \
    X(mov_imm64, NO_FLAG, PLAIN, "movq $-5, (%rsi)")                                                                   \
    X(mov_gs, NO_FLAG, PLAIN, "movq %gs:(%rsi), %rax")                                                                 \
    X(movnti, NO_FLAG, PLAIN, "movnti %eax, (%rsi)")                                                                   \
    X(movzx8_16, NO_FLAG, PLAIN, "movzbw (%rsi), %ax")                                                                 \
    X(movzx8_32, NO_FLAG, PLAIN, "movzbl (%rsi), %eax")                                                                \
    X(movzx8_64, NO_FLAG, PLAIN, "movzbq (%rsi), %rax")                                                                \
    X(movzx16_64, NO_FLAG, PLAIN, "movzwq (%rsi), %r10")                                                               \
    X(movsx8_16, NO_FLAG, PLAIN, "movsbw (%rsi), %ax")                                                                 \
    X(movsx8_32, NO_FLAG, PLAIN, "movsbl (%rsi), %eax")                                                                \
    X(movsx16_32, NO_FLAG, PLAIN, "movswl (%rsi), %eax")                                                               \
    X(movsx16_64, NO_FLAG, PLAIN, "movswq (%rsi), %r8")                                                                \
    X(movsxd, NO_FLAG, PLAIN, "movslq (%rsi), %rdx")                                                                   \
    X(movbe_load16, NO_FLAG, PLAIN, "movbe (%rsi), %dx")                                                               \
    X(movbe_load32, NO_FLAG, PLAIN, "movbe (%rsi), %edx")                                                              \
    X(movbe_store64, NO_FLAG, PLAIN, "movbe %rdx, (%rsi)")                                                             \
    X(add_store8, NO_FLAG, PLAIN, "addb %cl, (%rsi)")                                                                  \
    X(add_store16, NO_FLAG, PLAIN, "addw %cx, (%rsi)")                                                                 \
    X(add_store32, NO_FLAG, PLAIN, "lock addl %ecx, (%rsi)")                                                           \
    X(add_store64, NO_FLAG, PLAIN, "addq %rcx, (%rsi)")                                                                \
    X(add_load32, NO_FLAG, PLAIN, "addl (%rsi), %ecx")                                                                 \
    X(add_imm8, NO_FLAG, PLAIN, "addb $0x85, (%rsi)")                                                                  \
    X(add_imm8_16, NO_FLAG, PLAIN, "addw $-3, (%rsi)")                                                                 \
    X(add_imm8_64, NO_FLAG, PLAIN, "addq $-3, (%rsi)")                                                                 \
    X(add_imm32_64, NO_FLAG, PLAIN, "addq $-300000, (%rsi)")                                                           \
    X(or_imm8_32, AF, PLAIN, "orl $-16, (%rsi)")                                                                       \
    X(or_load, AF, PLAIN, "orq (%rsi), %rbx")                                                                          \
    X(adc_store8, NO_FLAG, PLAIN, "adcb %cl, (%rsi)")                                                                  \
    X(adc_store32, NO_FLAG, PLAIN, "adcl %ecx, (%rsi)")                                                                \
    X(adc_imm, NO_FLAG, PLAIN, "adcq $-1, (%rsi)")                                                                     \
    X(sbb_store16, NO_FLAG, PLAIN, "sbbw %cx, (%rsi)")                                                                 \
    X(sbb_load64, NO_FLAG, PLAIN, "sbbq (%rsi), %rbp")                                                                 \
    X(sbb_imm, NO_FLAG, PLAIN, "sbbl $-1, (%rsi)")                                                                     \
    X(and_store8, AF, PLAIN, "andb %cl, (%rsi)")                                                                       \
    X(and_imm32, AF, PLAIN, "andl $0xf0f0f0f0, (%rsi)")                                                                \
    X(sub_store8, NO_FLAG, PLAIN, "subb %cl, (%rsi)")                                                                  \
    X(sub_load32, NO_FLAG, PLAIN, "subl (%rsi), %r11d")                                                                \
    X(sub_imm, NO_FLAG, PLAIN, "subw $0x7fff, (%rsi)")                                                                 \
    X(xor_store64, AF, PLAIN, "lock xorq %rdx, (%rsi)")                                                                \
    X(cmp_store8, NO_FLAG, PLAIN, "cmpb %cl, (%rsi)")                                                                  \
    X(cmp_load32, NO_FLAG, PLAIN, "cmpl (%rsi), %ecx")                                                                 \
    X(cmp_imm8, NO_FLAG, PLAIN, "cmpb $0xff, (%rsi)")                                                                  \
    X(cmp_imm8_64, NO_FLAG, PLAIN, "cmpq $-1, (%rsi)")                                                                 \
    X(test_store16, AF, PLAIN, "testw %cx, (%rsi)")                                                                    \
    X(test_imm8, AF, PLAIN, "testb $0x81, (%rsi)")                                                                     \
    X(test_imm64, AF, PLAIN, "testq $-0x7f000000, (%rsi)")                                                             \
    X(inc8, NO_FLAG, PLAIN, "incb (%rsi)")                                                                             \
    X(inc64, NO_FLAG, PLAIN, "incq (%rsi)")                                                                            \
    X(dec16, NO_FLAG, PLAIN, "decw (%rsi)")                                                                            \
    X(dec32, NO_FLAG, PLAIN, "lock decl (%rsi)")                                                                       \
    X(neg8, NO_FLAG, PLAIN, "negb (%rsi)")                                                                             \
    X(neg64, NO_FLAG, PLAIN, "negq (%rsi)")                                                                            \
    X(not32, NO_FLAG, PLAIN, "notl (%rsi)")                                                                            \
    X(shl_1, AF, PLAIN, "shlb (%rsi)")                                                                                 \
    X(shl_1_64, AF, PLAIN, "shlq (%rsi)")                                                                              \
    X(shl_imm, AF | OF, PLAIN, "shll $7, (%rsi)")                                                                      \
    X(shl_cl, AF | OF, PLAIN, "shlq %cl, (%rsi)")                                                                      \
    X(shr_1, AF, PLAIN, "shrw (%rsi)")                                                                                 \
    X(shr_cl, AF | OF, PLAIN, "shrl %cl, (%rsi)")                                                                      \
    X(sar_1, AF, PLAIN, "sarb (%rsi)")                                                                                 \
    X(sar_cl, AF | OF, PLAIN, "sarq %cl, (%rsi)")                                                                      \
    X(rol_1, NO_FLAG, PLAIN, "rolw (%rsi)")                                                                            \
    X(rol_cl, OF, PLAIN, "roll %cl, (%rsi)")                                                                           \
    X(rol_cl8, OF, PLAIN, "rolb %cl, (%rsi)")                                                                          \
    X(ror_1, NO_FLAG, PLAIN, "rorq (%rsi)")                                                                            \
    X(ror_cl, OF, PLAIN, "rorw %cl, (%rsi)")                                                                           \
    X(bt_imm, OF | AF | 0x84, PLAIN, "btl $37, (%rsi)")                                                                \
    X(bt_reg, OF | AF | 0x84, BIT, "btw %cx, (%rsi)")                                                                  \
    X(bts_reg, OF | AF | 0x84, BIT, "btsl %ecx, (%rsi)")                                                               \
    X(bts_imm, OF | AF | 0x84, PLAIN, "lock btsq $62, (%rsi)")                                                         \
    X(btr_reg, OF | AF | 0x84, BIT, "btrq %rcx, (%rsi)")                                                               \
    X(btc_reg, OF | AF | 0x84, BIT, "btcl %ecx, 4(%rsi)")                                                              \
    X(xchg8, NO_FLAG, PLAIN, "xchgb %dh, (%rsi)")                                                                      \
    X(xchg32, NO_FLAG, PLAIN, "xchgl (%rsi), %edx")                                                                    \
    X(xchg_base, NO_FLAG, PLAIN, "xchgq %rsi, (%rsi)")                                                                 \
    X(xadd16, NO_FLAG, PLAIN, "xaddw %dx, (%rsi)")                                                                     \
    X(xadd64, NO_FLAG, PLAIN, "lock xaddq %rdx, (%rsi)")                                                               \
    X(cmpxchg8, NO_FLAG, PLAIN, "cmpxchgb %dl, (%rsi)")                                                                \
    X(cmpxchg32, NO_FLAG, PLAIN, "cmpxchgl %edx, (%rsi)")                                                              \
    X(cmpxchg32_equal, NO_FLAG, EQUAL, "cmpxchgl %r13d, (%rsi)")                                                       \
    X(cmpxchg64_equal, NO_FLAG, EQUAL, "lock cmpxchgq %r13, (%rsi)")                                                   \
    X(cmpxchg8b, NO_FLAG, PLAIN, "cmpxchg8b (%rsi)")                                                                   \
    X(cmpxchg8b_equal, NO_FLAG, EQUAL, "lock cmpxchg8b (%rsi)")                                                        \
    X(cmpxchg16b, NO_FLAG, ALIGNED, "cmpxchg16b (%rsi)")                                                               \
    X(cmpxchg16b_equal, NO_FLAG, EQUAL, "cmpxchg16b (%rsi)")                                                           \
    X(seta, NO_FLAG, PLAIN, "seta (%rsi)")                                                                             \
    X(setle, NO_FLAG, PLAIN, "setle (%rsi)")                                                                           \
    X(setno, NO_FLAG, PLAIN, "setno (%rsi)")                                                                           \
    X(setp, NO_FLAG, PLAIN, "setp (%rsi)")                                                                             \
    X(cmove, NO_FLAG, PLAIN, "cmovel (%rsi), %edx")                                                                    \
    X(cmovl, NO_FLAG, PLAIN, "cmovlq (%rsi), %rdx")                                                                    \
    X(movsb, NO_FLAG, STRING, "movsb")                                                                                 \
    X(rep_movsl, NO_FLAG, STRING, "rep movsl")                                                                         \
    X(rep_movsq, NO_FLAG, STRING, "rep movsq")                                                                         \
    X(stosb, NO_FLAG, STRING, "stosb")                                                                                 \
    X(rep_stosw, NO_FLAG, STRING, "rep stosw")                                                                         \
    X(rep_stosq, NO_FLAG, STRING, "rep stosq")                                                                         \
    X(lodsb, NO_FLAG, STRING, "lodsb")                                                                                 \
    X(rep_lodsl, NO_FLAG, STRING, "rep lodsl")                                                                         \
    X(cmpsw, NO_FLAG, STRING, "cmpsw")                                                                                 \
    X(repe_cmpsb, NO_FLAG, STRING, "repe cmpsb")                                                                       \
    X(repne_cmpsq, NO_FLAG, STRING, "repne cmpsq")                                                                     \
    X(scasl, NO_FLAG, STRING, "scasl")                                                                                 \
    X(repe_scasb, NO_FLAG, STRING, "repe scasb")                                                                       \
    X(repne_scasb, NO_FLAG, STRING, "repne scasb")                                                                     \
    X(movdqu_load, NO_FLAG, PLAIN, "movdqu (%rsi), %xmm1")                                                             \
    X(movdqu_store, NO_FLAG, PLAIN, "movdqu %xmm1, 3(%rsi)")                                                           \
    X(movdqa_load, NO_FLAG, ALIGNED, "movdqa (%rsi), %xmm1")                                                           \
    X(movaps_store, NO_FLAG, ALIGNED, "movaps %xmm1, (%rsi)")                                                          \
    X(movups_load, NO_FLAG, PLAIN, "movups 1(%rsi), %xmm1")                                                            \
    X(movntdq, NO_FLAG, ALIGNED, "movntdq %xmm1, (%rsi)")                                                              \
    X(movntps, NO_FLAG, ALIGNED, "movntps %xmm1, (%rsi)")                                                              \
    X(movq_load, NO_FLAG, PLAIN, "movq (%rsi), %xmm1")                                                                 \
    X(movq_store, NO_FLAG, PLAIN, "movq %xmm1, (%rsi)")                                                                \
    X(movd_load, NO_FLAG, PLAIN, "movd (%rsi), %xmm1")                                                                 \
    X(movd_store, NO_FLAG, PLAIN, "movd %xmm1, (%rsi)")                                                                \
    X(movss_load, NO_FLAG, PLAIN, "movss (%rsi), %xmm1")                                                               \
    X(movsd_load, NO_FLAG, PLAIN, "movsd (%rsi), %xmm1")                                                               \
    X(movsd_store, NO_FLAG, PLAIN, "movsd %xmm1, (%rsi)")

enum set_up { PLAIN, COUNT, BIT, EQUAL, ALIGNED, STRING };

#define CODE(name, undefined, kind, text)                                                                              \
    __asm__(".pushsection .rodata\nnative_" #name ": " text "\nnative_" #name "_end:\n.popsection");                   \
    extern const uint8_t native_##name[], native_##name##_end[];
INSTRUCTIONS(CODE)

struct machine {
    uint64_t gpr[16], rflags, rip;
    WHV_UINT128 xmm1;
};

static uint8_t memory[MEMORY_SIZE] __attribute__((aligned(64)));
static uint8_t *code_page;
static struct machine guest;
static unsigned stores;

uint64_t native_gpr[16], native_rflags, native_rsp;
const uint8_t *native_code;
WHV_UINT128 native_xmm1;
void native_run(void);

/* Loads the registers but RSP, calls the code, stores them. */
__asm__(".pushsection .text\nnative_run:\n"
        "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "movdqu native_xmm1(%rip), %xmm1\n"
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
        } else {
            assert_int_equal(names[i], WHvX64RegisterGs); /* base 0, as in a Linux process */
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
        } else {
            assert_int_equal(names[i], WHvX64RegisterXmm0 + 1);
            guest.xmm1 = values[i].Reg128;
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
    emulate(emulator, begin, length);
    memcpy(emulated, memory, MEMORY_SIZE);
    memcpy(memory, before, MEMORY_SIZE);
    run_native(begin, length);
    native_gpr[RSP] = guest.gpr[RSP];
    uint64_t flags = (native_rflags ^ guest.rflags) & (ALL_FLAGS | EMULATOR_DF) & ~undefined;
    if (memcmp(native_gpr, guest.gpr, sizeof(native_gpr)) != 0 || memcmp(memory, emulated, MEMORY_SIZE) != 0 ||
        flags != 0 || memcmp(&native_xmm1, &guest.xmm1, 16) != 0) {
        fail_msg("%s: flags differ by 0x%lx, rcx %lx, came %lx", name, flags, native_gpr[RCX], guest.gpr[RCX]);
    }
}

static void compare(WHV_EMULATOR_HANDLE emulator, const char *name, const uint8_t *begin, const uint8_t *end,
                    uint64_t undefined, enum set_up kind)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
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

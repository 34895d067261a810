/* SPDX-License-Identifier: MIT */
/*
 * Instructions that unit/emulator_native executes. Not here: those that a process cannot execute, or whose flags and
 * faults are all that matters.
 */
#pragma once

#include "root/libwhv/emulator_flags.h"

#define ALL_FLAGS 0x8d5u
#define NO_FLAG 0u
#define CF EMULATOR_CF
#define OF EMULATOR_OF
#define AF EMULATOR_AF
/* What the SDM leaves open after products, quotients, and searches of bits. */
#define MUL_OPEN (AF | EMULATOR_SF | EMULATOR_ZF | EMULATOR_PF)
#define SCAN_OPEN (ALL_FLAGS & ~EMULATOR_ZF)
#define COUNT_OPEN (ALL_FLAGS & ~(EMULATOR_ZF | CF))

/* What the registers and the memory must be like: DIVIDE, that the quotient fits; TABLE, that RBX points to memory. */
enum set_up { PLAIN, COUNT, BIT, EQUAL, ALIGNED, STRING, DIVIDE, DIVIDE_SIGNED, TABLE };

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
    X(rcl_1, AF, PLAIN, "rclb (%rsi)")                                                                                 \
    X(rcl_1_64, AF, PLAIN, "rclq (%rsi)")                                                                              \
    X(rcl_imm, OF, PLAIN, "rcll $7, (%rsi)")                                                                           \
    X(rcl_cl8, OF, PLAIN, "rclb %cl, (%rsi)")                                                                          \
    X(rcl_cl16, OF, PLAIN, "rclw %cl, (%rsi)")                                                                         \
    X(rcl_cl64, OF, PLAIN, "rclq %cl, (%rsi)")                                                                         \
    X(rcr_1, NO_FLAG, PLAIN, "rcrw (%rsi)")                                                                            \
    X(rcr_cl, OF, PLAIN, "rcrl %cl, (%rsi)")                                                                           \
    X(rcr_cl8, OF, PLAIN, "rcrb %cl, (%rsi)")                                                                          \
    X(shld_1, AF, PLAIN, "shldl $1, %edx, (%rsi)")                                                                     \
    X(shld_imm16, AF | OF, PLAIN, "shldw $5, %dx, (%rsi)")                                                             \
    X(shld_cl32, AF | OF, PLAIN, "shldl %cl, %edx, (%rsi)")                                                            \
    X(shld_cl64, AF | OF, PLAIN, "shldq %cl, %rdx, (%rsi)")                                                            \
    X(shrd_1, AF, PLAIN, "shrdq $1, %rdx, (%rsi)")                                                                     \
    X(shrd_imm16, AF | OF, PLAIN, "shrdw $11, %dx, (%rsi)")                                                            \
    X(shrd_cl32, AF | OF, PLAIN, "shrdl %cl, %edx, (%rsi)")                                                            \
    X(shrd_cl64, AF | OF, PLAIN, "shrdq %cl, %rdx, (%rsi)")                                                            \
    X(mul8, MUL_OPEN, PLAIN, "mulb (%rsi)")                                                                            \
    X(mul16, MUL_OPEN, PLAIN, "mulw (%rsi)")                                                                           \
    X(mul32, MUL_OPEN, PLAIN, "mull (%rsi)")                                                                           \
    X(mul64, MUL_OPEN, PLAIN, "mulq (%rsi)")                                                                           \
    X(imul8, MUL_OPEN, PLAIN, "imulb (%rsi)")                                                                          \
    X(imul16, MUL_OPEN, PLAIN, "imulw (%rsi)")                                                                         \
    X(imul32, MUL_OPEN, PLAIN, "imull (%rsi)")                                                                         \
    X(imul64, MUL_OPEN, PLAIN, "imulq (%rsi)")                                                                         \
    X(imul_reg16, MUL_OPEN, PLAIN, "imulw (%rsi), %dx")                                                                \
    X(imul_reg32, MUL_OPEN, PLAIN, "imull (%rsi), %edx")                                                               \
    X(imul_reg64, MUL_OPEN, PLAIN, "imulq (%rsi), %rdx")                                                               \
    X(imul_imm8, MUL_OPEN, PLAIN, "imulw $-5, (%rsi), %bx")                                                            \
    X(imul_imm8_64, MUL_OPEN, PLAIN, "imulq $-5, (%rsi), %rbx")                                                        \
    X(imul_imm32, MUL_OPEN, PLAIN, "imull $0x81234567, (%rsi), %ebx")                                                  \
    X(imul_imm32_64, MUL_OPEN, PLAIN, "imulq $-0x7f000001, (%rsi), %rbx")                                              \
    X(div8, ALL_FLAGS, DIVIDE, "divb (%rsi)")                                                                          \
    X(div16, ALL_FLAGS, DIVIDE, "divw (%rsi)")                                                                         \
    X(div32, ALL_FLAGS, DIVIDE, "divl (%rsi)")                                                                         \
    X(div64, ALL_FLAGS, DIVIDE, "divq (%rsi)")                                                                         \
    X(idiv8, ALL_FLAGS, DIVIDE_SIGNED, "idivb (%rsi)")                                                                 \
    X(idiv16, ALL_FLAGS, DIVIDE_SIGNED, "idivw (%rsi)")                                                                \
    X(idiv32, ALL_FLAGS, DIVIDE_SIGNED, "idivl (%rsi)")                                                                \
    X(idiv64, ALL_FLAGS, DIVIDE_SIGNED, "idivq (%rsi)")                                                                \
    X(bsf16, SCAN_OPEN, PLAIN, "bsfw (%rsi), %dx")                                                                     \
    X(bsf64, SCAN_OPEN, PLAIN, "bsfq (%rsi), %rdx")                                                                    \
    X(bsr16, SCAN_OPEN, PLAIN, "bsrw (%rsi), %dx")                                                                     \
    X(bsr64, SCAN_OPEN, PLAIN, "bsrq (%rsi), %rdx")                                                                    \
    X(tzcnt32, COUNT_OPEN, PLAIN, "tzcntl (%rsi), %edx")                                                               \
    X(lzcnt16, COUNT_OPEN, PLAIN, "lzcntw (%rsi), %dx")                                                                \
    X(lzcnt64, COUNT_OPEN, PLAIN, "lzcntq (%rsi), %rdx")                                                               \
    X(popcnt32, NO_FLAG, PLAIN, "popcntl (%rsi), %edx")                                                                \
    X(xlat, NO_FLAG, TABLE, "xlatb")                                                                                   \
    X(clflush, NO_FLAG, PLAIN, "clflush (%rsi)")                                                                       \
    X(mov_ds, NO_FLAG, PLAIN, "movw %ds, (%rsi)")                                                                      \
    X(movlps_load, NO_FLAG, PLAIN, "movlps (%rsi), %xmm1")                                                             \
    X(movlps_store, NO_FLAG, PLAIN, "movlps %xmm1, (%rsi)")                                                            \
    X(movhps_load, NO_FLAG, PLAIN, "movhps (%rsi), %xmm1")                                                             \
    X(movhpd_store, NO_FLAG, PLAIN, "movhpd %xmm1, (%rsi)")                                                            \
    X(movlpd_load, NO_FLAG, PLAIN, "movlpd (%rsi), %xmm1")                                                             \
    X(mmx_movd_load, NO_FLAG, PLAIN, "movd (%rsi), %mm1")                                                              \
    X(mmx_movd_store, NO_FLAG, PLAIN, "movd %mm1, (%rsi)")                                                             \
    X(mmx_movq_load, NO_FLAG, PLAIN, "movq (%rsi), %mm1")                                                              \
    X(mmx_movq_store, NO_FLAG, PLAIN, "movq %mm1, (%rsi)")                                                             \
    X(mmx_movntq, NO_FLAG, PLAIN, "movntq %mm1, (%rsi)")                                                               \
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

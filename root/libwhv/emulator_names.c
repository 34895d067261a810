/* SPDX-License-Identifier: MIT */
/* Capstone's numbers of instructions and registers, as the emulator names them. */
#include "root/libwhv/emulator_names.h"

#include <capstone/capstone.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    uint16_t id;
    uint8_t operation;
} operations[] = {
    {X86_INS_MOV, EMULATOR_MOV},
    {X86_INS_MOVABS, EMULATOR_MOV},
    {X86_INS_MOVNTI, EMULATOR_MOV},
    {X86_INS_MOVZX, EMULATOR_MOVZX},
    {X86_INS_MOVSX, EMULATOR_MOVSX},
    {X86_INS_MOVSXD, EMULATOR_MOVSX},
    {X86_INS_MOVBE, EMULATOR_MOVBE},
    {X86_INS_ADD, EMULATOR_ADD},
    {X86_INS_OR, EMULATOR_OR},
    {X86_INS_ADC, EMULATOR_ADC},
    {X86_INS_SBB, EMULATOR_SBB},
    {X86_INS_AND, EMULATOR_AND},
    {X86_INS_SUB, EMULATOR_SUB},
    {X86_INS_XOR, EMULATOR_XOR},
    {X86_INS_CMP, EMULATOR_CMP},
    {X86_INS_TEST, EMULATOR_TEST},
    {X86_INS_INC, EMULATOR_INC},
    {X86_INS_DEC, EMULATOR_DEC},
    {X86_INS_NEG, EMULATOR_NEG},
    {X86_INS_NOT, EMULATOR_NOT},
    {X86_INS_SHL, EMULATOR_SHL},
    {X86_INS_SAL, EMULATOR_SHL},
    {X86_INS_SHR, EMULATOR_SHR},
    {X86_INS_SAR, EMULATOR_SAR},
    {X86_INS_ROL, EMULATOR_ROL},
    {X86_INS_ROR, EMULATOR_ROR},
    {X86_INS_RCL, EMULATOR_RCL},
    {X86_INS_RCR, EMULATOR_RCR},
    {X86_INS_SHLD, EMULATOR_SHLD},
    {X86_INS_SHRD, EMULATOR_SHRD},
    {X86_INS_MUL, EMULATOR_MUL},
    {X86_INS_IMUL, EMULATOR_IMUL},
    {X86_INS_DIV, EMULATOR_DIV},
    {X86_INS_IDIV, EMULATOR_IDIV},
    {X86_INS_BSF, EMULATOR_BSF},
    {X86_INS_BSR, EMULATOR_BSR},
    {X86_INS_TZCNT, EMULATOR_TZCNT},
    {X86_INS_LZCNT, EMULATOR_LZCNT},
    {X86_INS_POPCNT, EMULATOR_POPCNT},
    {X86_INS_BT, EMULATOR_BT},
    {X86_INS_BTS, EMULATOR_BTS},
    {X86_INS_BTR, EMULATOR_BTR},
    {X86_INS_BTC, EMULATOR_BTC},
    {X86_INS_XCHG, EMULATOR_XCHG},
    {X86_INS_XADD, EMULATOR_XADD},
    {X86_INS_CMPXCHG, EMULATOR_CMPXCHG},
    {X86_INS_CMPXCHG8B, EMULATOR_CMPXCHG_PAIR},
    {X86_INS_CMPXCHG16B, EMULATOR_CMPXCHG_PAIR},
    {X86_INS_PUSH, EMULATOR_PUSH},
    {X86_INS_POP, EMULATOR_POP},
    {X86_INS_CALL, EMULATOR_CALL},
    {X86_INS_JMP, EMULATOR_JMP},
    {X86_INS_LCALL, EMULATOR_CALL_FAR},
    {X86_INS_LJMP, EMULATOR_JMP_FAR},
    {X86_INS_RET, EMULATOR_RET},
    {X86_INS_XLATB, EMULATOR_XLAT},
    {X86_INS_CLFLUSH, EMULATOR_TOUCH},
    {X86_INS_CLFLUSHOPT, EMULATOR_TOUCH},
    {X86_INS_CLWB, EMULATOR_TOUCH},
    {X86_INS_SMSW, EMULATOR_SMSW},
    {X86_INS_LMSW, EMULATOR_LMSW},
    {X86_INS_LDS, EMULATOR_LOAD_POINTER},
    {X86_INS_LES, EMULATOR_LOAD_POINTER},
    {X86_INS_LSS, EMULATOR_LOAD_POINTER},
    {X86_INS_LFS, EMULATOR_LOAD_POINTER},
    {X86_INS_LGS, EMULATOR_LOAD_POINTER},
    {X86_INS_IN, EMULATOR_IN},
    {X86_INS_OUT, EMULATOR_OUT},
    {X86_INS_MOVUPS, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVUPD, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVDQU, EMULATOR_MOV_VECTOR},
    {X86_INS_LDDQU, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVD, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVQ, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVSS, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVSD, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVAPS, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVAPD, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVDQA, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVNTDQ, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVNTDQA, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVNTPS, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVNTPD, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVNTQ, EMULATOR_MOV_VECTOR},
    {X86_INS_MOVLPS, EMULATOR_MOV_LOW},
    {X86_INS_MOVLPD, EMULATOR_MOV_LOW},
    {X86_INS_MOVHPS, EMULATOR_MOV_HIGH},
    {X86_INS_MOVHPD, EMULATOR_MOV_HIGH},
};

static const uint16_t aligned_moves[] = {X86_INS_MOVAPS,   X86_INS_MOVAPD,  X86_INS_MOVDQA, X86_INS_MOVNTDQ,
                                         X86_INS_MOVNTDQA, X86_INS_MOVNTPS, X86_INS_MOVNTPD};

/* One row a size, in the order of the register numbers; the last: AH to BH. */
static const uint16_t registers[][16] = {
    {X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL, X86_REG_SIL, X86_REG_DIL, X86_REG_R8B,
     X86_REG_R9B, X86_REG_R10B, X86_REG_R11B, X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B},
    {X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI, X86_REG_DI, X86_REG_R8W,
     X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W},
    {X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI, X86_REG_EDI,
     X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D},
    {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI, X86_REG_R8,
     X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15},
    {X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH},
};
#define HIGH_ROW (COUNT(registers) - 1)

static const uint16_t segment_registers[] = {X86_REG_ES, X86_REG_CS, X86_REG_SS, X86_REG_DS, X86_REG_FS, X86_REG_GS};

uint8_t emulator_operation_of(unsigned id)
{
    for (unsigned i = 0; i < COUNT(operations); i++) {
        if (operations[i].id == id) {
            return operations[i].operation;
        }
    }
    return EMULATOR_UNSUPPORTED;
}

bool emulator_wants_alignment(unsigned id)
{
    for (unsigned i = 0; i < COUNT(aligned_moves); i++) {
        if (aligned_moves[i] == id) {
            return true;
        }
    }
    return false;
}

static bool take_general(unsigned id, struct emulator_operand *o)
{
    static const uint8_t likely_first[COUNT(registers)] = {3, 2, 0, 1, HIGH_ROW};
    for (unsigned n = 0; n < COUNT(registers); n++) {
        unsigned row = likely_first[n];
        for (uint8_t i = 0; i < 16 && registers[row][i] != X86_REG_INVALID; i++) {
            if (registers[row][i] == id) {
                o->high = row == HIGH_ROW;
                o->number = i;
                o->size = o->high ? 1 : (uint8_t)(1u << row);
                o->kind = EMULATOR_REGISTER;
                return true;
            }
        }
    }
    return false;
}

static bool take_segment(unsigned id, struct emulator_operand *o)
{
    for (unsigned i = 0; i < COUNT(segment_registers); i++) {
        if (segment_registers[i] == id) {
            o->number = (uint8_t)i;
            o->size = 2;
            o->kind = EMULATOR_SEGMENT_REGISTER;
            return true;
        }
    }
    return false;
}

bool emulator_take_register(unsigned id, struct emulator_operand *o)
{
    if (id >= X86_REG_XMM0 && id <= X86_REG_XMM15) {
        o->number = (uint8_t)(id - X86_REG_XMM0);
        o->size = 16;
        o->kind = EMULATOR_VECTOR_REGISTER;
        return true;
    }
    if (id >= X86_REG_MM0 && id <= X86_REG_MM7) {
        o->number = (uint8_t)(id - X86_REG_MM0);
        o->size = 8;
        o->kind = EMULATOR_MMX_REGISTER;
        return true;
    }
    return take_general(id, o) || take_segment(id, o);
}

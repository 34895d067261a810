/* SPDX-License-Identifier: MIT */
/*
 * The decoder, by capstone: the only file that includes it. Capstone says how long the instruction is, which one, and
 * what its operands are; prefixes are looked at here, because it does not tell all of them in every mode.
 */
#include "root/libwhv/emulator_decode.h"

#include <capstone/capstone.h> /* with <stdlib.h>, which is root/lib/heap.h here */

#include "root/lib/string.h"

#define REX_W 8u
#define OPCODE_TWO_BYTES 0x0fu
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct emulator_decoder {
    csh handle;
    cs_insn *decoded;
    enum emulator_mode mode;
    char text[EMULATOR_TEXT];
};

/* What the bytes before the opcode say, and the opcode's first two bytes. */
struct prefixes {
    bool operand_size, address_size, repe, repne;
    uint8_t rex, opcode, second;
    uint8_t segment; /* EMULATOR_NO_REGISTER: none */
};

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

static uint32_t create_lock;

static cs_mode mode_of(enum emulator_mode mode)
{
    return mode == EMULATOR_64_BIT ? CS_MODE_64 : mode == EMULATOR_32_BIT ? CS_MODE_32 : CS_MODE_16;
}

/* Capstone fills tables of its own, some shared, at the first instruction: that happens here, under the lock. */
static bool open_and_warm(struct emulator_decoder *d)
{
    const uint8_t nop = 0x90;
    struct emulator_instruction ignored;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
        return false;
    }
    d->mode = EMULATOR_64_BIT;
    if (cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK) {
        d->decoded = cs_malloc(d->handle);
    }
    return d->decoded != NULL && emulator_decode(d, EMULATOR_64_BIT, &nop, 1, &ignored);
}

static void close_handle(struct emulator_decoder *d)
{
    if (d->decoded != NULL) {
        cs_free(d->decoded, 1);
    }
    if (d->handle != 0) {
        cs_close(&d->handle);
    }
    free(d);
}

struct emulator_decoder *emulator_decoder_create(void)
{
    struct emulator_decoder *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return NULL;
    }
    while (__atomic_exchange_n(&create_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        __builtin_ia32_pause();
    }
    bool ready = open_and_warm(d);
    __atomic_store_n(&create_lock, 0, __ATOMIC_RELEASE);
    if (!ready) {
        close_handle(d);
        return NULL;
    }
    return d;
}

void emulator_decoder_destroy(struct emulator_decoder *decoder)
{
    close_handle(decoder);
}

const char *emulator_decoder_text(const struct emulator_decoder *decoder)
{
    return decoder->text;
}

static bool take_segment(struct prefixes *p, uint8_t byte, enum emulator_mode mode)
{
    static const uint8_t bytes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    for (unsigned i = 0; i < COUNT(bytes); i++) {
        if (byte == bytes[i]) {
            if (mode != EMULATOR_64_BIT || i >= EMULATOR_FS) { /* the others mean nothing there */
                p->segment = (uint8_t)i;
            }
            return true;
        }
    }
    return false;
}

static bool take_prefix(struct prefixes *p, uint8_t byte, enum emulator_mode mode)
{
    switch (byte) {
    case 0x66:
        p->operand_size = true;
        return true;
    case 0x67:
        p->address_size = true;
        return true;
    case 0xf0:
        return true;
    case 0xf2:
    case 0xf3:
        p->repne = byte == 0xf2;
        p->repe = byte == 0xf3;
        return true;
    default:
        return take_segment(p, byte, mode);
    }
}

/* SDM vol. 2A, 2.1.1 and 2.2.1: REX counts only right before the opcode. */
static struct prefixes look_at_prefixes(const uint8_t *bytes, size_t count, enum emulator_mode mode)
{
    struct prefixes p = {.segment = EMULATOR_NO_REGISTER};
    size_t at = 0;
    while (at < count && take_prefix(&p, bytes[at], mode)) {
        at++;
    }
    if (mode == EMULATOR_64_BIT && at < count && (bytes[at] & 0xf0) == 0x40) {
        p.rex = bytes[at++];
    }
    p.opcode = at < count ? bytes[at] : 0;
    p.second = at + 1 < count ? bytes[at + 1] : 0;
    return p;
}

static bool find_register(unsigned id, struct emulator_operand *o)
{
    for (unsigned row = 0; row < COUNT(registers); row++) {
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
    if (id >= X86_REG_XMM0 && id <= X86_REG_XMM15) {
        o->number = (uint8_t)(id - X86_REG_XMM0);
        o->size = 16;
        o->kind = EMULATOR_VECTOR_REGISTER;
        return true;
    }
    return false;
}

/* EIZ and RIZ stand for an index that is none. */
static bool address_register(unsigned id, uint8_t *number)
{
    struct emulator_operand o = {0};
    if (id == X86_REG_INVALID || id == X86_REG_EIZ || id == X86_REG_RIZ) {
        *number = EMULATOR_NO_REGISTER;
        return true;
    }
    if (id == X86_REG_RIP || id == X86_REG_EIP) {
        *number = EMULATOR_RIP;
        return true;
    }
    if (!find_register(id, &o) || o.kind != EMULATOR_REGISTER) {
        return false;
    }
    *number = o.number;
    return true;
}

static bool take_memory(const cs_x86_op *from, const struct prefixes *p, struct emulator_operand *o)
{
    const uint8_t rsp = 4, rbp = 5;
    o->kind = EMULATOR_MEMORY;
    o->size = from->size;
    o->scale = (uint8_t)from->mem.scale;
    o->displacement = from->mem.disp;
    if (!address_register(from->mem.base, &o->base) || !address_register(from->mem.index, &o->index)) {
        return false;
    }
    o->segment = p->segment;
    if (p->segment == EMULATOR_NO_REGISTER) {
        o->segment = o->base == rsp || o->base == rbp ? EMULATOR_SS : EMULATOR_DS;
    }
    return true;
}

static bool take_operand(const cs_x86_op *from, const struct prefixes *p, struct emulator_operand *o)
{
    switch (from->type) {
    case X86_OP_REG:
        return find_register(from->reg, o);
    case X86_OP_MEM:
        return take_memory(from, p, o);
    case X86_OP_IMM:
        o->kind = EMULATOR_IMMEDIATE;
        o->size = from->size;
        o->immediate = (uint64_t)from->imm;
        return true;
    default:
        return false;
    }
}

static uint8_t operand_size(const struct prefixes *p, enum emulator_mode mode)
{
    if ((p->rex & REX_W) != 0) {
        return 8;
    }
    if (mode == EMULATOR_16_BIT) {
        return p->operand_size ? 4 : 2;
    }
    return p->operand_size ? 2 : 4;
}

static bool take_string(const struct prefixes *p, enum emulator_mode mode, struct emulator_instruction *out)
{
    static const uint8_t by_opcode[][2] = {
        {0x6c, EMULATOR_INS},  {0x6e, EMULATOR_OUTS}, {0xa4, EMULATOR_MOVS}, {0xa6, EMULATOR_CMPS},
        {0xaa, EMULATOR_STOS}, {0xac, EMULATOR_LODS}, {0xae, EMULATOR_SCAS},
    };
    for (unsigned i = 0; i < COUNT(by_opcode); i++) {
        if ((p->opcode & 0xfe) == by_opcode[i][0]) {
            out->operation = by_opcode[i][1];
            out->size = (p->opcode & 1) == 0 ? 1 : operand_size(p, mode);
            if (p->opcode < 0x70 && out->size == 8) {
                out->size = 4; /* ports have no 8-byte access */
            }
            out->segment = p->segment == EMULATOR_NO_REGISTER ? EMULATOR_DS : p->segment;
            out->repeat = p->repne ? EMULATOR_REPNE : p->repe ? EMULATOR_REPE : EMULATOR_ONCE;
            return true;
        }
    }
    return false;
}

static uint8_t operation_of(unsigned id, const struct prefixes *p)
{
    if (p->opcode == OPCODE_TWO_BYTES && (p->second & 0xf0) == 0x90) {
        return EMULATOR_SETCC;
    }
    if (p->opcode == OPCODE_TWO_BYTES && (p->second & 0xf0) == 0x40) {
        return EMULATOR_CMOVCC;
    }
    for (unsigned i = 0; i < COUNT(operations); i++) {
        if (operations[i].id == id) {
            return operations[i].operation;
        }
    }
    return EMULATOR_UNSUPPORTED;
}

static bool take_operands(const cs_x86 *x, const struct prefixes *p, struct emulator_instruction *out)
{
    if (x->op_count > EMULATOR_OPERANDS) {
        return false;
    }
    out->operands = x->op_count;
    for (unsigned i = 0; i < x->op_count; i++) {
        if (!take_operand(&x->operands[i], p, &out->operand[i])) {
            return false;
        }
    }
    out->size = x->op_count == 0 ? 0 : out->operand[0].size;
    return true;
}

static void translate(const cs_insn *insn, const struct prefixes *p, enum emulator_mode mode,
                      struct emulator_instruction *out)
{
    if (take_string(p, mode, out)) {
        return;
    }
    out->operation = operation_of(insn->id, p);
    out->condition = p->second & 0xf;
    for (unsigned i = 0; i < COUNT(aligned_moves); i++) {
        out->aligned |= aligned_moves[i] == insn->id;
    }
    if (!take_operands(&insn->detail->x86, p, out)) {
        out->operation = EMULATOR_UNSUPPORTED;
    }
    bool near_branch = out->operation == EMULATOR_CALL || out->operation == EMULATOR_JMP;
    if (near_branch && (out->operands != 1 || out->operand[0].kind == EMULATOR_IMMEDIATE)) {
        out->operation = EMULATOR_UNSUPPORTED;
    }
}

static void join_text(char *to, const char *mnemonic, const char *operands)
{
    size_t at = 0;
    for (; *mnemonic != '\0' && at < EMULATOR_TEXT - 2; at++) {
        to[at] = *mnemonic++;
    }
    if (*operands != '\0') {
        to[at++] = ' ';
    }
    for (; *operands != '\0' && at < EMULATOR_TEXT - 1; at++) {
        to[at] = *operands++;
    }
    to[at] = '\0';
}

bool emulator_decode(struct emulator_decoder *d, enum emulator_mode mode, const uint8_t *bytes, size_t count,
                     struct emulator_instruction *out)
{
    uint64_t address = 0;
    const uint8_t *code = bytes;
    size_t size = count < EMULATOR_MAX_LENGTH ? count : EMULATOR_MAX_LENGTH;
    memset(out, 0, sizeof(*out));
    d->text[0] = '\0';
    if (mode != d->mode) {
        cs_option(d->handle, CS_OPT_MODE, (size_t)mode_of(mode));
        d->mode = mode;
    }
    if (!cs_disasm_iter(d->handle, &code, &size, &address, d->decoded)) {
        return false;
    }
    struct prefixes p = look_at_prefixes(bytes, count, mode);
    out->length = (uint8_t)d->decoded->size;
    out->address_size = (uint8_t)mode;
    if (p.address_size) {
        out->address_size = mode == EMULATOR_32_BIT ? 2 : 4;
    }
    translate(d->decoded, &p, mode, out);
    join_text(d->text, d->decoded->mnemonic, d->decoded->op_str);
    return true;
}

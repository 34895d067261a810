/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c -lcapstone */
/*
 * Any code in any mode with any registers, and callbacks that fail at any time: the emulator returns, its accesses keep
 * to their rules, and the guest's registers are set once, if and only if it says that it succeeded. The general decoder
 * alone gives the same, callback by callback.
 */
#include <string.h>

#include "root/libwhv/emulator_state.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define PAGE 4096u
#define MOST_CALLS 300u /* then memory and ports fail, so that long repetitions end */

struct attempt {
    struct tape tape;
    unsigned calls, sets;
    uint64_t digest; /* of what all callbacks got */
};

/* FNV-1a. */
static void note(struct attempt *a, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        a->digest = (a->digest ^ bytes[i]) * 0x100000001b3ull;
    }
}

/* Now and then, by the input. */
static bool fails(struct attempt *a)
{
    return ++a->calls > MOST_CALLS || tape_byte(&a->tape) >= 0xfa;
}

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    struct attempt *a = context;
    CHECK(info->AccessSize == 1 || info->AccessSize == 2 || info->AccessSize == 4);
    CHECK(info->Direction <= 1);
    note(a, info, sizeof(*info));
    info->Data = tape_byte(&a->tape) * 0x01010101u;
    return fails(a) ? E_OUTOFMEMORY : S_OK;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    struct attempt *a = context;
    unsigned size = info->AccessSize;
    CHECK(size == 1 || size == 2 || size == 4 || size == 8);
    CHECK(info->GpaAddress / PAGE == (info->GpaAddress + size - 1) / PAGE);
    note(a, info, sizeof(*info));
    if (info->Direction == 0) {
        memset(info->Data, tape_byte(&a->tape), sizeof(info->Data));
    }
    return fails(a) ? E_OUTOFMEMORY : S_OK;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    struct attempt *a = context;
    note(a, names, count * sizeof(*names));
    for (uint32_t i = 0; i < count; i++) {
        CHECK(names[i] <= WHvX64RegisterGs || names[i] == WHvX64RegisterLdtr || names[i] == WHvX64RegisterGdtr ||
              names[i] == WHvX64RegisterCr0 || names[i] == WHvX64RegisterCr4 || names[i] == WHvX64RegisterEfer ||
              names[i] == WHvRegisterInterruptState || names[i] == WHvX64RegisterPendingDebugException ||
              (names[i] >= WHvX64RegisterDr0 && names[i] <= WHvX64RegisterDr7) ||
              (names[i] >= WHvX64RegisterXmm0 && names[i] <= WHvX64RegisterXmm15) ||
              (names[i] >= WHvX64RegisterFpMmx0 && names[i] <= WHvX64RegisterFpControlStatus));
        values[i].Reg128.Low64 = tape_u64(&a->tape);
        values[i].Reg128.High64 = tape_u64(&a->tape);
    }
    return fails(a) ? E_OUTOFMEMORY : S_OK;
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    struct attempt *a = context;
    CHECK(a->sets == 0);
    note(a, names, count * sizeof(*names));
    note(a, values, count * sizeof(*values));
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            CHECK(names[i] != names[k]);
        }
    }
    if (fails(a)) {
        return E_OUTOFMEMORY;
    }
    a->sets++;
    return S_OK;
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    struct attempt *a = context;
    uint8_t choice = tape_byte(&a->tape);
    note(a, &gva, sizeof(gva));
    note(a, &flags, sizeof(flags));
    CHECK(gva % PAGE == 0 && (flags & 7) != 0 && (flags & ~0x1f) == 0);
    *result = choice > 0xe0 ? (WHV_TRANSLATE_GVA_RESULT_CODE)(choice & 15) : WHvTranslateGvaResultSuccess;
    *gpa = choice == 0xe0 ? gva + 8 : gva;
    return choice == 0xdf ? E_OUTOFMEMORY : S_OK;
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

static WHV_VP_EXIT_CONTEXT context_of(struct tape *t)
{
    WHV_VP_EXIT_CONTEXT vp = {0};
    vp.ExecutionState.AsUINT16 = (uint16_t)(tape_byte(t) & 0x3f);
    vp.ExecutionState.InterruptionPending = tape_byte(t) == 0xff;
    vp.InstructionLength = tape_byte(t) & 15;
    vp.Cs.Attributes = (uint16_t)tape_u64(t);
    vp.Cs.Base = tape_u64(t);
    vp.Cs.Limit = (uint32_t)tape_u64(t);
    vp.Rip = tape_u64(t);
    vp.Rflags = tape_u64(t);
    return vp;
}

static WHV_EMULATOR_STATUS attempt_memory(WHV_EMULATOR_HANDLE emulator, struct attempt *a)
{
    WHV_VP_EXIT_CONTEXT vp = context_of(&a->tape);
    WHV_MEMORY_ACCESS_CONTEXT access = {0};
    WHV_EMULATOR_STATUS status;
    access.AccessInfo.AsUINT32 = tape_byte(&a->tape) & 15;
    access.Gva = tape_u64(&a->tape);
    access.Gpa = tape_u64(&a->tape);
    access.InstructionByteCount = tape_byte(&a->tape) % 17;
    for (unsigned i = 0; i < 16; i++) {
        access.InstructionBytes[i] = tape_byte(&a->tape);
    }
    CHECK(WHvEmulatorTryMmioEmulation(emulator, a, &vp, &access, &status) == S_OK);
    return status;
}

static WHV_EMULATOR_STATUS attempt_port(WHV_EMULATOR_HANDLE emulator, struct attempt *a)
{
    static const uint8_t sizes[] = {1, 2, 4};
    WHV_VP_EXIT_CONTEXT vp = context_of(&a->tape);
    WHV_X64_IO_PORT_ACCESS_CONTEXT io = {0};
    WHV_EMULATOR_STATUS status;
    io.AccessInfo.AsUINT32 = tape_byte(&a->tape) & 0x31;
    io.AccessInfo.AccessSize = sizes[tape_byte(&a->tape) % 3] & 7;
    io.Rax = tape_u64(&a->tape);
    io.InstructionByteCount = tape_byte(&a->tape) % 17;
    for (unsigned i = 0; i < 16; i++) {
        io.InstructionBytes[i] = tape_byte(&a->tape);
    }
    CHECK(WHvEmulatorTryIoEmulation(emulator, a, &vp, &io, &status) == S_OK);
    return status;
}

static WHV_EMULATOR_STATUS attempt_any(WHV_EMULATOR_HANDLE emulator, struct attempt *a)
{
    return (tape_byte(&a->tape) & 3) == 0 ? attempt_port(emulator, a) : attempt_memory(emulator, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static WHV_EMULATOR_HANDLE emulator, by_library;
    struct attempt a = {0};
    a.tape = (struct tape){data, size};
    struct attempt b = a;
    if (emulator == NULL) {
        CHECK(WHvEmulatorCreateEmulator(&callbacks, &emulator) == S_OK);
        CHECK(WHvEmulatorCreateEmulator(&callbacks, &by_library) == S_OK);
        ((struct emulator *)by_library)->by_library = true;
    }
    WHV_EMULATOR_STATUS status = attempt_any(emulator, &a);
    CHECK(status.AsUINT32 != 0);
    CHECK((a.sets == 1) == (status.AsUINT32 == 1));
    CHECK(a.sets == 1 || status.EmulationSuccessful == 0);
    CHECK(attempt_any(by_library, &b).AsUINT32 == status.AsUINT32);
    CHECK(a.digest == b.digest && a.calls == b.calls && a.tape.left == b.tape.left);
    return 0;
}

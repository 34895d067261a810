/* SPDX-License-Identifier: MIT */
#include "tests/unit/emulator_guest.h"

#include <string.h>

#include "tests/unit/cmocka_tests.h"

#define PAGE 0x1000u

static struct emulated_guest guest;

static bool fails(unsigned *calls, unsigned nth)
{
    (*calls)++;
    return *calls == nth;
}

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    struct emulated_guest *g = context;
    if (fails(&g->ports, g->fail_port)) {
        return E_OUTOFMEMORY;
    }
    if (info->Direction == 0) {
        info->Data = g->port_value++;
    }
    if (g->ports <= LOG_ENTRIES) {
        g->port_log[g->ports - 1] =
            (struct access_log){info->Port, info->Data, info->Direction, (uint8_t)info->AccessSize};
    }
    return S_OK;
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    struct emulated_guest *g = context;
    struct access_log *entry = &g->log[g->memories < LOG_ENTRIES ? g->memories : LOG_ENTRIES - 1];
    if (fails(&g->memories, g->fail_memory)) {
        return E_OUTOFMEMORY;
    }
    assert_true(info->AccessSize == 1 || info->AccessSize == 2 || info->AccessSize == 4 || info->AccessSize == 8);
    assert_true(info->GpaAddress / PAGE == (info->GpaAddress + info->AccessSize - 1) / PAGE);
    assert_true(info->GpaAddress + info->AccessSize <= GUEST_MEMORY);
    uint8_t *at = g->memory + info->GpaAddress;
    memcpy(info->Direction == 0 ? info->Data : at, info->Direction == 0 ? at : info->Data, info->AccessSize);
    *entry = (struct access_log){info->GpaAddress, 0, info->Direction, info->AccessSize};
    memcpy(&entry->data, info->Data, info->AccessSize);
    return S_OK;
}

static void get_special(const struct emulated_guest *g, uint32_t name, WHV_REGISTER_VALUE *value)
{
    switch (name) {
    case WHvX64RegisterCr0:
        value->Reg64 = g->cr0;
        break;
    case WHvX64RegisterCr4:
        value->Reg64 = g->cr4;
        break;
    case WHvX64RegisterEfer:
        value->Reg64 = g->efer;
        break;
    case WHvX64RegisterDr7:
        value->Reg64 = g->dr7;
        break;
    case WHvRegisterInterruptState:
        value->Reg64 = g->interrupt_state;
        break;
    case WHvX64RegisterPendingDebugException:
        value->Reg64 = g->pending_debug;
        break;
    case WHvX64RegisterGdtr:
        value->Table.Base = g->gdt;
        value->Table.Limit = 8 * GDT_ENTRIES - 1;
        break;
    case WHvX64RegisterFpControlStatus:
        value->FpControlStatus.FpStatus = (uint16_t)g->fpu_status;
        break;
    default:
        if (name >= WHvX64RegisterFpMmx0 && name <= WHvX64RegisterFpMmx7) {
            value->Reg64 = g->mmx[name - WHvX64RegisterFpMmx0];
        } else if (name >= WHvX64RegisterDr0 && name <= WHvX64RegisterDr3) {
            value->Reg64 = g->dr[name - WHvX64RegisterDr0];
        }
    }
}

static void set_special(struct emulated_guest *g, uint32_t name, const WHV_REGISTER_VALUE *value)
{
    if (name >= WHvX64RegisterEs && name <= WHvX64RegisterGs) {
        g->segment[name - WHvX64RegisterEs] = value->Segment;
    } else if (name >= WHvX64RegisterFpMmx0 && name <= WHvX64RegisterFpMmx7) {
        g->mmx[name - WHvX64RegisterFpMmx0] = value->Reg64;
    } else if (name == WHvX64RegisterCr0) {
        g->cr0 = value->Reg64;
    } else if (name == WHvX64RegisterFpControlStatus) {
        g->fpu_status = value->FpControlStatus.FpStatus;
    } else if (name == WHvRegisterInterruptState) {
        g->interrupt_state = value->Reg64;
    } else if (name == WHvX64RegisterPendingDebugException) {
        g->pending_debug = value->Reg64;
    } else if (name == WHvRegisterPendingEvent) {
        g->event = value->ExceptionEvent;
    }
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    struct emulated_guest *g = context;
    memset(values, 0, count * sizeof(*values));
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] <= WHvX64RegisterR15) {
            values[i].Reg64 = g->gpr[names[i]];
        } else if (names[i] >= WHvX64RegisterEs && names[i] <= WHvX64RegisterGs) {
            values[i].Segment = g->segment[names[i] - WHvX64RegisterEs];
        } else {
            get_special(g, (uint32_t)names[i], &values[i]);
        }
    }
    return fails(&g->gets, g->fail_get) ? E_OUTOFMEMORY : S_OK;
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    struct emulated_guest *g = context;
    if (fails(&g->sets, g->fail_set)) {
        return E_OUTOFMEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] <= WHvX64RegisterR15) {
            g->gpr[names[i]] = values[i].Reg64;
        } else if (names[i] == WHvX64RegisterRip) {
            g->rip = values[i].Reg64;
        } else if (names[i] == WHvX64RegisterRflags) {
            g->rflags = values[i].Reg64;
        } else {
            set_special(g, (uint32_t)names[i], &values[i]);
        }
    }
    return S_OK;
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    struct emulated_guest *g = context;
    const uint64_t before = *gpa;
    assert_int_equal(gva % PAGE, 0);
    g->last_flags = (uint32_t)flags;
    *result = g->missing != 0 && gva == g->missing ? g->missing_code : WHvTranslateGvaResultSuccess;
    *gpa = (gva == g->moved_from && g->moved_from != 0 ? g->moved_to : gva) + g->misalign;
    if (g->missing_leaves_gpa && *result != WHvTranslateGvaResultSuccess) {
        *gpa = before;
    }
    return fails(&g->translates, g->fail_translate) ? E_OUTOFMEMORY : S_OK;
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

static void set_segments(struct emulated_guest *g, enum emulator_mode mode)
{
    for (unsigned i = 0; i < 6; i++) {
        WHV_X64_SEGMENT_REGISTER *s = &g->segment[i];
        s->Attributes = i == EMULATOR_CS ? 0x9b : 0x93;
        s->Limit = mode == EMULATOR_16_BIT ? 0xffff : 0xffffffff;
        if (mode == EMULATOR_16_BIT && i != EMULATOR_CS) {
            s->Base = i == EMULATOR_ES ? 0x10000 : 0x20000;
        }
        s->Default = mode == EMULATOR_32_BIT;
        s->Long = mode == EMULATOR_64_BIT && i == EMULATOR_CS;
    }
}

struct emulated_guest *new_guest(enum emulator_mode mode)
{
    WHV_EMULATOR_HANDLE emulator = guest.emulator;
    memset(&guest, 0, sizeof(guest));
    guest.emulator = emulator;
    if (emulator == NULL) {
        assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &guest.emulator), S_OK);
    }
    set_segments(&guest, mode);
    guest.state.Cr0Pe = mode != EMULATOR_16_BIT;
    guest.state.EferLma = mode == EMULATOR_64_BIT;
    guest.cr4 = 1u << 9; /* OSFXSR */
    guest.rip = 0x1000;
    guest.rflags = 2;
    return &guest;
}

static void fill_context(struct emulated_guest *g)
{
    g->vp.ExecutionState = g->state;
    g->vp.Cs = g->segment[EMULATOR_CS];
    g->vp.Rip = g->rip;
    g->vp.Rflags = g->rflags;
    memset(&g->event, 0, sizeof(g->event));
    g->gets = g->sets = g->memories = g->translates = g->ports = 0;
}

void assert_exception(const struct emulated_guest *g, unsigned vector, uint32_t error_code, uint64_t cr2)
{
    bool has_error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    assert_int_equal(g->status.AsUINT32, DONE);
    assert_int_equal(g->sets, 1);
    assert_int_equal(g->rip, g->vp.Rip);
    assert_int_equal(g->rflags, g->vp.Rflags | EMULATOR_RF);
    assert_int_equal(g->event.EventPending, 1);
    assert_int_equal(g->event.EventType, WHvX64PendingEventException);
    assert_int_equal(g->event.Vector, vector);
    assert_int_equal(g->event.DeliverErrorCode, has_error && g->state.Cr0Pe);
    assert_int_equal(g->event.ErrorCode, g->event.DeliverErrorCode ? error_code : 0);
    assert_int_equal(g->event.ExceptionParameter, cr2);
    assert_int_equal(g->report.fault_pending, 1);
    assert_int_equal(g->report.fault_vector, vector);
}

static void attempt(struct emulated_guest *g)
{
    assert_int_equal(WHvEmulatorTryMmioEmulation(g->emulator, g, &g->vp, &g->access, &g->status), S_OK);
    assert_int_equal(whb_emulator_report(g->emulator, &g->report), S_OK);
}

/* By the general decoder alone it is the same, down to each byte of the guest and the order of the callbacks. */
uint32_t emulate_exit(struct emulated_guest *g)
{
    static struct emulated_guest other;
    fill_context(g);
    memcpy(&other, g, sizeof(other));
    attempt(g);
    ((struct emulator *)g->emulator)->by_library = true;
    attempt(&other);
    ((struct emulator *)g->emulator)->by_library = false;
    assert_memory_equal(g, &other, sizeof(other));
    return g->status.AsUINT32;
}

uint32_t emulate_memory(struct emulated_guest *g, const uint8_t *begin, const uint8_t *end)
{
    g->access.InstructionByteCount = (uint8_t)(end - begin);
    memcpy(g->access.InstructionBytes, begin, (size_t)(end - begin));
    return emulate_exit(g);
}

uint32_t emulate_port(struct emulated_guest *g, const uint8_t *begin, const uint8_t *end)
{
    g->io.InstructionByteCount = (uint8_t)(end - begin);
    memcpy(g->io.InstructionBytes, begin, (size_t)(end - begin));
    g->io.Rax = g->gpr[RAX];
    fill_context(g);
    assert_int_equal(WHvEmulatorTryIoEmulation(g->emulator, g, &g->vp, &g->io, &g->status), S_OK);
    assert_int_equal(whb_emulator_report(g->emulator, &g->report), S_OK);
    return g->status.AsUINT32;
}

/* SPDX-License-Identifier: MIT */
/* The emulator's functions: handles, and one attempt from its exit to its status. */
#include "root/lib/heap.h"
#include "root/lib/string.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

HRESULT WHvEmulatorCreateEmulator(const WHV_EMULATOR_CALLBACKS *callbacks, WHV_EMULATOR_HANDLE *handle)
{
    if (callbacks == NULL || handle == NULL) {
        return E_POINTER;
    }
    if (callbacks->Size != sizeof(*callbacks) || callbacks->WHvEmulatorIoPortCallback == NULL ||
        callbacks->WHvEmulatorMemoryCallback == NULL || callbacks->WHvEmulatorGetVirtualProcessorRegisters == NULL ||
        callbacks->WHvEmulatorSetVirtualProcessorRegisters == NULL || callbacks->WHvEmulatorTranslateGvaPage == NULL) {
        return E_INVALIDARG;
    }
    struct emulator *emulator = calloc(1, sizeof(*emulator));
    if (emulator == NULL) {
        return E_OUTOFMEMORY;
    }
    emulator->callbacks = *callbacks;
    emulator->decoder = emulator_decoder_create();
    if (emulator->decoder == NULL) {
        free(emulator);
        return E_OUTOFMEMORY;
    }
    *handle = emulator;
    return S_OK;
}

void emulator_by_elements(WHV_EMULATOR_HANDLE handle)
{
    struct emulator *emulator = handle;
    emulator->by_elements = true;
}

HRESULT WHvEmulatorDestroyEmulator(WHV_EMULATOR_HANDLE handle)
{
    struct emulator *emulator = handle;
    if (emulator == NULL) {
        return E_POINTER;
    }
    emulator_decoder_destroy(emulator->decoder);
    free(emulator);
    return S_OK;
}

HRESULT whb_emulator_report(WHV_EMULATOR_HANDLE handle, struct whb_emulator_report *report)
{
    const struct emulator *emulator = handle;
    if (emulator == NULL || report == NULL) {
        return E_POINTER;
    }
    *report = emulator->report;
    emulator_text(emulator->decoder, emulator->mode, report->bytes, report->byte_count, report->instruction);
    return S_OK;
}

static void begin(struct emulation *e, struct emulator *emulator, void *context, const WHV_VP_EXIT_CONTEXT *vp)
{
    memset(e, 0, offsetof(struct emulation, insn));
    e->insn.operation = EMULATOR_UNSUPPORTED;
    memset(emulator->report.bytes, 0, sizeof(emulator->report) - offsetof(struct whb_emulator_report, bytes));
    e->emulator = emulator;
    e->context = context;
    e->vp = vp;
    emulator_begin(e);
    emulator->mode = e->mode;
}

static bool try_decode(struct emulation *e)
{
    struct emulator *emulator = e->emulator;
    struct whb_emulator_report *r = &emulator->report;
    if ((emulator->by_library || !emulator_decode_move(e->mode, r->bytes, r->byte_count, &e->insn)) &&
        !emulator_decode(emulator->decoder, e->mode, r->bytes, r->byte_count, &e->insn)) {
        return false;
    }
    r->byte_count = e->insn.length;
    return true;
}

/* Code bytes up to the end of the page, and the next page's only if those are not enough. */
static bool fetch_and_decode(struct emulation *e)
{
    struct whb_emulator_report *r = &e->emulator->report;
    while (r->byte_count < EMULATOR_MAX_LENGTH) {
        uint64_t at = e->rip + r->byte_count + (e->mode == EMULATOR_64_BIT ? 0 : e->segment[EMULATOR_CS].Base);
        unsigned wanted = EMULATOR_MAX_LENGTH - r->byte_count, in_page = EMULATOR_PAGE - (unsigned)(at % EMULATOR_PAGE);
        unsigned got = emulator_fetch(e, r->byte_count, r->bytes + r->byte_count, wanted < in_page ? wanted : in_page);
        r->byte_count = (uint8_t)(r->byte_count + got);
        if (try_decode(e)) {
            e->status.AsUINT32 = 0; /* the bytes that could not be read are not needed */
            e->exception.due = false;
            return true;
        }
        if (e->status.AsUINT32 != 0 || e->exception.due) {
            return false;
        }
    }
    e->status.InternalEmulationFailure = 1;
    return false;
}

/* The instruction from the exit's bytes, as far as they go, or from memory. */
static bool decode(struct emulation *e, const uint8_t *bytes, unsigned count)
{
    struct whb_emulator_report *r = &e->emulator->report;
    r->byte_count = (uint8_t)(count < EMULATOR_MAX_LENGTH ? count : EMULATOR_MAX_LENGTH);
    memcpy(r->bytes, bytes, r->byte_count);
    if (!try_decode(e) && !fetch_and_decode(e)) {
        return false;
    }
    if (e->insn.operation == EMULATOR_UNSUPPORTED) {
        e->status.InternalEmulationFailure = 1;
        return false;
    }
    return true;
}

/* Neither is possible in the middle of an event's delivery: the instruction at RIP did not make the access. */
static bool can_begin(struct emulation *e)
{
    e->status.InterruptCausedIntercept = e->vp->ExecutionState.InterruptionPending;
    return !e->vp->ExecutionState.InterruptionPending;
}

/* IN and OUT need no decoding: the exit has all of it. */
static bool simple_port(struct emulation *e, const WHV_X64_IO_PORT_ACCESS_CONTEXT *io)
{
    const unsigned rax = 0;
    uint32_t data = (uint32_t)io->Rax;
    bool write = io->AccessInfo.IsWrite;
    if (!emulator_port(e, write, io->PortNumber, io->AccessInfo.AccessSize, &data)) {
        return false;
    }
    if (!write) {
        e->gpr[rax] = io->Rax;
        emulator_set_gpr(e, rax, io->AccessInfo.AccessSize, data);
    }
    emulator_set_rip(e, e->rip + e->vp->InstructionLength);
    return true;
}

static bool any_port(struct emulation *e, const WHV_X64_IO_PORT_ACCESS_CONTEXT *io)
{
    if (!io->AccessInfo.StringOp && e->vp->InstructionLength != 0) {
        return simple_port(e, io);
    }
    if (!decode(e, io->InstructionBytes, io->InstructionByteCount)) {
        return false;
    }
    if (e->insn.operation < EMULATOR_INS) {
        e->status.InternalEmulationFailure = 1; /* the guest's code is no longer what caused the exit */
        return false;
    }
    return emulator_load_registers(e) && emulator_execute(e);
}

/* The end of the instruction: all it changed is the guest's now, or its exception is. */
static HRESULT end(struct emulation *e, bool done, WHV_EMULATOR_STATUS *status)
{
    if (done) {
        e->status.EmulationSuccessful = emulator_store_registers(e);
    } else if (e->exception.due && e->status.AsUINT32 == 0) {
        e->status.EmulationSuccessful = emulator_inject(e);
    }
    *status = e->status;
    return S_OK;
}

HRESULT WHvEmulatorTryIoEmulation(WHV_EMULATOR_HANDLE handle, VOID *context, const WHV_VP_EXIT_CONTEXT *vp,
                                  const WHV_X64_IO_PORT_ACCESS_CONTEXT *io, WHV_EMULATOR_STATUS *status)
{
    struct emulation e;
    if (handle == NULL || vp == NULL || io == NULL || status == NULL) {
        return E_POINTER;
    }
    begin(&e, handle, context, vp);
    return end(&e, can_begin(&e) && any_port(&e, io), status);
}

HRESULT WHvEmulatorTryMmioEmulation(WHV_EMULATOR_HANDLE handle, VOID *context, const WHV_VP_EXIT_CONTEXT *vp,
                                    const WHV_MEMORY_ACCESS_CONTEXT *memory, WHV_EMULATOR_STATUS *status)
{
    struct emulation e;
    if (handle == NULL || vp == NULL || memory == NULL || status == NULL) {
        return E_POINTER;
    }
    begin(&e, handle, context, vp);
    if (memory->AccessInfo.GvaValid && memory->AccessInfo.AccessType != WHvMemoryAccessExecute) {
        bool write = memory->AccessInfo.AccessType == WHvMemoryAccessWrite;
        emulator_know_page(&e, memory->Gva, memory->Gpa, write ? EMULATOR_READ_WRITE : EMULATOR_READ);
    }
    bool done = can_begin(&e) && decode(&e, memory->InstructionBytes, memory->InstructionByteCount) &&
                emulator_load_registers(&e) && emulator_execute(&e);
    return end(&e, done, status);
}

/* SPDX-License-Identifier: MIT */
#include "root/monitor/crash.h"

#include "root/lib/string.h"
#include "root/monitor/disassembly.h"

#define CODE_BYTES 48u
#define STACK_WORDS 16u
#define PAGE 4096ull

static const WHV_REGISTER_NAME shown[] = {
    WHvX64RegisterRax, WHvX64RegisterRbx, WHvX64RegisterRcx, WHvX64RegisterRdx, WHvX64RegisterRsi, WHvX64RegisterRdi,
    WHvX64RegisterRbp, WHvX64RegisterRsp, WHvX64RegisterR8,  WHvX64RegisterR9,  WHvX64RegisterR10, WHvX64RegisterR11,
    WHvX64RegisterR12, WHvX64RegisterR13, WHvX64RegisterR14, WHvX64RegisterR15, WHvX64RegisterRip, WHvX64RegisterRflags,
    WHvX64RegisterCr0, WHvX64RegisterCr2, WHvX64RegisterCr3, WHvX64RegisterCr4, WHvX64RegisterEfer};
static const char *const shown_names[] = {"RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "RSP",
                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15",
                                          "RIP", "RFL", "CR0", "CR2", "CR3", "CR4", "EFER"};
#define SHOWN (sizeof(shown) / sizeof(shown[0]))

static const WHV_REGISTER_NAME segments[] = {WHvX64RegisterCs, WHvX64RegisterSs, WHvX64RegisterDs, WHvX64RegisterEs,
                                             WHvX64RegisterFs, WHvX64RegisterGs, WHvX64RegisterTr, WHvX64RegisterLdtr};
static const char *const segment_names[] = {"CS", "SS", "DS", "ES", "FS", "GS", "TR", "LDTR"};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static void show_registers(struct machine_vp *vp)
{
    WHV_REGISTER_VALUE v[SHOWN], s[SEGMENTS];
    struct machine *m = vp->machine;
    if (FAILED(WHvGetVirtualProcessorRegisters(m->partition, vp->index, shown, SHOWN, v)) ||
        FAILED(WHvGetVirtualProcessorRegisters(m->partition, vp->index, segments, SEGMENTS, s))) {
        machine_say(m, "  its registers cannot be read");
        return;
    }
    for (size_t i = 0; i < SHOWN; i += 3) {
        size_t last = i + 2 < SHOWN ? i + 2 : SHOWN - 1;
        if (last == i + 2) {
            machine_say(m, "  %-4s %016llx  %-4s %016llx  %-4s %016llx", shown_names[i], (unsigned long long)v[i].Reg64,
                        shown_names[i + 1], (unsigned long long)v[i + 1].Reg64, shown_names[i + 2],
                        (unsigned long long)v[i + 2].Reg64);
        } else {
            machine_say(m, "  %-4s %016llx  %-4s %016llx", shown_names[i], (unsigned long long)v[i].Reg64,
                        shown_names[last], (unsigned long long)v[last].Reg64);
        }
    }
    for (size_t i = 0; i < SEGMENTS; i++) {
        machine_say(m, "  %-4s %04x base %016llx limit %08x attributes %04x", segment_names[i], s[i].Segment.Selector,
                    (unsigned long long)s[i].Segment.Base, s[i].Segment.Limit, s[i].Segment.Attributes);
    }
}

/* Copies guest memory by the VP's page tables; returns how many bytes could be read. */
static size_t read_linear(struct machine_vp *vp, uint64_t address, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        WHV_TRANSLATE_GVA_RESULT result;
        uint64_t gpa = 0, at = address + done;
        size_t part = (size_t)(PAGE - at % PAGE);
        part = part < size - done ? part : size - done;
        HRESULT hr =
            WHvTranslateGva(vp->machine->partition, vp->index, at, WHvTranslateGvaFlagValidateRead, &result, &gpa);
        if (FAILED(hr) || result.ResultCode != WHvTranslateGvaResultSuccess) {
            break;
        }
        const uint8_t *from = guest_memory_at(&vp->machine->memory, gpa, part);
        from = from != NULL ? from : machine_rom_at(vp->machine, gpa, part);
        if (from == NULL) {
            break;
        }
        memcpy(to + done, from, part);
        done += part;
    }
    return done;
}

static void say_line(void *context, const char *line)
{
    machine_say(context, "  %s", line);
}

static void show_code(struct machine_vp *vp)
{
    const WHV_VP_EXIT_CONTEXT *c = &vp->record.VpContext;
    uint8_t code[CODE_BYTES];
    uint64_t address = c->Cs.Long ? c->Rip : c->Cs.Base + c->Rip;
    uint32_t bits = c->Cs.Long ? 64 : c->Cs.Default ? 32 : 16;
    size_t size = read_linear(vp, address, code, sizeof(code));
    if (size == 0) {
        machine_say(vp->machine, "  the code at RIP cannot be read: its page is not mapped");
        return;
    }
    machine_say(vp->machine, "  code at RIP:");
    disassemble(code, size, c->Rip, bits, say_line, vp->machine);
}

static void show_stack(struct machine_vp *vp)
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterRsp, WHvX64RegisterSs};
    WHV_REGISTER_VALUE values[2];
    uint64_t words[STACK_WORDS];
    if (FAILED(WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, 2, values))) {
        return;
    }
    uint64_t rsp = values[0].Reg64 + (vp->record.VpContext.Cs.Long ? 0 : values[1].Segment.Base);
    size_t count = read_linear(vp, rsp, (uint8_t *)words, sizeof(words)) / sizeof(words[0]);
    machine_say(vp->machine, count == 0 ? "  the stack cannot be read" : "  stack from RSP on:");
    for (size_t i = 0; i + 1 < count; i += 2) {
        machine_say(vp->machine, "  %016llx: %016llx %016llx", (unsigned long long)(rsp + 8 * i),
                    (unsigned long long)words[i], (unsigned long long)words[i + 1]);
    }
}

static void show_diagnostics(struct machine_vp *vp)
{
    struct whb_vp_diagnostics d;
    if (FAILED(whb_vp_diagnostics(vp->machine->partition, vp->index, &d))) {
        return;
    }
    if (vp->record.ExitReason == WHvRunVpExitReasonInvalidVpRegisterValue) {
        machine_say(vp->machine, "  check that failed: %s", whb_entry_check_text(d.check));
    }
    for (uint32_t i = 0; i < d.step_count && i < WHB_MAX_EXCEPTION_STEPS; i++) {
        const struct whb_exception_step *e = &d.steps[i];
        machine_say(vp->machine, "  exception %u: vector %u, error code %xh, at RIP %llxh, address or DR6 bits %llxh",
                    i + 1, e->vector, e->error_code, (unsigned long long)e->rip, (unsigned long long)e->parameter);
    }
}

static void show_access(struct machine_vp *vp)
{
    const WHV_MEMORY_ACCESS_CONTEXT *a = &vp->record.MemoryAccess;
    static const char *const kinds[] = {"read", "write", "execute", "?"};
    if (vp->record.ExitReason == WHvRunVpExitReasonMemoryAccess) {
        machine_say(vp->machine, "  %s of guest-physical %llxh, linear %llxh", kinds[a->AccessInfo.AccessType & 3],
                    (unsigned long long)a->Gpa, (unsigned long long)a->Gva);
    }
}

void crash_report(struct machine_vp *vp, const char *why)
{
    struct machine *m = vp->machine;
    machine_end(m, MACHINE_CRASHED);
    machine_say(m, "VP %u cannot run on: %s.", vp->index, why);
    machine_say(m, "  last record: exit reason %xh, RIP %llxh, instruction length %u", (unsigned)vp->record.ExitReason,
                (unsigned long long)vp->record.VpContext.Rip, (unsigned)vp->record.VpContext.InstructionLength);
    show_access(vp);
    show_diagnostics(vp);
    show_registers(vp);
    show_code(vp);
    show_stack(vp);
    machine_say(m, "  More: `debug` on the root program's line in grub.cfg shows unknown ports, addresses and MSRs; "
                   "loglevel=debug on the hypervisor's shows its own view (docs/guests.md).");
}

void crash_call_failed(struct machine_vp *vp, const char *call, HRESULT hr)
{
    machine_say(vp->machine, "%s of VP %u failed with %xh; this is a fault of the monitor or of the hypervisor.", call,
                vp->index, (unsigned)hr);
    machine_end(vp->machine, MACHINE_CRASHED);
}

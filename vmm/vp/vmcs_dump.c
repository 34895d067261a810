/* SPDX-License-Identifier: MIT */
#include "vmm/vp/vmcs_dump.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/percpu.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"
#include "kernel/debug/log.h"
#include "vmm/vp/vp.h"

/* VMREAD that may fail: the report must not end in a second failure. */
static uint64_t try_read(uint32_t encoding)
{
    uint64_t value = 0;
#ifdef ENLIGHTENED_VMCS
    return evmcs_find(encoding) == EVMCS_NOWHERE ? ~0ull : vmcs_raw_read(encoding);
#endif
    uint8_t failed;
    __asm__ volatile("vmread %2, %0" : "+r"(value), "=@ccbe"(failed) : "r"((uint64_t)encoding) : "memory");
    return failed != 0 ? ~0ull : value;
}

struct dump_row {
    const char *name;
    uint32_t encoding;
};

/* Encodings as plain numbers, for this is the one place that reads fields without knowing their width. */
#define ROW(name, field)                                                                                               \
    {                                                                                                                  \
        name, (field).encoding                                                                                         \
    }

static void dump_rows(const struct dump_row *rows, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        log_error("  %-16s %016llx  %-16s %016llx", rows[i].name, (unsigned long long)try_read(rows[i].encoding),
                  rows[i + 1].name, (unsigned long long)try_read(rows[i + 1].encoding));
    }
}

static void dump_fields(void)
{
    const struct dump_row rows[] = {
        ROW("exit reason", VMCS_EXIT_REASON),
        ROW("qualification", VMCS_EXIT_QUALIFICATION),
        ROW("guest physical", VMCS_GUEST_PHYSICAL_ADDRESS),
        ROW("guest linear", VMCS_GUEST_LINEAR_ADDRESS),
        ROW("exit int info", VMCS_EXIT_INTERRUPTION_INFO),
        ROW("exit int error", VMCS_EXIT_INTERRUPTION_ERROR),
        ROW("IDT vectoring", VMCS_IDT_VECTORING_INFO),
        ROW("instr length", VMCS_EXIT_INSTRUCTION_LENGTH),
        ROW("entry int info", VMCS_ENTRY_INTERRUPTION_INFO),
        ROW("instr error", VMCS_INSTRUCTION_ERROR),
        ROW("guest RIP", VMCS_GUEST_RIP),
        ROW("guest RSP", VMCS_GUEST_RSP),
        ROW("guest RFLAGS", VMCS_GUEST_RFLAGS),
        ROW("guest CR0", VMCS_GUEST_CR0),
        ROW("guest CR3", VMCS_GUEST_CR3),
        ROW("guest CR4", VMCS_GUEST_CR4),
        ROW("guest EFER", VMCS_GUEST_EFER),
        ROW("guest DR7", VMCS_GUEST_DR7),
        ROW("CS access", VMCS_GUEST_CS_ACCESS),
        ROW("CS base", VMCS_GUEST_CS_BASE),
        ROW("SS access", VMCS_GUEST_SS_ACCESS),
        ROW("TR access", VMCS_GUEST_TR_ACCESS),
        ROW("interruptibility", VMCS_GUEST_INTERRUPTIBILITY),
        ROW("activity", VMCS_GUEST_ACTIVITY),
        ROW("pin controls", VMCS_PIN_CONTROLS),
        ROW("CPU controls", VMCS_CPU_CONTROLS),
        ROW("CPU controls 2", VMCS_CPU_CONTROLS2),
        ROW("exception bitmap", VMCS_EXCEPTION_BITMAP),
        ROW("exit controls", VMCS_EXIT_CONTROLS),
        ROW("entry controls", VMCS_ENTRY_CONTROLS),
        ROW("EPT pointer", VMCS_EPT_POINTER),
        ROW("VPID", VMCS_VPID),
        ROW("host RSP", VMCS_HOST_RSP),
        ROW("host GS base", VMCS_HOST_GS_BASE),
    };
    dump_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

void vmcs_dump(void)
{
    const struct cpu *cpu = this_cpu();
    if (cpu == NULL || cpu->current == NULL) {
        return;
    }
    log_error("VMCS of %s VP %u:", cpu->current->is_root ? "root" : "guest", cpu->current->index);
    dump_fields();
}

# SPDX-License-Identifier: MIT
"""What the bench's cases may take in Bochs on corei7_skylake_x, median ticks, mitigations off, and what KVM takes.
NAME_apic is the case of a VP with a local APIC."""

# The guard fails a case above its limit. Where a goal (issue 13) is not reached yet, the limit is what is measured
# today, so that it gets no worse, and the goal stands in GOALS: who reaches it makes it the limit.
LIMITS = {
    "hypercall_null": 100,
    "exit_internal_cpuid": 130,
    "exit_internal_cpuid_apic": 200,
    "run_vp_pio": 500,
    "run_vp_pio_apic": 600,
    "run_vp_pio_regs": 760,
    "run_vp_pio_regs_apic": 860,
    "run_vp_cpuid": 700,
    "run_vp_msr": 740,
    "run_vp_msr_apic": 840,
    "run_vp_mmio": 950,
    "run_vp_mmio_apic": 1_050,
    "run_vp_halt": 600,
    "run_vp_interrupt_window": 1_300,
    "run_vp_exception": 1_400,
    "run_vp_mmio_emulated": 3_000,
    "linux_cpuid": 300,
    "linux_out": 1_500,
    "guest_tsc_deadline": 1_800,
    "vmcs_accesses_run_vp_pio": 22,
    "vmcs_accesses_run_vp_pio_apic": 24,
    "trace_on_ticks": 25,
    "trace_off_ticks": 2,
    "memory_vp_bytes": 32 * 1024,
    "hypervisor_text_data_bytes": 168 * 1024,
    "scaling_64_percent": 2,
}
GOALS = {
    "hypervisor_text_data_bytes": 128 * 1024,
}

# The same under QEMU/KVM in Bochs.
NESTED_LIMITS = {"run_vp_pio": 36_000, "exit_internal_cpuid": 14_500}

# KVM in Linux 6.1 on the same model of Bochs, mitigations off: medians, measured once. `make bench-peer` measures them
# anew, and says where the work differs. Its VPs have no local APIC in the kernel, so that HLT comes to the client.
KVM = {"exit_internal_cpuid": 962, "linux_cpuid": 962, "run_vp_pio": 3099, "run_vp_pio_regs": 6295, "run_vp_msr": 3078,
       "run_vp_halt": 2668, "run_vp_interrupt_window": 2829, "run_vp_mmio_emulated": 5823}

APIC = "_apic"
# Only with a local APIC: inside guests of the monitor, and what needs one.
ONLY_APIC = ("linux_", "guest_", "inject_interrupt")


def pairs(names):
    """(case without a local APIC or None, with one or None) in the order of the names."""
    names = list(names)
    for name in names:
        base = name.removesuffix(APIC)
        if name.startswith(ONLY_APIC):
            yield None, name
        elif name == base:
            yield name, base + APIC if base + APIC in names else None
        elif base not in names:
            yield None, name

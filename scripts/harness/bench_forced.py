# SPDX-License-Identifier: MIT
"""What the mitigations of all processors together add to each case: in a build that has every one of them on, with NOPs
for the instructions that Bochs' model lacks (arch/cpu/mitigation.h)."""
from . import bench
from .bench_limits import APIC

BUILD = ("forced", "FORCE_MITIGATIONS=1")
CASES = ("exit_internal_cpuid", "run_vp_pio", "run_vp_pio_regs", "run_vp_cpuid", "run_vp_msr", "run_vp_mmio",
         "run_vp_halt", "run_vp_interrupt_window", "run_vp_exception", "run_vp_mmio_emulated")
RUNS = 200

# The goal (issue 13): the figure without them, so many more for an exit of the guest, and the named instructions, with
# the moves into the registers that they take: WRMSR 4, RDMSR 2, VERW 1.
EXIT = 70
WITHIN_A_RUN = 4 + 1  # IA32_SPEC_CTRL after the exit, VERW before the entry
WITH_RECORD = WITHIN_A_RUN + 2 + 3 * 4  # and IA32_SPEC_CTRL read, written, given back, IA32_FLUSH_CMD

# Where the goal is not reached yet, the case may take what it takes today with all of them.
LIMITS = {
    "run_vp_pio": 610,
    "run_vp_pio_regs": 830,
    "run_vp_cpuid": 785,
    "run_vp_msr": 790,
    "run_vp_mmio": 1_020,
    "run_vp_halt": 555,
    "run_vp_exception": 1_010,
    "run_vp_mmio_emulated": 2_840,
}


def goal(name, without):
    """What the case may take with every mitigation."""
    return without + EXIT + (WITHIN_A_RUN if name.startswith("exit_internal") else WITH_RECORD)


def limit(name, without):
    return LIMITS.get(name, goal(name, without))


def measure():
    """Figures with nothing but what the cases take then, and failures."""
    came = bench.run("forced", "", f"runs={RUNS} only={','.join(CASES)}", kernel=bench.build(BUILD))
    forced = {name: c.median for name, c in came.cases.items() if name.removesuffix(APIC) in CASES}
    return bench.Figures(forced=forced, failures=came.failures)


def rows(figures):
    """(case, its figure without, with them) of those that were measured."""
    for name, forced in figures.forced.items():
        if name in figures.cases:
            yield name, figures.cases[name].median, forced


def table(figures):
    yield f"{'every mitigation forced':<32}{'without':>9}{'with':>9}{'more':>9}{'limit':>9}{'goal':>9}  verdict"
    for name, without, forced in rows(figures):
        bounds = limit(name, without), goal(name, without)
        yield (f"{name:<32}{without:>9,}{forced:>9,}{forced - without:>9,}{bounds[0]:>9,}{bounds[1]:>9,}  "
               f"{bench.verdict(forced, *bounds)}")


def complaints(figures):
    """For the guard."""
    found = {name: (without, forced) for name, without, forced in rows(figures)}
    for name in (c + s for c in CASES for s in ("", APIC)):
        if name in figures.cases and name not in found:
            yield f"{name}: not measured with mitigations"
        elif name in found and found[name][1] > limit(name, found[name][0]):
            yield (f"{name}: with every mitigation the limit is {limit(name, found[name][0]):,}, came "
                   f"{found[name][1]:,}")

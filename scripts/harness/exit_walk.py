# SPDX-License-Identifier: MIT
"""One measured run of a bench case as Bochs' debugger traces it, instruction by instruction."""
import os
import pathlib
import re
import subprocess
import time
from dataclasses import dataclass, field

from . import bench, bench_guard, boot, machine
from .report import Result

WORK = pathlib.Path("build/walk")
HYPERVISOR_ELF = "build/whimbrel.elf"
ROOT_ELF = "build/bench-root.elf"
WARM = 300        # exits before the trace begins: every cache is filled, the VP is launched
STEPS = 12_000    # instructions traced at most
WITHOUT_GUEST = "run_vp_interrupt_window"  # whose record is there at once, before the guest is entered
CPU_SECONDS = 180

DOCUMENT = pathlib.Path("docs/exit-path.md")

HYPERVISOR = 0xffffffff80000000
TRACED = re.compile(r"^\(0\)\.\[\d+\] \[0x[0-9a-f]+\] [0-9a-f]+:([0-9a-f]+) \([^)]*\): (.*?) ;")
IMMEDIATE = re.compile(r"^mov e?([a-z0-9]+?)d?, 0x([0-9a-f]{8})$")
ACCESS = re.compile(r"^(vmread|vmwrite) (.*)$")
# What hardware charges much more for than for others, apart from entries and exits.
DEAR = re.compile(r"^(vm\w+|rdmsr|wrmsr|rdtsc|cpuid|lfence|lock \w+|xchg (?=.*\[)|xsave\w*|xrstor\w*|swapgs"
                  r"|mov [cd]r\d|mov \w+, [cd]r\d|rep \w+)")


class WalkError(Exception):
    """There is no walk, and the sentence says why."""


@dataclass
class Step:
    """One instruction executed."""
    address: int
    text: str
    world: str = ""
    functions: list = field(default_factory=list)  # the innermost of inlined ones first
    line: str = ""
    vmcs_field: str = ""


@dataclass
class Stage:
    """Instructions in a row of one function of one world."""
    world: str
    name: str
    steps: list = field(default_factory=list)


def parse_trace(lines):
    """The steps in the debugger's output."""
    found = (TRACED.match(line) for line in lines)
    return [Step(int(m[1], 16), m[2].strip()) for m in found if m]


def one_run(steps):
    """The steps after the bench's first reading of the TSC to its second, around the first run that is complete; []
    if there is none."""
    readings = [i for i, s in enumerate(steps) if s.text == "rdtsc" and s.address < HYPERVISOR]
    for begin, end in zip(readings, readings[1:]):
        if any(s.text.startswith("vmresume") for s in steps[begin:end]):
            return steps[begin + 1:end + 1]
    return []


def field_names(header):
    """Encoding to name, from arch/vmx/vmcs_fields.h's text."""
    return {int(m[2], 16): m[1] for m in re.finditer(r"VMCS_FIELD\w+\(VMCS_(\w+), (0x[0-9a-f]+)\)", header)}


def name_fields(steps, names):
    """Fills vmcs_field of VMREAD and VMWRITE: a constant was moved into the register that holds the encoding. One that
    came another way stays unnamed."""
    held = {}
    for step in steps:
        access = ACCESS.match(step.text)
        if access:
            operands = [o.strip() for o in access[2].split(",")]
            register = operands[1 if access[1] == "vmread" else 0]
            step.vmcs_field = names.get(held.get(register.lstrip("re")), "?")
            held.pop(operands[0].lstrip("re"), None) if access[1] == "vmread" else None
        elif m := IMMEDIATE.match(step.text):
            held[m[1].lstrip("re")] = int(m[2], 16)


def functions_at(elf, addresses, base=0):
    """For each address the inlined functions there, innermost first, and file:line of the innermost."""
    query = "".join(f"{a - base:#x}\n" for a in addresses)
    out = subprocess.run(["addr2line", "-e", elf, "-f", "-i", "-a"], input=query, stdout=subprocess.PIPE, check=True,
                         text=True).stdout.splitlines()
    answers, at = {}, None
    for line in out:
        if line.startswith("0x"):
            at = int(line, 16) + base
            answers[at] = []
        else:
            answers[at].append(line)
    return {a: (lines[0::2], lines[1].split(" (")[0]) for a, lines in answers.items()}


def locate(steps, hypervisor_elf, root_elf, root_base, root_end):
    """Fills world, functions and line."""
    def known(inside, elf, base):
        return functions_at(elf, sorted({s.address for s in steps if inside(s.address)}), base)

    host = known(lambda a: a >= HYPERVISOR, hypervisor_elf, 0)
    root = known(lambda a: root_base <= a < root_end, root_elf, root_base)
    for step in steps:
        table, step.world = (host, "hypervisor") if step.address in host else (root, "root")
        if step.address not in table:
            step.world = "guest"
            continue
        step.functions, step.line = table[step.address]


def stages(steps):
    """The steps in a row of each outermost function."""
    result = []
    for step in steps:
        name = step.functions[-1] if step.functions else "its code"
        if not result or (result[-1].world, result[-1].name) != (step.world, name):
            result.append(Stage(step.world, name))
        result[-1].steps.append(step)
    return result


def dear(stage):
    """The instructions of a stage that hardware charges for, VMCS accesses with their fields; a string instruction
    counts in each iteration and is named once."""
    found, before = [], None
    for step in stage.steps:
        if step.vmcs_field:
            found.append(f"{step.text.split()[0].upper()} {step.vmcs_field}")
        elif (m := DEAR.match(step.text)) and not (m[1].startswith("rep") and step.address == before):
            found.append(m[1].strip().upper())
        before = step.address
    return found


def inlined(stage):
    """Names of the functions in a stage with their numbers of instructions, in the order of their first."""
    counts = {}
    for step in stage.steps:
        name = step.functions[0] if step.functions else stage.name
        counts[name] = counts.get(name, 0) + 1
    return counts


def address_of(symbol):
    out = subprocess.run(["nm", HYPERVISOR_ELF], check=True, stdout=subprocess.PIPE, text=True).stdout
    return next(int(line.split()[0], 16) for line in out.splitlines() if line.endswith(f" {symbol}"))


def trace(case):
    """The debugger's lines, and where the root program was loaded."""
    image = boot.make_image("walk", "mitigations=off", f"runs=1000 only={case}", bench.ROOT)
    exits = "vmx_exit_root" if case.startswith(WITHOUT_GUEST) else "vmx_exit_guest"
    commands = f"lb {address_of(exits):#x}\n" + "c\n" * WARM
    commands += f"bpd 1\ntrace on\ns {STEPS}\ntrace off\nq\n"
    emulator = machine.Bochs(WORK, image, commands=commands)
    patience = emulator.patience(CPU_SECONDS)
    while emulator.running() and not patience.over():
        time.sleep(0.1)
    emulator.stop()
    console = emulator.console.read_text(errors="replace")
    loaded = re.search(r"root program at 0x[0-9a-f]+, entry (0x[0-9a-f]+)", console)
    if not loaded:
        raise WalkError(f"the root program did not start; see {emulator.console}")
    return emulator.output.read_text(errors="replace").splitlines(), int(loaded[1], 16)


def entry_offset():
    out = subprocess.run(["readelf", "-h", ROOT_ELF], check=True, stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"Entry point address:\s+(0x[0-9a-f]+)", out)[1], 16)


def walk(case):
    lines, entry = trace(case)
    steps = one_run(parse_trace(lines))
    if not steps:
        raise WalkError(f"no complete run of {case!r} within {STEPS:,} instructions; is there such a case? ("
                        "docs/bench.md lists them; those that the guest measures cannot be walked) See "
                        f"{WORK}/emulator.out")
    name_fields(steps, field_names(pathlib.Path("arch/vmx/vmcs_fields.h").read_text()))
    base = entry - entry_offset()
    locate(steps, HYPERVISOR_ELF, ROOT_ELF, base, base + os.path.getsize(ROOT_ELF))
    return steps


def test():
    """The test bench/walk: the walk finds one run with every field's name, and the page that explains it is of it."""
    began = time.monotonic()
    log = WORK / "emulator.out"
    expected = "a walk of run_vp_pio"
    try:
        steps = walk("run_vp_pio")
        fields = [s.vmcs_field for s in steps if s.vmcs_field]
        told = int(re.search(r"\*\*together\*\* \| \*\*(\d+)\*\*", DOCUMENT.read_text())[1])
        expected = f"{told} instructions as {DOCUMENT} has it, and all VMCS fields with their names"
        came = f"{len(steps)} instructions, the fields {', '.join(fields)}"
        near = abs(len(steps) - told) <= told * bench_guard.BASELINE_PERCENT / 100
        ok = near and "?" not in fields and len(fields) > 10
    except (WalkError, subprocess.CalledProcessError, OSError, TypeError) as error:
        ok, came = False, str(error)
    return [Result("bench/walk", ok, time.monotonic() - began, expected, came, log)]

# SPDX-License-Identifier: MIT
"""The bench: what its root program printed, the limits, and the table."""
import dataclasses
import json
import pathlib
import re
import subprocess

from . import boot, machine
from .bench_limits import APIC, GOALS, KVM, LIMITS, pairs

WORK = pathlib.Path("build/test/bench")
ROOT = "build/boot/bench-root.elf"
KERNEL = "build/whimbrel.elf"
# Builds of the hypervisor for measurements: the directory's name, and the variable of the Makefile that makes it.
COUNTED, UNTRACED, ENLIGHTENED = ("counted", "COUNT=1"), ("untraced", "NO_TRACE=1"), ("evmcs", "EVMCS=1")

# A bench may take longer than a test. Inside the machine it takes about 5 thousand million ticks.
TICKS = 40_000_000_000
CPU_SECONDS = 900

WARM_UP = 200  # runs before the samples (BENCH_WARM_UP)

# Those that need a second CPU. Everything else is measured on a machine with one, whose TSC is exact to the tick.
TWO_CPUS = ("cancel_remote", "inject_interrupt")


@dataclasses.dataclass
class Case:
    """One distribution, in ticks."""
    runs: int
    min: int
    median: int
    p99: int
    max: int
    overhead: int
    discarded: int
    width: int = 1
    histogram: list = dataclasses.field(default_factory=list)  # (begin of a class, samples in it)


@dataclasses.dataclass
class Figures:
    """What one or more runs of the bench gave."""
    cases: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)
    texts: dict = dataclasses.field(default_factory=dict)
    failures: list = dataclasses.field(default_factory=list)
    counts: dict = dataclasses.field(default_factory=dict)  # case: {instruction: executions in one run}
    forced: dict = dataclasses.field(default_factory=dict)  # case: median with every mitigation (bench_forced)

    def number(self, name):
        """A case's median, or a value; None: it was not measured."""
        return self.cases[name].median if name in self.cases else self.values.get(name)

    def add(self, other):
        self.cases.update(other.cases)
        self.values = {**other.values, **self.values}
        self.texts = {**other.texts, **self.texts}
        self.failures += other.failures
        self.counts.update(other.counts)
        self.forced.update(other.forced)


def parse(text):
    """Reads the lines that begin with @ (docs/bench.md) from a console's text."""
    figures = Figures()
    ended = False
    for line in text.replace("\r", "").splitlines():
        kind, _, rest = line.partition(" ")
        name, _, detail = rest.partition(" ")
        if kind == "@case":
            figures.cases[name] = Case(**{k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", detail)})
        elif kind == "@hist" and name in figures.cases:
            width, *classes = detail.split()
            figures.cases[name].width = int(width)
            figures.cases[name].histogram = [tuple(map(int, c.split(":"))) for c in classes]
        elif kind == "@count":
            figures.counts[name] = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", detail)}
        elif kind == "@value":
            figures.values[name] = int(detail)
        elif kind == "@text":
            figures.texts[name] = detail.strip()
        elif kind == "@failed":
            figures.failures.append(rest)
        elif kind == "@bench" and name == "end":
            ended = True
    if found := re.search(r"^\[whimbrel\] mitigations: (.*)$", text, re.M):
        figures.texts["mitigations"] = found[1].strip()
    if not ended:
        figures.failures.append("the bench did not come to its end")
    return figures


def build(special):
    """Makes a special build of the hypervisor. Returns its image's path."""
    directory, variable = f"build/{special[0]}", special[1]
    kernel = f"{directory}/boot/whimbrel.elf"
    subprocess.run(["make", "-s", "-j2", f"B={directory}", variable, kernel], check=True, stdout=subprocess.DEVNULL)
    return kernel


def run(name, cmdline="", root_cmdline="", cpus=1, kvm=False, kernel=boot.KERNEL):
    """Boots the bench once. Returns its figures and how the machine ended."""
    image = boot.make_image(f"bench-{name}", cmdline, root_cmdline, ROOT, kernel)
    if kvm:
        emulator = machine.Qemu(WORK / name, image, cpus=cpus, kvm=True)
    else:
        emulator = machine.Bochs(WORK / name, image, cpus=cpus, ticks=TICKS)
    ended = boot.Boot(emulator, CPU_SECONDS)
    figures = parse(ended.console)
    if not ended.switched_off or boot.CRASHED in ended.console:
        figures.failures.append(ended.last_lines())
    return figures


def derive(figures):
    """Adds the figures that follow from others."""
    one, most = figures.number("run_vp_pio_alive_1"), figures.number("run_vp_pio_alive_64")
    if one and most:
        figures.values["scaling_64_percent"] = round(100 * (most - one) / one, 2)
    figures.values["hypervisor_text_data_bytes"] = text_and_data()


def count(words="", kvm=False):
    """Boots the counter build. Returns what one run of each case makes the hypervisor execute."""
    only = f"only={words}" if words else ""
    counted = run("counted", "mitigations=off", f"runs=16 {only}".strip(), 1, kvm, build(COUNTED))
    figures = Figures(counts=counted.counts, failures=counted.failures)
    for name in ("run_vp_pio", "run_vp_pio" + APIC):
        if pio := counted.counts.get(name):
            figures.values[f"vmcs_accesses_{name}"] = pio["vmread"] + pio["vmwrite"]
    return figures


def add_special(figures, kvm=False, words=""):
    """Adds what other builds of the hypervisor say: instructions counted, and the price of a trace that is off."""
    figures.add(count(words, kvm))
    without = run("untraced", "mitigations=off", "runs=200 only=run_vp_pio_traced", 1, kvm, build(UNTRACED))
    figures.failures += without.failures
    case, reference = figures.cases.get("run_vp_pio_untraced"), without.cases.get("run_vp_pio_untraced")
    if case and reference:
        figures.values["trace_off_ticks"] = case.median - reference.median


def count_table(figures):
    """The lines of the table of counts, one case each."""
    kinds = next(iter(figures.counts.values()), {})
    yield f"{'in one run':<32}" + "".join(f"{kind:>12}" for kind in kinds)
    for name, counts in figures.counts.items():
        yield f"{name:<32}" + "".join(f"{counts[kind]:>12,}" for kind in kinds)


def text_and_data():
    """Bytes of the hypervisor's code, constants and initialised data, as `size` counts them."""
    out = subprocess.run(["size", KERNEL], check=True, stdout=subprocess.PIPE).stdout.decode()
    text, data = out.splitlines()[1].split()[:2]
    return int(text) + int(data)


def measure(mode, words="", runs=2000, two_cpus=True, kvm=False):
    """The whole bench, or the cases that begin with one of the words, with mitigations=`mode`."""
    wanted = [w for w in words.split(",") if w]
    second = [c for c in TWO_CPUS if not wanted or any(c.startswith(w) for w in wanted)]
    figures = Figures()
    if not wanted or len(second) < len(wanted):
        only = f"only={','.join(wanted)}" if wanted else ""
        figures.add(run(f"{mode}-1cpu", f"mitigations={mode}", f"runs={runs} {only}".strip(), 1, kvm))
    if second and two_cpus:
        figures.add(run(f"{mode}-2cpu", f"mitigations={mode}", f"runs={runs} only={','.join(second)}", 2, kvm))
    derive(figures)
    return figures


def table(figures, limits=LIMITS, peer=KVM, goals=GOALS):
    """The lines: the cases without and with a local APIC beside what they may take, then all there is of each case,
    then the values."""
    yield f"{'':<28}{'no local APIC':>30}{'local APIC':>34}"
    yield (f"{'median ticks':<28}{'median':>10}{'limit':>10}{'goal':>10}{'median':>14}{'limit':>10}{'goal':>10}"
           f"{'KVM':>10}  verdict")
    for plain, apic in pairs(figures.cases):
        base = plain or apic.removesuffix(APIC)
        if apic or base in limits or base in peer:
            yield (f"{base:<28}{columns(figures, plain, limits, goals, 10)}{columns(figures, apic, limits, goals, 14)}"
                   f"{text_of(peer.get(base)):>10}  {verdicts(figures, (plain, apic), limits, goals)}").rstrip()
    yield ""
    yield f"{'case (ticks)':<32}{'min':>9}{'median':>9}{'p99':>9}{'max':>10}{'timer':>7}{'runs':>7}{'discarded':>11}"
    for name, c in figures.cases.items():
        yield (f"{name:<32}{c.min:>9,}{c.median:>9,}{c.p99:>9,}{c.max:>10,}{c.overhead:>7,}{c.runs:>7,}"
               f"{c.discarded:>11,}")
    yield ""
    yield f"{'value':<32}{'':>9}{'':>9}{'limit':>9}{'goal':>10}"
    for name, value in figures.values.items():
        yield (f"{name:<32}{value:>18,}{text_of(limits.get(name)):>9}{text_of(goals.get(name)):>10}  "
               f"{verdicts(figures, [name], limits, goals)}").rstrip()


def columns(figures, name, limits, goals, width):
    numbers = figures.number(name), limits.get(name), goals.get(name)
    return f"{text_of(numbers[0]):>{width}}{text_of(numbers[1]):>10}{text_of(numbers[2]):>10}"


def verdicts(figures, names, limits, goals):
    """What is to be said of these cases together, if there are limits."""
    said = [verdict(figures.number(n), limits.get(n), goals.get(n)) for n in names if n and n in {**limits, **goals}]
    return "; ".join(dict.fromkeys(said))


def text_of(number):
    return "" if number is None else f"{number:,}"


def verdict(value, limit, goal=None):
    if limit is not None and value > limit:
        return f"OVER THE LIMIT by {value - limit:,}"
    if goal is not None and value > goal:
        return f"goal missed by {value - goal:,}"
    return "reached"


def to_json(figures, machine_name, mitigations):
    """One flat object: key to number, and three texts."""
    flat = {"machine": machine_name, "cpu": figures.texts.get("cpu", "unknown"), "mitigations": mitigations}
    for name, c in figures.cases.items():
        flat[name] = c.median
        flat.update({f"{name}_{k}": getattr(c, k) for k in ("min", "p99", "max", "overhead", "runs")})
    for name, counts in figures.counts.items():
        flat.update({f"{name}_{kind}": n for kind, n in counts.items()})
    flat.update({f"{name}_forced": n for name, n in figures.forced.items()})
    flat.update(figures.values)
    return json.dumps(flat, indent=2) + "\n"

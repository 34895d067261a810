# SPDX-License-Identifier: MIT
"""The exit trace as the bench's root program printed it: a table and a picture. docs/exit-trace.md explains both."""
import collections
import dataclasses
import math
import pathlib
import re
import time

from . import host
from .report import Result, tail

WORK = pathlib.Path("build/test/trace")

# SDM vol. 3D, appendix C; those that a guest of Whimbrel can have.
REASONS = {
    0: "exception or NMI", 1: "external interrupt", 2: "triple fault", 3: "INIT", 7: "interrupt window",
    8: "NMI window", 9: "task switch", 10: "CPUID", 12: "HLT", 13: "INVD", 14: "INVLPG", 15: "RDPMC",
    16: "RDTSC", 18: "VMCALL", 28: "CR access", 29: "MOV DR", 30: "I/O", 31: "RDMSR", 32: "WRMSR",
    33: "invalid guest state", 36: "MWAIT", 39: "MONITOR", 40: "PAUSE", 43: "TPR below threshold",
    44: "APIC access", 45: "EOI", 46: "GDTR or IDTR", 47: "LDTR or TR", 48: "EPT violation", 51: "RDTSCP",
    52: "preemption timer", 54: "WBINVD", 55: "XSETBV", 56: "APIC write", 0x10000: "no exit",
}
COLOURS = ["#3a6ea5", "#a5693a", "#4f8a4f", "#9c4f7f", "#8a8a3a", "#5f5f5f", "#3a9a9a", "#c0504d", "#7a5fc0", "#222222"]
OTHER = "#bbbbbb"
CLASSES = 16


@dataclasses.dataclass
class Exit:
    """One entry. Times in ticks of the TSC."""
    cpu: int
    tsc: int
    partition: int
    vp: int
    reason: int
    qualification: int
    hypervisor: int
    root: int


@dataclasses.dataclass
class Trace:
    """Entries of all CPUs, in the order of each CPU's time, and how many each lost."""
    exits: list = dataclasses.field(default_factory=list)
    lost: dict = dataclasses.field(default_factory=dict)


def name_of(reason):
    return REASONS.get(reason, f"reason {reason}")


def test():
    """The test trace/picture: a mixed load on two CPUs, its table, and a picture of it."""
    began = time.monotonic()
    log, picture = WORK / "output.log", WORK / "trace.png"
    WORK.mkdir(parents=True, exist_ok=True)
    picture.unlink(missing_ok=True)
    status = host.logged(["scripts/trace", "--entries", "128", "-o", picture], log, 120)
    text = log.read_text(errors="replace")
    missing = [name_of(r) for r in (10, 12, 30, 48) if not re.search(rf"^{re.escape(name_of(r))} +\d", text, re.M)]
    if not picture.exists() or not picture.read_bytes().startswith(b"\x89PNG"):
        missing.append(f"the picture {picture}")
    return [Result("trace/picture", status == 0 and not missing, time.monotonic() - began,
                   "a table with every kind of exit, and a picture",
                   f"missing: {', '.join(missing)}\n{tail(log)}", log)]


def parse(text):
    """The lines between `@trace begin` and `@trace end` of a console's text. ValueError: they are broken."""
    trace, cpu = Trace(), None
    for line in text.replace("\r", "").splitlines():
        word, *rest = line.split()[:9] or [""]
        if word == "@trace" and rest[0] == "begin":
            cpu = int(rest[1])
            trace.lost[cpu] = int(re.search(r"lost=(\d+)", line)[1])
        elif word == "@trace":
            cpu = None
        elif word == "@exit" and cpu is not None:
            bases = (10, 10, 16, 10, 10, 16, 10, 10)
            trace.exits.append(Exit(*(int(value, base) for value, base in zip(rest, bases, strict=True))))
    if cpu is not None:
        raise ValueError(f"the trace of CPU {cpu} has no end")
    return trace


def median(values):
    return sorted(values)[len(values) // 2] if values else 0


def by_reason(trace):
    """Exits of each reason, the most frequent first."""
    groups = collections.defaultdict(list)
    for e in trace.exits:
        groups[e.reason].append(e)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def table(trace):
    """The lines of the table: a row for each reason."""
    yield (f"{'reason':<22}{'exits':>8}{'to the root':>13}{'hypervisor: min':>17}{'median':>9}{'max':>10}"
           f"{'root: median':>14}{'max':>12}")
    for reason, exits in by_reason(trace):
        inside = [e.hypervisor for e in exits]
        outside = [e.root for e in exits if e.root]
        yield (f"{name_of(reason):<22}{len(exits):>8,}{len(outside):>13,}{min(inside):>17,}{median(inside):>9,}"
               f"{max(inside):>10,}{median(outside):>14,}{max(outside, default=0):>12,}")
    for cpu, lost in trace.lost.items():
        if lost:
            yield f"CPU {cpu}: {lost:,} older exits were overwritten"


def lanes(trace):
    """A line of the picture for each CPU and VP: (CPU, partition, VP) to its place from the top."""
    keys = sorted({(e.cpu, e.partition, e.vp) for e in trace.exits})
    return {key: place for place, key in enumerate(keys)}


def draw(trace, title, path):
    """Writes a PNG. Needs matplotlib (Debian: python3-matplotlib)."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    rows = lanes(trace)
    figure = pyplot.figure(figsize=(14, 5 + 0.45 * len(rows)))
    grid = figure.add_gridspec(2, 2, height_ratios=[1 + 0.35 * len(rows), 2])
    colours = {reason: COLOURS[i] if i < len(COLOURS) else OTHER for i, (reason, _) in enumerate(by_reason(trace))}
    draw_timeline(figure.add_subplot(grid[0, :]), trace, rows, colours)
    draw_histogram(figure.add_subplot(grid[1, 0]), trace, colours, "hypervisor")
    draw_histogram(figure.add_subplot(grid[1, 1]), trace, colours, "root")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


def draw_timeline(axis, trace, rows, colours):
    """Of each exit a full bar for its time in the hypervisor, a pale one for the root's; white is the guest's."""
    begin = min(e.tsc for e in trace.exits)
    for reason, exits in by_reason(trace):
        for key, place in rows.items():
            mine = [e for e in exits if (e.cpu, e.partition, e.vp) == key]
            axis.broken_barh([(e.tsc - begin, e.hypervisor) for e in mine], (place - 0.4, 0.8), color=colours[reason])
            axis.broken_barh([(e.tsc - begin + e.hypervisor, e.root) for e in mine if e.root], (place - 0.25, 0.5),
                             color=colours[reason], alpha=0.3, linewidth=0)
        axis.bar(0, 0, color=colours[reason], label=name_of(reason))
    axis.set_yticks(list(rows.values()), [f"CPU {c}, partition {p:x}, VP {v}" for c, p, v in rows], fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("ticks; full: hypervisor, pale: root, white: guest, or another VP's turn", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=7, ncols=6, loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.7 / (1 + len(rows))))


def draw_histogram(axis, trace, colours, where):
    """Logarithmic classes, CLASSES to the doubling, stacked by reason."""
    groups = [(reason, [getattr(e, where) for e in exits if getattr(e, where)]) for reason, exits in by_reason(trace)]
    groups = [(reason, times) for reason, times in groups if times]
    if groups:
        least = min(min(times) for _, times in groups)
        most = max(max(times) for _, times in groups)
        steps = max(1, math.ceil(CLASSES * math.log2(most / least))) if most > least else 1
        edges = [least * 2 ** (i / CLASSES) for i in range(steps + 2)]
        axis.hist([times for _, times in groups], bins=edges, stacked=True, color=[colours[r] for r, _ in groups])
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_title(f"time in the {where} for one exit, ticks", fontsize=8)
    axis.tick_params(labelsize=7)

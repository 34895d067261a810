# SPDX-License-Identifier: MIT
"""The picture of the bench: the median of each case, without and with a local APIC, on one logarithmic scale, beside
KVM's and its limit; and a histogram of each case that has more than one value, where the machine's times spread."""
import dataclasses
import json
import math
import time

from . import bench, bench_guard, bench_limits, host
from .host import WORK
from .report import Result, tail

PLAIN, WITH_APIC, THEIRS, LIMIT, TEXT, GRID = "#2f6da8", "#6fa8d6", "#b8741a", "#b02a30", "#222222", "#d9d9d9"
GOAL = {"marker": "D", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": LIMIT, "linestyle": ""}
COLUMNS = 3
INCH = 0.165       # of a bar
GAP = 0.7          # between cases, in bars
HISTOGRAM = 1.9    # inches of a row of histograms
SPREAD = 1.02      # 99th percentile to minimum: less is one value


@dataclasses.dataclass
class Bar:
    """One figure of a case, at a height counted from the top in bars."""
    at: float
    ticks: int
    colour: str
    limit: int = None
    goal: int = None


def bars_of(figures, limits, goals, peer):
    """The bars of all cases from the top, and (name, height) of each case."""
    bars, names, at = [], [], 0.0
    for plain, apic in bench_limits.pairs(figures.cases):
        base, top = plain or apic.removesuffix(bench_limits.APIC), at
        for name, colour in ((plain, PLAIN), (apic, WITH_APIC)):
            if name:
                bars.append(Bar(at, max(figures.number(name), 1), colour, limits.get(name), goals.get(name)))
                at += 1
        if base in peer:
            bars.append(Bar(at, peer[base], THEIRS))
            at += 1
        names.append((base, (top + at - 1) / 2))
        at += GAP
    return bars, names


def draw(figures, title, path, limits=None, peer=None, spreads=False, goals=None):
    """Writes a PNG, returns the figure. Needs matplotlib (Debian: python3-matplotlib). `limits`, `goals` and `peer`
    (KVM's) have ticks by case; `spreads`: the machine has distributions to show."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    spread = [(n, c) for n, c in figures.cases.items() if spreads and c.histogram and c.p99 > SPREAD * max(c.min, 1)]
    rows = math.ceil(len(spread) / COLUMNS)
    bars, names = bars_of(figures, limits or {}, goals or {}, peer or {})
    inches = INCH * ((bars[-1].at if bars else 0) + 2) + 1.6
    figure = pyplot.figure(figsize=(10, inches + HISTOGRAM * rows), facecolor="white", dpi=110, layout="constrained")
    grid = figure.add_gridspec(1 + rows, COLUMNS, height_ratios=[inches] + [HISTOGRAM] * rows)
    axis = figure.add_subplot(grid[0, :])
    draw_bars(axis, bars)
    label(axis, names, bars, title)
    add_legend(axis, bars)
    for number, (name, case) in enumerate(spread):
        draw_case(figure.add_subplot(grid[1 + number // COLUMNS, number % COLUMNS]), name, case)
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)
    return figure


def draw_bars(axis, bars):
    """Each with its number inside, or after its end if it is short; its limit and its goal across it."""
    numbers = [n for b in bars for n in (b.ticks, b.limit, b.goal) if n]
    low, high = 10 ** math.floor(math.log10(min(numbers, default=10))), 1.6 * max(numbers, default=100)
    for bar in bars:
        axis.barh(bar.at, bar.ticks - low, left=low, height=0.86, color=bar.colour)
        inside = bar.ticks > 2.5 * low
        axis.annotate(f"{bar.ticks:,}", (bar.ticks, bar.at), xytext=(-4 if inside else 5, 0),
                      textcoords="offset points", va="center", ha="right" if inside else "left", fontsize=7.5,
                      color=TEXT if bar.colour == WITH_APIC or not inside else "white")
        if bar.limit:
            axis.plot([bar.limit] * 2, [bar.at - 0.5, bar.at + 0.5], color=LIMIT, linewidth=1.8, solid_capstyle="butt")
        if bar.goal:
            axis.plot([bar.goal], [bar.at], **GOAL)
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_ylim((bars[-1].at if bars else 0) + 1, -1)


def label(axis, names, bars, title):
    axis.set_yticks([at for _, at in names], [name for name, _ in names], fontsize=8.5, color=TEXT)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.tick_params(axis="x", labelsize=8.5, labeltop=len(bars) > 20, top=True, which="major")
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("right", "left"):
        axis.spines[side].set_visible(False)
    axis.set_xlabel("ticks of the TSC for one run of the case, logarithmic scale", fontsize=8.5, color=TEXT)
    axis.set_title(title, fontsize=10.5, color=TEXT, loc="left", pad=12)


def add_legend(axis, bars):
    """Of what there is."""
    from matplotlib import lines, patches  # pylint: disable=import-outside-toplevel
    colours = {b.colour for b in bars}
    wanted = [(PLAIN, "Whimbrel, no local APIC"), (WITH_APIC, "Whimbrel, local APIC"), (THEIRS, "KVM, the same work")]
    entries = [patches.Patch(color=c, label=text) for c, text in wanted if c in colours]
    if any(b.limit for b in bars):
        entries.append(lines.Line2D([], [], color=LIMIT, linewidth=1.8, label="limit"))
    if any(b.goal for b in bars):
        entries.append(lines.Line2D([], [], label="goal", **GOAL))
    height = INCH * (bars[-1].at + 2) if bars else 1
    axis.legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.5 / height), ncols=len(entries),
                fontsize=8.5, frameon=False)


def draw_case(axis, name, case):
    # A rare sample far away would press all others into one bar: it is counted in the label instead.
    end = max(case.p99 + case.width, case.median * 1.02 + 2)
    begin = min(case.min, case.median * 0.98 - 2)
    shown = [(at, n) for at, n in case.histogram if at <= end]
    outside = sum(n for at, n in case.histogram if at > end)
    width = max(case.width, (end - begin) / 60)
    axis.bar([at for at, _ in shown], [n for _, n in shown], width=width, align="edge", color=PLAIN)
    axis.axvline(case.median, color=THEIRS, linewidth=0.8, zorder=0)
    axis.set_xlim(begin, end + width)
    axis.set_yscale("log")
    axis.set_ylim(0.7, 2 * max(n for _, n in case.histogram))
    axis.set_title(f"{name}: median {case.median:,}" + (f", {outside} above" if outside else ""), fontsize=8)
    axis.set_ylabel("samples", fontsize=7)
    axis.tick_params(labelsize=7)


def complaints(path):
    """What is wrong with a picture of the recorded figures, and of a machine whose times spread."""
    medians = json.loads(bench_guard.BASELINE.read_text())
    cases = {n: bench.Case(9, m, m, m, 2 * m, 5, 0, 1, [(m, 9)]) for n, m in medians.items() if "memory" not in n}
    cases["spread"] = bench.Case(9, 100, 110, 140, 900, 5, 0, 10, [(100, 5), (140, 3), (900, 1)])
    for spreads, axes in ((False, 1), (True, 2)):
        figure = draw(bench.Figures(cases), "a title", path, bench_limits.LIMITS, bench_limits.KVM, spreads,
                      bench_limits.GOALS)
        if len(figure.axes) != axes:
            yield f"{len(figure.axes)} diagrams instead of {axes}"
        names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        boxes = [t.get_window_extent() for t in [*figure.axes[0].get_yticklabels(), *figure.axes[0].texts]]
        shown = len(cases) + sum(name in bench_limits.KVM for name in names)
        if len(boxes) - len(names) != shown or set(names) != {c.removesuffix(bench_limits.APIC) for c in cases}:
            yield "cases without their names or numbers"
        boxes.append(figure.axes[0].get_legend().get_window_extent())
        if any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n]):
            yield "names, numbers or a legend that overlap"
        if not all(figure.bbox.containsx(x) for box in boxes for x in (box.x0, box.x1)):
            yield "names, numbers or a legend cut off"
    if not path.read_bytes().startswith(b"\x89PNG"):
        yield "no PNG"


def test():
    """The test bench/picture, by Debian's own Python, which matplotlib belongs to."""
    began = time.monotonic()
    log = WORK / "bench-picture.log"
    program = ("import pathlib, sys; sys.path.insert(0, 'scripts'); from harness import bench_picture as p; "
               "found = list(p.complaints(pathlib.Path(sys.argv[1]))); sys.exit('; '.join(found) or 0)")
    status = host.logged(["/usr/bin/python3", "-B", "-c", program, log.with_suffix(".png")], log, 120)
    return [Result("bench/picture", status == 0, time.monotonic() - began, "bars with names and numbers that can be "
                   "read, and histograms where times spread", tail(log), log)]

# SPDX-License-Identifier: MIT
"""The picture of the bench: the median of each case on one logarithmic scale, beside KVM's and its limit; and a
histogram of each case that has more than one value, where the machine's times spread at all."""
import json
import math
import time

from . import bench, bench_guard, bench_limits, host
from .host import WORK
from .report import Result, tail

OURS, THEIRS, LIMIT, TEXT, GRID = "#2f6da8", "#b8741a", "#b02a30", "#222222", "#d9d9d9"
COLUMNS = 3
ROW = 0.34         # inches of a case's bars
HISTOGRAM = 1.9    # of a row of histograms
SPREAD = 1.02      # 99th percentile to minimum: less is one value


def draw(figures, title, path, limits=None, peer=None, spreads=False):
    """Writes a PNG, returns the figure. Needs matplotlib (Debian: python3-matplotlib). `limits` and `peer` (KVM's) have
    ticks by case; `spreads`: the machine has distributions to show."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    spread = [(n, c) for n, c in figures.cases.items() if spreads and c.histogram and c.p99 > SPREAD * max(c.min, 1)]
    rows = math.ceil(len(spread) / COLUMNS)
    bars = ROW * max(1, len(figures.cases)) + 1.6
    figure = pyplot.figure(figsize=(10, bars + HISTOGRAM * rows), facecolor="white", dpi=110, layout="constrained")
    grid = figure.add_gridspec(1 + rows, COLUMNS, height_ratios=[bars] + [HISTOGRAM] * rows)
    draw_medians(figure.add_subplot(grid[0, :]), figures.cases, limits or {}, peer or {}, title)
    for number, (name, case) in enumerate(spread):
        draw_case(figure.add_subplot(grid[1 + number // COLUMNS, number % COLUMNS]), name, case)
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)
    return figure


def draw_medians(axis, cases, limits, peer, title):
    """One row a case, in the bench's order from the top: our bar, KVM's below it, the limit across both."""
    from matplotlib import lines, patches  # pylint: disable=import-outside-toplevel
    numbers = [n for name, c in cases.items() for n in (c.median, limits.get(name), peer.get(name)) if n]
    low, high = 10 ** math.floor(math.log10(min(numbers, default=10))), 2.2 * max(numbers, default=100)
    for row, (name, case) in enumerate(cases.items()):
        ours, theirs, limit = max(case.median, 1), peer.get(name), limits.get(name)
        draw_bar(axis, row - (0.19 if theirs else 0), ours, OURS, low)
        if theirs:
            draw_bar(axis, row + 0.19, theirs, THEIRS, low)
        if limit:
            axis.plot([limit, limit], [row - 0.45, row + 0.45], color=LIMIT, linewidth=2, solid_capstyle="butt")
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_ylim(len(cases) - 0.4, -0.6)
    axis.set_yticks(range(len(cases)), cases, fontsize=8.5, color=TEXT)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.tick_params(axis="x", labelsize=8.5, labeltop=True, top=True, which="major")
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("ticks of the TSC for one run of the case, logarithmic scale", fontsize=8.5, color=TEXT)
    axis.set_title(title, fontsize=10.5, color=TEXT, loc="left", pad=12)
    legend = [patches.Patch(color=OURS, label="Whimbrel, median")]
    legend += [patches.Patch(color=THEIRS, label="KVM, median, the same work (docs/bench.md)")] if peer else []
    legend += [lines.Line2D([], [], color=LIMIT, linewidth=2, label="limit")] if limits else []
    axis.legend(handles=legend, loc="upper center", bbox_to_anchor=(0.5, -1.3 / max(len(cases), 6)), ncols=len(legend),
                fontsize=8.5, frameon=False)


def draw_bar(axis, at, ticks, colour, low):
    """With its number inside, where the limit's line does not come as a rule; after its end if it is short."""
    axis.barh(at, ticks - low, left=low, height=0.37, color=colour)
    inside = ticks > 2.5 * low
    axis.annotate(f"{ticks:,}", (ticks, at), xytext=(-4 if inside else 4, 0), textcoords="offset points", va="center",
                  ha="right" if inside else "left", fontsize=7.5, color="white" if inside else TEXT)


def draw_case(axis, name, case):
    # A rare sample far away would press all others into one bar: it is counted in the label instead.
    end = max(case.p99 + case.width, case.median * 1.02 + 2)
    begin = min(case.min, case.median * 0.98 - 2)
    shown = [(at, n) for at, n in case.histogram if at <= end]
    outside = sum(n for at, n in case.histogram if at > end)
    width = max(case.width, (end - begin) / 60)
    axis.bar([at for at, _ in shown], [n for _, n in shown], width=width, align="edge", color=OURS)
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
        figure = draw(bench.Figures(cases), "a title", path, bench_limits.LIMITS, bench_limits.KVM, spreads)
        if len(figure.axes) != axes:
            yield f"{len(figure.axes)} diagrams instead of {axes}"
        texts = [t.get_window_extent() for t in figure.axes[0].get_yticklabels()]
        texts += [t.get_window_extent() for t in figure.axes[0].texts]
        if len(texts) < 2 * len(cases):
            yield "cases without their names or numbers"
        if any(a.overlaps(b) for n, a in enumerate(texts) for b in texts[:n]):
            yield "names or numbers that overlap"
        if not all(figure.bbox.containsx(x) for box in texts for x in (box.x0, box.x1)):
            yield "names or numbers cut off"
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

# SPDX-License-Identifier: MIT
"""The picture of the bench: one small histogram for each case."""
import math

COLUMNS = 4


def draw(figures, title, path):
    """Writes a PNG. Needs matplotlib (Debian: python3-matplotlib)."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    cases = [(name, c) for name, c in figures.cases.items() if c.histogram]
    rows = max(1, math.ceil(len(cases) / COLUMNS))
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 2.4 * rows), squeeze=False)
    for axis in axes.flat[len(cases):]:
        axis.set_visible(False)
    for axis, (name, case) in zip(axes.flat, cases):
        draw_case(axis, name, case)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


def draw_case(axis, name, case):
    # A rare sample far away would press all others into one bar: it is counted in the label instead.
    end = max(case.p99 + case.width, case.median * 1.02 + 2)
    begin = min(case.min, case.median * 0.98 - 2)
    shown = [(at, n) for at, n in case.histogram if at <= end]
    outside = sum(n for at, n in case.histogram if at > end)
    width = max(case.width, (end - begin) / 60)
    axis.bar([at for at, _ in shown], [n for _, n in shown], width=width, align="edge", color="#3a6ea5")
    axis.axvline(case.median, color="#a5693a", linewidth=0.6, zorder=0)
    axis.set_xlim(begin, end + width)
    axis.set_yscale("log")
    axis.set_ylim(0.7, 2 * max(n for _, n in case.histogram))
    axis.set_title(f"{name}: median {case.median:,}" + (f", {outside} above" if outside else ""), fontsize=8)
    axis.tick_params(labelsize=7)

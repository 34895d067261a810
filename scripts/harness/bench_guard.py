# SPDX-License-Identifier: MIT
"""The guard of the bench: no case above its limit, and none much above what was recorded before."""
import json
import pathlib
import time

from . import bench, bench_forced, bench_guests
from .bench_limits import GOALS, LIMITS
from .report import Result

BASELINE = pathlib.Path("tests/bench-baseline.json")
# A case may be so much above its recorded figure, in percent and in ticks (for those of a few ticks).
BASELINE_PERCENT = 10
BASELINE_SLACK = 5
RUNS = 1000


def record(figures):
    """Makes what was measured the figures that the guard compares with."""
    numbers = {name: c.median for name, c in figures.cases.items()}
    numbers.update({name: v for name, v in figures.values.items() if name.startswith("memory_")})
    BASELINE.write_text(json.dumps(numbers, indent=2) + "\n")


def complaints(figures, baseline):
    """What the guard finds: failures of the bench, cases above their record, limits that were kept before."""
    yield from figures.failures
    for name, recorded in baseline.items():
        came = figures.number(name)
        if came is None:
            yield f"{name}: recorded {recorded:,}, not measured now"
        elif came > recorded + max(recorded * BASELINE_PERCENT / 100, BASELINE_SLACK):
            yield f"{name}: recorded {recorded:,}, came {came:,}: {100 * (came - recorded) / recorded:.1f} % more"
    for name, limit in LIMITS.items():
        came = figures.number(name)
        if came is None or came > limit:
            yield f"{name}: the limit is {limit:,}, came {bench.text_of(came) or 'nothing'}"
    yield from bench_forced.complaints(figures)


def measure():
    """What the guard compares, but what only special builds have."""
    figures = bench.measure("off", runs=RUNS)
    figures.add(bench_guests.measure("off"))
    return figures


def test():
    """The test bench/guard."""
    began = time.monotonic()
    figures = measure()
    figures.add(bench_forced.measure())
    bench.add_special(figures, words="run_vp_pio")
    found = list(complaints(figures, json.loads(BASELINE.read_text())))
    log = bench.WORK / "guard.log"
    log.write_text("\n".join([*found, *bench.table(figures), "", *bench_forced.table(figures)]) + "\n")
    over = [f"{name} {figures.number(name) or 0:,} (goal {goal:,})" for name, goal in GOALS.items()]
    print(f"     bench/guard: goals, which fail nothing yet: {', '.join(over) or 'none'}", flush=True)
    return [Result("bench/guard", not found, time.monotonic() - began,
                   f"no case more than {BASELINE_PERCENT} % above {BASELINE}", "\n".join(found), log)]

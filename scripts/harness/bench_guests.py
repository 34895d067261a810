# SPDX-License-Identifier: MIT
"""The part of the bench that is measured inside guests of the monitor, as `make run` makes them: in a program of a
Linux guest, and in a small kernel where that takes CPL 0."""
import re

from . import bench, boot, guests, machine

KERNEL = "build/guest/tests/exits.elf"
# Guest: what mkimage makes it of, and the cases that it measures.
GUESTS = {
    "linux": ([*guests.linux("exits", append=f"{guests.APPEND} quiet"), "--pvh"], ("linux_cpuid", "linux_out")),
    "small": (["--multiboot", KERNEL, "--memory", "32M"],
              ("guest_cpuid", "guest_out", "guest_rdmsr", "guest_self_ipi", "guest_tsc_deadline")),
}


def samples_of(text):
    """Case: its samples, from the lines that the guests print (tests/guest/exits/samples.h)."""
    found = {}
    for name, numbers in re.findall(r"^@samples (\w+)((?: [0-9a-f]+)+)\r?$", text, re.M):
        found.setdefault(name, []).extend(int(n, 16) for n in numbers.split())
    return found


def case_of(samples):
    """As the root program's bench_report makes one of its samples."""
    samples = sorted(samples)
    count = len(samples)
    histogram = [(value, samples.count(value)) for value in sorted(set(samples))]
    return bench.Case(count, samples[0], samples[count // 2], samples[count - 1 - count // 100], samples[-1], 0, 0, 1,
                      histogram)


def run(name, mode):
    words, cases = GUESTS[name]
    image = guests.mkimage(f"bench-{name}-{mode}", "--hypervisor-options", f"mitigations={mode}", *words)
    emulator = machine.Bochs(bench.WORK / f"{name}-{mode}", image, mem=512, ticks=guests.TICKS)
    done = boot.Boot(emulator, guests.CPU_SECONDS)
    figures = bench.parse(done.console)
    figures.cases = {case: case_of(samples) for case, samples in samples_of(done.console).items()}
    if not done.switched_off or boot.CRASHED in done.console or tuple(figures.cases) != cases:
        figures.failures.append(done.last_lines())
    return figures


def wanted(words):
    """The guests that have a case which begins with one of the words; "": all."""
    return [name for name, (_, cases) in GUESTS.items()
            if not words or any(case.startswith(w) for case in cases for w in words.split(",") if w)]


def measure(mode, words=""):
    """All cases of the guests that are wanted. Needs `make test-guests`."""
    figures = bench.Figures()
    for name in wanted(words):
        figures.add(run(name, mode))
    return figures

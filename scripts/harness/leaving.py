# SPDX-License-Identifier: MIT
"""What is left of the hypervisor in memory when the machine resets, and who runs then."""
import subprocess

from . import boot, machine
from .host import WORK
from .report import Result

IMAGE_VIRTUAL = 0xffffffff80000000
IMAGE_BASE = 0x200000   # where GRUB puts it, and the heap, in a machine of 512 MiB
HEAP_BASE = 0x1fa00000
HEAP_SIZE = 4 << 20
DIRECT_MAP = 0xffff800000000000
RESET_VECTOR = 0xfffffff0
MARKER = b"leave-no-marker!"  # XMM0 of a guest, tests/scenarios/leaving.c
WAYS = 5
TICKS = 20_000_000_000


def symbols():
    out = subprocess.run(["nm", "build/whimbrel.elf"], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = (line.split() for line in out.splitlines())
    return {row[2]: int(row[0], 16) - IMAGE_VIRTUAL for row in rows if len(row) == 3}


def dumps(workdir, at, cpus, ways):
    """Debugger commands: at the last instructions of the hypervisor, then at the processor's first after the reset.
    With two CPUs Bochs may miss the first breakpoint."""
    text = f"lb {RESET_VECTOR:#x}\n"
    if cpus == 1:
        text += f"lb {IMAGE_VIRTUAL + at['scrub_and_reset']:#x}\n"
    for way in range(ways):
        text += "c\n" if cpus == 1 else ""
        if way == 0 and cpus == 1:
            text += f'writemem "{workdir}/before" {DIRECT_MAP + HEAP_BASE:#x} {HEAP_SIZE}\n'
        text += "c\n"
        text += f'writemem "{workdir}/heap{way}" {HEAP_BASE:#x} {HEAP_SIZE}\n'
        text += f'writemem "{workdir}/image{way}" {IMAGE_BASE:#x} {at["image_end"]}\n'
    return text


def cleared(image, at):
    """All but the code that clears and the page tables it runs on."""
    kept = [(at["scrub_and_reset"], at["scrub_end"]), (at["early_tables"], at["early_tables_end"])]
    rest = bytearray(image)
    for begin, end in kept:
        rest[begin:end] = bytes(end - begin)
    return len(image) == at["image_end"] and not any(rest)


def read(path):
    return path.read_bytes() if path.exists() else b""


def run(cpus, ways):
    name = f"leaving/{cpus}cpu"
    workdir = (WORK / name).absolute()
    workdir.mkdir(parents=True, exist_ok=True)
    for old in workdir.iterdir():
        old.unlink()
    at = symbols()
    image = boot.make_image(f"leaving-{cpus}cpu", f"heap={HEAP_SIZE >> 20}M", "only=leaving/", boot.TEST_ROOT)
    commands = f"sb {TICKS}\n" + dumps(workdir, at, cpus, ways) + ("c\nq\n" if ways == WAYS else "q\n")
    ended = boot.Boot(machine.Bochs(workdir, image, cpus=cpus, commands=commands))
    results = [Result(f"{name}/marker-before", MARKER in read(workdir / "before"), None,
                      "a guest's registers in the heap", f"not there; heap at {HEAP_BASE:#x}?", ended.log)][:cpus == 1]
    for way in range(ways):
        heap, image = read(workdir / f"heap{way}"), read(workdir / f"image{way}")
        good = len(heap) == HEAP_SIZE and not any(heap) and cleared(image, at)
        results.append(Result(f"{name}/cleared-{way}", good, None, "nothing but zeros",
                              f"{len(heap) - heap.count(0)} of {len(heap)} bytes of the heap are not", ended.log))
    return results, ended, name


def test():
    """Each way on one CPU, back by firmware every time, then off by ACPI; one way with another CPU to stop (Bochs' BIOS
    does not come back with two)."""
    results, ended, name = run(1, WAYS)
    good = ended.console.count("Whimbrel") == WAYS + 1 and "without the hypervisor" not in ended.console
    good = good and f"back by firmware after {WAYS} ways; off by S5" in ended.console
    good = good and "soft power off" in ended.ending
    results.append(ended.result(f"{name}/end", good, f"{WAYS + 1} starts, then 'soft power off'"))
    more, _, _ = run(2, 1)
    return results + more

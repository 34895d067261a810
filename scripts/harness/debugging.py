# SPDX-License-Identifier: MIT
"""Tests of what docs/debugging.md promises: gdb at the stub of QEMU and at ours for Bochs, with symbols."""
import os
import pathlib
import re
import subprocess
import sys
import time

from . import boot
from .host import WORK
from .report import Result, tail

# Seconds of wall time, many times what is usual.
GDB_LIMIT = 300
START_LIMIT = 60

# What is typed, and what must appear, in this order.
IN_QEMU = (
    ["thbreak boot_main", "continue", "thbreak end_panic", "continue", "whimbrel-panic"],
    [r"boot_main \(mbi_pa=\d+, load_base=\d+, .*\) at kernel/boot/main\.c:\d+$",
     r"^reason: crash-test=panic, number 42",
     r"^#0 .* crash_test_run at \S*crash_test\.c:\d+", r"^#\d .* go_on at kernel/boot/main\.c:\d+"])
IN_BOCHS = (
    ["thbreak go_on", "continue", "print layout_ram_top()", "watch root_entry_delta", "continue", "delete",
     "whimbrel-program", "whimbrel-cpus", "thbreak WHvCreatePartition", "continue", "backtrace", "stepi",
     "print/x $cs", "set var $rbx = 0x1234", "print/x $rbx", "whimbrel-cpus", "monitor creg", "thread 2",
     "info threads"],
    [r"go_on \(\) at kernel/boot/main\.c:\d+", r"^\$1 = 536870912$", r"^Thread 1 hit Hardware watchpoint 2",
     r"^Old value = 0$", r"^add symbol table from file", r"^CPU 0, APIC ID 0: .* CPU_VMX_PENDING",
     r"WHvCreatePartition \(", r"^#\d+ .* in root_main \(handoff=\S*0x\w+\) at root/service/main\.c:\d+",
     r"^\$2 = 0x8$", r"^\$3 = 0x1234$", r"map the hypervisor\. Stop it", r"^CR0=0x\w+: PG ",
     r"^\[Switching to thread 2 \(Thread 2\)\]", r"^  1 +Thread 1 \(CPU 0\) ", r"^\* 2 +Thread 2 \(CPU 1\) "])


def gdb(script, commands):
    """What gdb prints for the commands, after the script that scripts/run wrote."""
    words = [word for command in ["set pagination off", *commands] for word in ("-ex", command)]
    done = subprocess.run(["gdb", "-nx", "-batch", "-x", script, *words], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=GDB_LIMIT)
    return done.stdout.decode(errors="replace")


def started(workdir, image, kind, cpus):
    """scripts/run with a machine that waits for gdb, and its script for gdb."""
    script = workdir / "gdb"
    script.unlink(missing_ok=True)
    with open(workdir / "run.out", "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "scripts/run"], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, "MACHINE": kind, "CPUS": str(cpus), "ISO": str(image), "WORKDIR": str(workdir),
                 "GDB_PORT": "0", "KERNEL": "build/whimbrel.elf", "PROGRAM": "build/root.elf"})
    end = time.monotonic() + START_LIMIT
    while not script.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    return process, script


def missing(patterns, text):
    """The first pattern that does not follow those before it; None: all do."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(text, at)
        if not found:
            return pattern
        at = found.end()
    return None


def test(kind, cmdline, cpus, typed):
    began = time.monotonic()
    name, (commands, patterns) = f"debug/{kind}", typed
    workdir = pathlib.Path(WORK / f"debug-{kind}")
    workdir.mkdir(parents=True, exist_ok=True)
    process, script = started(workdir, boot.make_image(f"debug-{kind}", cmdline), kind, cpus)
    try:
        text = gdb(script, commands) if script.exists() else tail(workdir / "run.out")
    except subprocess.TimeoutExpired as error:
        text = f"gdb did not end: {error.stdout}"
    finally:
        process.terminate()
        process.wait()
    log = workdir / "gdb.out"
    log.write_text(text)
    absent = missing(patterns, text)
    return [Result(name, absent is None, time.monotonic() - began, f"a line {absent}", tail(log), log)]


def in_qemu():
    return test("qemu", "crash-test=panic", 1, IN_QEMU)


def in_bochs():
    return test("bochs", "", 2, IN_BOCHS)

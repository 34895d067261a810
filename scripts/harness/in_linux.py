# SPDX-License-Identifier: MIT
"""The bench beside and under KVM: in a Linux in Bochs, which scripts/nested builds and boots."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

from . import bench, boot

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "nested"))
import image  # noqa: E402  pylint: disable=wrong-import-position
import machines  # noqa: E402  pylint: disable=wrong-import-position

CLIENT = "build/kvm-client"
CLIENT_SOURCES = ["tests/peer/kvm_client.c", "root/bench/guests.S"]
CLIENT_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static"]
EMULATED_SECONDS = 100
WALL_SECONDS = 5400
ENLIGHTENED_CPU = "host,hv-vapic,hv-evmcs"
NESTED_RUNS = 1000
COUNTED_RUNS = 8000  # many, so that the boot's exits hardly count


def settings(logs, memory):
    """What scripts/nested takes from its command line."""
    path = bench.WORK / logs
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return argparse.Namespace(logs=str(path), build="build", memory=memory, limit=EMULATED_SECONDS,
                              wall_limit=WALL_SECONDS)


def figures_of(seen, logs):
    if not seen:
        return bench.Figures(failures=[f"Linux did not come up; its log: {logs}/boot-1/linux.txt"])
    figures = bench.parse(pathlib.Path(seen[0].path).read_text(errors="replace"))
    if figures.failures:
        figures.failures.append(f"the log: {seen[0].path}")
    return figures


def kvm_client():
    """KVM's figures, by the client of tests/peer in that Linux."""
    subprocess.run(["gcc", *CLIENT_FLAGS, "-o", CLIENT, *CLIENT_SOURCES], check=True)
    arguments = settings("peer", 64)
    boot_logs = os.path.join(os.path.abspath(arguments.logs), "boot-1")
    os.makedirs(boot_logs)
    progress = machines.Progress()
    cd = image.build(os.path.abspath(arguments.build), {"client": CLIENT}, {}, qemu=False)
    return figures_of(machines.run_bochs(cd, arguments, boot_logs, progress), arguments.logs)


def in_qemu(arguments, root_cmdline, kernel=boot.KERNEL):
    arguments.iso = str(boot.make_image("bench-nested", "mitigations=off", root_cmdline, bench.ROOT, kernel))
    seen = machines.run_machines(arguments, [1], os.path.abspath(arguments.logs), machines.Progress())
    figures = figures_of(seen, arguments.logs)
    bench.derive(figures)
    return figures


def nested():
    """Our own figures in QEMU with KVM in that Linux."""
    return in_qemu(settings("nested", 384), f"runs={NESTED_RUNS}")


def enlightened():
    """The same by the build for enlightened VMCSs, with a QEMU that offers them."""
    arguments = settings("evmcs", 384)
    arguments.cpu_model = ENLIGHTENED_CPU
    return in_qemu(arguments, f"runs={NESTED_RUNS}", bench.build(bench.ENLIGHTENED))


def count_exits(case, every_access):
    """A case's figures there, and the exits that KVM took from the machine by reason, the boot included. With
    `every_access` KVM shadows no VMCS, so that every VMREAD and VMWRITE exits."""
    arguments = settings("count", 384)
    arguments.count_exits = "1"
    arguments.kvm_parameters = "enable_shadow_vmcs=0" if every_access else ""
    figures = in_qemu(arguments, f"runs={COUNTED_RUNS} only={case}")
    log = pathlib.Path(arguments.logs, "boot-1", "linux.txt").read_text(errors="replace")
    return figures, {int(r): int(n) for r, n in re.findall(r"^@@ \S+ exits (\d+) (\d+)\r?$", log, re.M)}

# SPDX-License-Identifier: MIT
"""The test debian-root: scripts/debian-root with a busybox as the other system. What it leaves behind when it is ended,
and when it is ended while it makes the system."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from .report import Result

BUSYBOX = "/bin/busybox"
NAME = "debian-trixie-minimal"
APPLETS = "sh env sleep touch".split()
WAIT_SECONDS = 60
# In the place of mmdebstrap: the folder is its last argument but one, the first time it takes too long.
MAKER = """#!/bin/sh
for part; do [ "${{part%.part}}" = "$part" ] || break; done
mkdir -p "$part/bin" "$part/usr/bin" "$part/proc" "$part/dev" "$part/etc"
[ -e {once} ] || {{ touch {once}; exec sleep 1000; }}
cp {busybox} "$part/bin/busybox"
for applet in {applets}; do ln -s /bin/busybox "$part/bin/$applet"; ln -s /bin/busybox "$part/usr/bin/$applet"; done
"""


def wait_for(condition):
    end = time.monotonic() + WAIT_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def start(folder, *command):
    environment = {**os.environ, "WHIMBREL_CACHE": str(folder / "cache"), "MINIMAL": "1",
                   "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.Popen(["scripts/debian-root", "trixie", *command], env=environment, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def processes_of(folder):
    """Those whose root folder or arguments are in `folder`; the first in the namespaces, with which all others end, is
    one."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in os.readlink(process / "root") or str(folder).encode() in \
                    (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            pass
    return found


def left_behind(folder):
    """What still is there of a run that was ended: processes and mounts."""
    wait_for(lambda: not processes_of(folder))
    mounts = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return processes_of(folder) + mounts


def ended_by(folder, number, began):
    """One run that is ended by a signal to its first process alone, once `began` holds."""
    run = start(folder, "sh", "-c", "touch build/began; sleep 1000 & sleep 1001")
    in_time = wait_for(began) and processes_of(folder)
    run.send_signal(number)
    run.wait()
    return left_behind(folder) if in_time else ["it did not start"]


def cases(folder):
    """(what, expected, came)"""
    made, began = folder / "cache" / NAME, pathlib.Path("build/debian-trixie-minimal/began")
    maker = folder / "mmdebstrap"
    maker.write_text(MAKER.format(once=folder / "once", busybox=BUSYBOX, applets=" ".join(APPLETS)))
    maker.chmod(0o755)
    yield "ended-while-it-makes-the-system", [], ended_by(folder, signal.SIGKILL, (folder / "once").exists)
    yield "no-system-that-is-not-complete", False, made.exists()
    run = start(folder, "sh", "-c", "exit 7")
    run.communicate()
    yield "status", (7, True), (run.returncode, made.exists())
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        began.unlink(missing_ok=True)
        yield f"ended-by-{number.name}", [], ended_by(folder, number, began.exists)
    yield "the-system-is-as-before", sorted(["bin", "dev", "etc", "proc", "usr"]), sorted(os.listdir(made))


def test():
    if os.geteuid() != 0:
        print("     debian-root: not run: only root can make namespaces and mounts", flush=True)
        return []
    with tempfile.TemporaryDirectory() as folder:
        return [Result(f"debian-root/{what}", expected == came, None, str(expected), str(came))
                for what, expected, came in cases(pathlib.Path(folder))]

# SPDX-License-Identifier: MIT
"""Bochs with a Linux in it, and the machines that this Linux runs: starting them, following what they print, limits."""
import os
import re
import signal
import subprocess
import time

import image
from harness import processes

SLOWEST_MIPS = 33  # million instructions that Bochs executes in a second of CPU time, at the least (usual: 45 to 70)
BOCHS_CONFIG = """megs: {megs}
cpu: model=corei7_skylake_x, count=1, ips={ips}, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
display_library: rfb, options="timeout=0"
clock: sync=none, time0=1700000000
log: {logs}/bochs.log
com1: enabled=1, mode=file, dev={logs}/linux.txt
com2: enabled=1, mode=file, dev={logs}/machines.txt
ata0-master: type=cdrom, path={cd}, status=inserted
boot: cdrom
panic: action=report
error: action=report
info: action=ignore
debug: action=ignore
"""


class Tail:
    """Hands out the whole lines that have been added to a growing file."""

    def __init__(self, path):
        self._path = path
        self._offset = 0
        self._rest = b""

    def lines(self):
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]


class Machine:
    """What one run of the ISO printed, and what became of it."""

    def __init__(self, cpus, path):
        self.cpus = cpus
        self.path = path
        self.passed = 0
        self.failed = 0
        self.summary = None
        self.result = None
        self._file = open(path, "w", encoding="utf-8")

    def line(self, text):
        self._file.write(text + "\n")
        self._file.flush()
        if text.startswith(("PASS ", "FAIL ")):
            self.passed += text.startswith("PASS ")
            self.failed += text.startswith("FAIL ")
            print(f"nested {self.cpus}cpu: {text}", flush=True)
        elif match := re.fullmatch(r"(?:\[scenario\] done: )?(\d+) passed, (\d+) failed", text):
            self.summary = (int(match[1]), int(match[2]))

    def close(self, result):
        self.result = result
        self._file.close()

    def problem(self):
        """Says what is wrong with the run as a whole, or returns None. Single failed tests are not meant."""
        if self.result is None:
            return "did not end"
        if self.result == "limit":
            return "hung: stopped at the time limit"
        if self.summary is None:
            return f"ended ({self.result}) without a line 'N passed, M failed'"
        if self.summary != (self.passed, self.failed):
            return f"counts {self.summary} passed and failed, but printed {(self.passed, self.failed)}"
        if self.passed == 0:
            return "ran no test"
        if self.result == "stayed-on":
            return "did not switch itself off"
        return None


class Progress:
    """Prints what happens, with the seconds since the start."""

    def __init__(self):
        self._start = time.monotonic()

    def elapsed(self):
        return time.monotonic() - self._start

    def say(self, text):
        print(f"[nested {self.elapsed():5.0f} s] {text}", flush=True)


class Bochs:
    """A running Bochs."""

    def __init__(self, cd, megs, logs):
        config = os.path.join(logs, "bochsrc")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BOCHS_CONFIG.format(megs=megs, ips=image.IPS, logs=logs, cd=cd))
        # Debian's Bochs has the debugger in it, which waits for a command before it starts.
        start = os.path.join(logs, "bochs-start")
        with open(start, "w", encoding="utf-8") as file:
            file.write("c\n")
        command = ["bochs", "-q", "-f", config, "-rc", start]
        with open(os.path.join(logs, "bochs-output.txt"), "wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=processes.die_with_parent
            )

    def ended(self):
        return self._process.poll() is not None

    def cpu_seconds(self):
        return processes.cpu_seconds(self._process.pid)

    def kill(self):
        # /usr/bin/bochs may be a script that starts the real program: the whole session has to go.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


class Watch:
    """Follows both serial ports of Bochs in `boot_logs`, and files under `logs` what each machine under test wrote."""

    def __init__(self, boot_logs, logs, progress):
        self._logs = logs
        self._progress = progress
        self._linux = Tail(os.path.join(boot_logs, "linux.txt"))
        self._output = Tail(os.path.join(boot_logs, "machines.txt"))
        self._current = None
        self.machines = []
        self.stage = None
        self.finished = False

    def _stage(self, text):
        match = re.fullmatch(r"@@ ([\d.]+) (\S+) ?(.*)", text)
        if not match:
            return
        seconds, stage, detail = match.groups()
        self.stage = f"{stage} {detail}".strip()
        self._progress.say(self.stage + f" (emulated {float(seconds):.0f} s)")
        self.finished = self.finished or stage == "finished"

    def _output_line(self, text):
        if match := re.fullmatch(r"@@ begin (\d+)", text):
            path = os.path.join(self._logs, f"serial-{match[1]}cpu.txt")
            self._current = Machine(int(match[1]), path)
            self.machines.append(self._current)
        elif match := re.fullmatch(r"@@ end \d+ (\S+)", text):
            self._current.close(match[1])
            self._current = None
        elif self._current:
            self._current.line(text)

    def close(self, result):
        """Ends the machine that runs, if one does."""
        self.poll()
        if self._current:
            self._current.close(result)
            self._current = None

    def poll(self):
        # In this order, what the machines wrote before the stage "finished" is not missed.
        for text in self._linux.lines():
            self._stage(text)
        for text in self._output.lines():
            self._output_line(text)


def run_bochs(cd, arguments, boot_logs, progress):
    """Boots Linux in Bochs and runs machines there, to the end or to a limit. Returns the machines seen."""
    watch = Watch(boot_logs, os.path.abspath(arguments.logs), progress)
    cpu_limit = arguments.limit * image.IPS / (SLOWEST_MIPS * 1e6)
    bochs = Bochs(cd, arguments.memory + 640, boot_logs)
    try:
        stage, stage_start = None, 0.0
        while not bochs.ended() and not watch.finished:
            watch.poll()
            if stage != watch.stage:
                stage, stage_start = watch.stage, bochs.cpu_seconds()
            if bochs.cpu_seconds() - stage_start > cpu_limit:
                progress.say(f"no end after {cpu_limit:.0f} s of Bochs' CPU time; see also {boot_logs}/linux.txt")
                watch.close("limit")
                break
            if progress.elapsed() > arguments.wall_limit:
                progress.say(f"stopped after {arguments.wall_limit} s altogether; see also {boot_logs}/linux.txt")
                watch.close("limit")
                break
            time.sleep(0.5)
        watch.poll()
    finally:
        bochs.kill()
    return watch.machines


def run_machines(arguments, wanted, logs, progress):
    """Runs each CPU count. One that hangs Bochs as a whole costs another boot of Linux for those after it."""
    machines = []
    boots = 0
    while len(machines) < len(wanted) and progress.elapsed() < arguments.wall_limit:
        rest = wanted[len(machines) :]
        config = {"CPUS": " ".join(map(str, rest)), "MEMORY": arguments.memory, "LIMIT": arguments.limit,
                  "COUNT": getattr(arguments, "count_exits", ""),
                  "KVM_PARAMETERS": getattr(arguments, "kvm_parameters", ""),
                  "CPU_MODEL": getattr(arguments, "cpu_model", "host")}
        cd = image.build(os.path.abspath(arguments.build), {"test.iso": arguments.iso}, config)
        progress.say(f"image ready, starting Bochs for CPU counts {config['CPUS']}")
        boots += 1
        boot_logs = os.path.join(logs, f"boot-{boots}")
        os.makedirs(boot_logs)
        seen = run_bochs(cd, arguments, boot_logs, progress)
        if not seen:
            break
        machines += seen
    return machines

# SPDX-License-Identifier: MIT
"""The emulated machines: Bochs, which has VMX, and QEMU, which has it only through a KVM that nests."""
import functools
import os
import pathlib
import re
import signal
import subprocess

from . import bochs_stub, processes

BOCHS_MODEL = "corei7_skylake_x"
INSTRUCTIONS_A_SECOND = 50_000_000
DEBUGGER_SLOWDOWN = 4  # of Bochs 3.0, at the most
OVMF = "/usr/share/ovmf/OVMF.fd"
KVM_NESTED = ("/sys/module/kvm_intel/parameters/nested", "Y1")

# The last line of a root program: of the service with guests or without, of the scenarios, or of a client (compat/);
# and what it says when all was well.
PROGRAM_ENDED = re.compile(r"^\[whimbrel-root\] (all true|\d+ of \d+ checks NOT true|all guests ended)"
                           r"|^\[scenario\] done\b|^\[client\] ended with -?\d+$", re.M)
PROGRAM_GOOD = re.compile(r"^\[whimbrel-root\] (all true: [1-9]|all guests ended$)"
                          r"|^\[scenario\] done: [1-9]\d* passed, 0 failed$|^\[client\] ended with 0$", re.M)

# A triple fault must end the run, not start the machine again: hence reset_on_triple_fault=0 and panic: action=fatal.
# The guest's orderly power-off is a panic to Bochs as well.
BOCHSRC = """\
megs: {mem}
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0{cpu_more}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
display_library: rfb, options="timeout=0"
clock: sync=none, time0=1700000000
log: {log}
com1: enabled=1, {com1}
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
port_e9_hack: enabled=0
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
"""


# What a console's text leaves out: carriage returns, and XON and XOFF, by which the root program says when it takes
# input.
NOT_TEXT = dict.fromkeys(map(ord, "\r\x11\x13"))


class Machine:
    """One emulator process, alone in its process group. Files are kept in `workdir`."""

    def __init__(self, workdir):
        self.workdir = pathlib.Path(workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.output = self.workdir / "emulator.out"
        self.process = None

    def start(self, command, **streams):
        with open(self.output, "wb") as output:
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output,
                       "preexec_fn": processes.die_with_parent, **streams}
            self.process = subprocess.Popen([str(c) for c in command], start_new_session=True, **options)

    def running(self):
        return self.process.poll() is None

    def patience(self, seconds):
        return processes.Patience(self.process.pid, seconds)

    def stop(self):
        """Ends the emulator and whatever it started. It keeps nothing worth a slow end."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@functools.lru_cache
def bochs_debugger_options():
    """Debian 12's Bochs always runs in its debugger; Debian 13's does with this option, which its help then lists."""
    done = subprocess.run(["bochs", "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return ["-debugger"] if re.search(rb"^\s*-debugger\b", done.stdout, re.M) else []


def slowdown():
    """How much more CPU time Bochs may take here than with the debugger that is always there."""
    return DEBUGGER_SLOWDOWN if bochs_debugger_options() else 1


def bochs_knows(model):
    """Whether the Bochs that is installed has this processor model."""
    done = subprocess.run(["bochs", "--help", "cpu"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return model in done.stdout.decode(errors="replace").split()


def bochs_restarts_xapic():
    """Whether VMX guests can be started by SIPI from the processor's own state: since 3.0, which has that option."""
    return bool(bochs_debugger_options())


class Bochs(Machine):
    name = "Bochs"

    def __init__(self, workdir, iso, cpus=1, mem=512, model=BOCHS_MODEL, com1=None, ticks=None, commands=None,
                 cpu_more="", stub=None):
        """`com1`: Bochs' options for the serial line, by default the file console.log. `ticks`: a limit on the time
        inside the machine; a CPU that spins reaches it, one that halts with interrupts off does not. `commands`: for
        the debugger, instead of a plain run. `cpu_more`: more of Bochs' options for the CPU, ", name=value". `stub`: a
        TCP port where gdb is waited for before the first instruction."""
        super().__init__(workdir)
        self.console = self.workdir / "console.log"
        self.console.write_bytes(b"")
        self.log = self.workdir / "bochs.log"
        (self.workdir / "bochsrc").write_text(BOCHSRC.format(
            mem=mem, model=model, cpus=cpus, ips=INSTRUCTIONS_A_SECOND, log=self.log, iso=pathlib.Path(iso).resolve(),
            cpu_more=cpu_more, com1=com1 or f"mode=file, dev={self.console}"))
        # The debugger takes these commands at the first instruction. Where it can be left out it is worth its price
        # only for them, and for several CPUs, which Bochs 3.0 runs wrongly without it (docs/testing.md).
        plain = f"sb {ticks}\nc\nq\n" if ticks else "c\n"
        (self.workdir / "debugger").write_text(commands or plain)
        debugger = bochs_debugger_options() if cpus > 1 or ticks or commands or stub else []
        command = ["bochs", "-q", "-f", self.workdir / "bochsrc", *debugger]
        if stub:
            self.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            select_cpu = "cpu {}" if debugger else "set $cpu = {}"  # of the newer, and of the older
            self.stub = bochs_stub.Stub(self.process, self.output, stub, cpus, select_cpu)
        else:
            self.start([*command, "-rc", self.workdir / "debugger"])

    def patience(self, seconds):
        return super().patience(seconds * slowdown())

    def _said(self, text):
        return text in self.output.read_text(errors="replace")

    def switched_off(self):
        return self._said("Shutdown port: shutdown requested")

    def out_of_ticks(self):
        return self._said("Caught time breakpoint")

    def reason(self):
        """Why Bochs ended, as far as it says."""
        panics = re.findall(r">>PANIC<< (.*)", self.log.read_text(errors="replace"))
        return panics[-1] if panics else "Bochs ended without a reason"


class Qemu(Machine):
    name = "QEMU"

    def __init__(self, workdir, iso, cpus=1, mem=512, cpu="max", kvm=False, uefi=False, usb=False, serial=None,
                 monitor=None, stub=None, **streams):
        super().__init__(workdir)
        self.console = self.workdir / "console.log"
        self.console.write_bytes(b"")
        command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm" if kvm else "tcg", "-cpu",
                   "host" if kvm else cpu, "-smp", cpus, "-m", mem, "-display", "none", "-net", "none", "-no-reboot",
                   "-serial", serial or f"file:{self.console}", "-monitor", monitor or "none",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        command += ["-bios", OVMF] if uefi else []
        command += ["-gdb", f"tcp:127.0.0.1:{stub}", "-S"] if stub else []
        if usb:
            command += ["-device", "qemu-xhci", "-drive", f"if=none,id=stick,format=raw,readonly=on,file={iso}",
                        "-device", "usb-storage,drive=stick"]
        else:
            command += ["-cdrom", iso]
        self.start(command, **streams)

    def switched_off(self):
        """Through ACPI (status 0) or the debug exit port (odd; but 1 is also how QEMU refuses to start)."""
        status = self.process.poll()
        return status is not None and (status == 0 or status > 0 and status % 2 == 1)

    def out_of_ticks(self):
        return False

    def reason(self):
        said = self.output.read_text(errors="replace").strip()[-300:]
        return f"QEMU ended with status {self.process.poll()}: {said}"


def kvm_obstacle():
    """None if this host can run Whimbrel under KVM, else the sentence that says why not."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm cannot be opened for reading and writing"
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError as error:
        return f"/dev/kvm cannot be opened: {error.strerror}"
    path, good = KVM_NESTED
    try:
        value = pathlib.Path(path).read_text().strip()
    except OSError:
        return "kvm_intel is not loaded, so there is no VMX to nest"
    return None if value in good else "kvm_intel was loaded without nested=1"

# SPDX-License-Identifier: MIT
"""Whole-machine tests of guests: images by scripts/mkimage, and what must appear on the console."""
import hashlib
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time

from . import boot, machine, processes
from .boot import WORK
from .report import Result, tail
from .terminal import Command, Terminal

KERNEL, INITRD = "build/guest/vmlinuz", "build/guest/initrd"  # Debian's linux-image-amd64
CLOUD, CLOUD_INITRD = "build/guest/cloud/vmlinuz", "build/guest/cloud/initrd"  # the same, packed by LZ4
MULTIBOOT, SECTOR = "build/guest/tests/multiboot.elf", "build/guest/tests/bootsector.bin"
CHECKS, ROM = "build/guest/tests/checks.elf", "build/guest/tests/rom.bin"
SEABIOS = "/usr/share/seabios/bios-256k.bin"

# Without cryptomgr.notests most of the boot is the kernel's tests of its own ciphers; bochs.md has the figures of a KVM
# guest with them. nokaslr: the same run each time.
APPEND = "console=ttyS0 nokaslr tsc=reliable cryptomgr.notests"
REFERENCE_APPEND = "console=ttyS0 nokaslr mitigations=off"
KVM_TICKS_TO_INIT = 6_810_000_000  # QEMU/KVM in the same Bochs, 1 VP, 128 MiB: shared/reference/bochs.md

TICKS = 30_000_000_000
CPU_SECONDS = 300
SIGNAL_SECONDS = 20
ALL_ENDED = r"^\[whimbrel-root\] all guests ended$"
SWITCHED_OFF = r"^\[whimbrel-root\] guest guest switched itself off$"
SEED = 4


def mkimage(name, *words):
    image = WORK / "images" / f"guest-{name}.iso"
    image.parent.mkdir(parents=True, exist_ok=True)
    command = ["scripts/mkimage", "-o", image, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mkimage failed: {done.stderr.strip()}")
    return image


def file_of(name, data):
    path = WORK / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def linux(test, cpus=1, memory="128M", append=APPEND, kernel=CLOUD, initrd=CLOUD_INITRD):
    words = f"{append} whimbrel.test={test}" if test else append
    return ["--kernel", kernel, "--initrd", initrd, "--cpus", cpus, "--memory", memory, "--append", words]


def first_missing(text, patterns):
    """The first pattern that does not come after those before it; None: all come, in this order."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(text, at)
        if not found:
            return pattern
        at = found.end()
    return None


def judge(name, run, patterns, never=()):
    """A finished boot: all patterns in this order, none of `never`, no crash of ours, and the machine off."""
    missing = first_missing(run.console, patterns)
    wrong = [p for p in never if re.search(p, run.console, re.M)]
    good = missing is None and not wrong and run.switched_off and boot.CRASHED not in run.console
    expected = f"a line that matches {missing}" if missing else f"no line that matches {wrong[0]}" if wrong else \
        "the machine switches itself off, without a crash report"
    return boot.Boot.result(run, f"guest/{name}", good, expected)


def run(name, words, patterns, cpus=1, mem=512, never=(), more=()):
    """Boots a guest to its end, as the options for mkimage in `words` describe it."""
    emulator = machine.Bochs(WORK / "guest" / name, mkimage(name, *more, *words), cpus=cpus, mem=mem, ticks=TICKS)
    return judge(name, boot.Boot(emulator, CPU_SECONDS), patterns, never)


def workload_lines(cpus):
    return [rf"^workload: {cpus} CPUs$", r"^workload: [1-9]\d* passed, 0 failed$",
            r"^\[init\] test workload ended with status 0$"]


def workload(name, cpus, *options, pvh=False):
    """Linux with work on all its VPs, whose results it checks itself."""
    words = linux("workload", cpus) + (["--pvh"] if pvh else [])
    patterns = [r"^\[init\] started", *workload_lines(cpus), r"reboot: Power down", SWITCHED_OFF, ALL_ENDED]
    return [run(name, words, patterns, cpus, more=options)]


def without_acpi():
    """It cannot switch itself off then; its last HLT is seen instead."""
    words = linux("workload", append=f"{APPEND} acpi=off noapic nolapic")
    return [run("linux-no-acpi", words, [*workload_lines(1), "guest guest halted for good", ALL_ENDED])]


def two_guests():
    words = ["--guest", "left", *linux("workload"), "--guest", "right", *linux("workload", 2)]
    name = "two-guests"
    emulator = machine.Bochs(WORK / "guest" / name, mkimage(name, *words), cpus=3, mem=768, ticks=TICKS)
    done = boot.Boot(emulator, CPU_SECONDS)
    results = []
    for guest, cpus in (("left", 1), ("right", 2)):
        wanted = [pattern.replace("^", rf"^\[{guest}\] ", 1) for pattern in workload_lines(cpus)]
        wanted += [rf"^\[whimbrel-root\] guest {guest} switched itself off$"]
        results.append(judge(f"{name}/{guest}", done, wanted + [ALL_ENDED]))
    return results


def ticks_to_init():
    """From the guest's start until its end, thus more than until /init; by the statistics at its end."""
    name = "linux-ticks"
    words = linux("none", append=REFERENCE_APPEND, kernel=KERNEL, initrd=INITRD)
    emulator = machine.Bochs(WORK / "guest" / name, mkimage(name, *words), mem=512, ticks=TICKS)
    done = boot.Boot(emulator, CPU_SECONDS)
    result = judge(name, done, [r"^\[init\] started", SWITCHED_OFF, ALL_ENDED])
    found = re.search(r"since the start: (\d+) ticks", done.console)
    ticks = int(found[1]) if found else None
    print(f"     guest/{name}: {ticks or 0:,} ticks from the guest's start over /init to its end (Bochs "
          f"{machine.BOCHS_MODEL}, 1 VP, 128 MiB); QEMU/KVM needs {KVM_TICKS_TO_INIT:,} to /init there", flush=True)
    good = ticks is not None and ticks <= KVM_TICKS_TO_INIT
    return [result, Result(f"guest/{name}/limit", good, None, f"at most {KVM_TICKS_TO_INIT:,} ticks", f"{ticks}",
                           done.log)]


def disks():
    rng = random.Random(SEED)
    first, second = file_of("disk", rng.randbytes(2 << 20)), file_of("disk-readonly", rng.randbytes(1 << 20))
    sums = [hashlib.md5(path.read_bytes()).hexdigest() for path in (first, second)]
    words = [*linux("disk", 2), "--disk", first, "--disk", f"{second},readonly"]
    patterns = [sums[0], "^disk: what was written came back$", "^disk: the second disk is readonly, md5 " + sums[1],
                r"^\[init\] test disk ended with status 0$", SWITCHED_OFF, ALL_ENDED]
    return [run("linux-disks", words, patterns, 2)]


def clocks():
    patterns = ["^clock: source tsc$", "^clock: ok$", SWITCHED_OFF]
    return [run("linux-clocks", linux("clock", 2), patterns, 2)]


def multiboot():
    """A bare-metal test kernel: what its loader told it, its exit status, and what touching nothing gives."""
    rng = random.Random(SEED)
    modules, lines = [], []
    for text, size in (("first module", 5000), ("second", 1)):
        data = rng.randbytes(size)
        total = 0
        for byte in data:
            total = (total * 31 + byte) & 0xffffffff
        modules += ["--module", f"{file_of('module-' + str(size), data)}={text}"]
        lines.append(f'^module "{text}" bytes {size:x} sum {total:x}$')
    words = ["--root-options", "debug", "--multiboot", MULTIBOOT, "--memory", "32M", *modules, "--append",
             "kernel unknown"]
    patterns = ['^multiboot: command line "kernel unknown"$', *lines, r"^range 0 \+ 9fc00 RAM$",
                r"^range 100000 \+ 1f00000 RAM$", "^port reads ", "^ff, memory reads ", "^ffffffff$",
                r"^\[whimbrel-root\] guest guest ended with exit status 43$", ALL_ENDED]
    return [run("multiboot", words, patterns)]


# What Bochs 2.7 itself gets wrong, by the manual; a guest must get it right.
BOCHS_DIFFERS = {
    "apic-errors/read-interrupts",
    "apic-errors/send-interrupts",
    "apic-errors/timer-interrupts",
    "apic-errors/write-interrupts",
    "apic-timer/deadline-ahead-reads",
    "apic-timer/deadline-follows-the-tsc",
    "apic-timer/deadline-past-reads",
    "apic-timer/divide-one-shot",
    "apic-timer/divide-periodic",
    "apic-timer/leaving-the-mode-disarms",
    "breakpoints/dr7-reserved",
    "ferr/interrupt-13",
    "ferr/status-in-handler",
    "lint0/fixed",
    "lint0/fixed-not-the-pics",
    "lint0/masked",
    "lint0/software-disabled",
    "stepping/hlt-at-once",
    "stepping/rep-ins",
    "stepping/rep-movs-device",
    "stepping/rep-outs",
    "self-ipi/illegal-vector-is-an-error",
    "self-ipi/reserved-bits-fault",
}


def checks(name="checks", append="", options=()):
    """The kernel of small checks as a guest: each of its verdicts counts, and that it came to its end."""
    words = ["--multiboot", CHECKS, "--memory", "64M", "--append", append or "all"]
    emulator = machine.Bochs(WORK / "guest" / name, mkimage(name, *options, *words), ticks=TICKS)
    done = boot.Boot(emulator, CPU_SECONDS)
    return check_verdicts(name, done) + [judge(f"{name}/end", done, [r"^\[checks\] done$", ALL_ENDED])]


def checks_bare():
    """The same kernel on the machine itself, so that a check that is wrong does not stay unseen."""
    name = "checks-bare"
    image = WORK / "images" / f"guest-{name}.iso"
    image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["scripts/mkiso", "-o", image, "--kernel", CHECKS, "--cmdline", "bare", "--loader", "multiboot"],
                   check=True)
    emulator = machine.Bochs(WORK / "guest" / name, image, ticks=TICKS, cpu_more=", ignore_bad_msrs=0")
    done = boot.Boot(emulator, CPU_SECONDS)
    results = [r for r in check_verdicts(name, done) if r.name.split("/", 2)[2] not in BOCHS_DIFFERS]
    ended = "[checks] done" in done.console and done.switched_off
    return results + [done.result(f"guest/{name}/end", ended, "[checks] done, and the machine is off")]


def check_verdicts(name, done):
    return [Result(f"guest/{name}/{found[2]}", found[1] == "PASS", None, "see what came", found[3] or "", done.log)
            for found in re.finditer(r"^(PASS|FAIL) (\S+?)(?:: (.*))?$", done.console, re.M)]


def unknown_once():
    """Each unknown port and address is told once at debug level, and not at all without."""
    words = ["--multiboot", MULTIBOOT, "--append", "unknown"]
    results = []
    for name, options, count in (("debug", ["--root-options", "debug"], 1), ("quiet", [], 0)):
        emulator = machine.Bochs(WORK / "guest" / f"unknown-{name}", mkimage(f"unknown-{name}", *options, *words),
                                 ticks=TICKS)
        done = boot.Boot(emulator, CPU_SECONDS)
        seen = [len(re.findall(rf"^.*\b{what}.*$", done.console, re.M)) for what in ("port 2e2h", "d0000000h")]
        good = seen == [count, count] and re.search("exit status 43", done.console)
        results.append(done.result(f"guest/unknown-{name}", bool(good), f"port 2e2h and address d0000000h told {count} "
                                   f"times each (came {seen})"))
    return results


def crash():
    """A guest that fails without an exception handler: the report has all that its author needs."""
    words = ["--multiboot", MULTIBOOT, "--append", "crash"]
    patterns = ["VP 0 cannot run on: ", r"last record: exit reason 4h, RIP", r"exception 1: vector 6",
                "RSI  000000001badcafe",
                r"CS   [0-9a-f]{4} base 0{16} limit ffffffff", "code at RIP:", r"ud2\b", "stack from RSP on:", "More: ",
                r"^\[whimbrel-root\] guest guest crashed$", "all guests ended, NOT all well"]
    return [run("crash", words, patterns)]


def boot_sector():
    words = ["--bootsector", SECTOR, "--memory", "1M"]
    patterns = ["^boot sector runs$", "^and the debug console$", "guest guest ended with exit status 67$", ALL_ENDED]
    return [run("bootsector", words, patterns)]


def rom_writes():
    """Firmware whose descriptor tables are in ROM, which the processor writes to, and nothing of it stays."""
    names = ("segments", "flags", "interrupts", "handler", "task", "paging", "own")
    patterns = [*(f"^PASS {name}$" for name in names), r"^\[rom\] done$", "ended with exit status 1$", ALL_ENDED]
    return [run("rom-writes", ["--firmware", ROM, "--memory", "64M"], patterns, never=["^FAIL"])]


def seabios_disk():
    disk = file_of("boot-disk", pathlib.Path(SECTOR).read_bytes() + bytes(1 << 20))
    words = ["--firmware", SEABIOS, "--disk", disk]
    patterns = ["SeaBIOS", "Booting from Hard Disk", "boot sector runs", "ended with exit status 67$", ALL_ENDED]
    return [run("seabios-disk", words, patterns, more=["--root-options", "debug"])]


def talk(name, words, cpus, steps, mem=512):
    """Types into a guest. A step is (what must appear, what is typed then)."""
    began = time.monotonic()
    terminal = Terminal(WORK / "guest" / name, mkimage(name, *words), cpus=cpus, mem=mem)
    try:
        patience = terminal.patience(CPU_SECONDS)
        missing = terminal.follow(steps, patience)
        ended = missing is None and terminal.wait_end(patience)
    finally:
        terminal.close()
    good = ended and boot.CRASHED not in terminal.text and terminal.emulator.switched_off()
    expected = f"a line that matches {missing}" if missing else "the machine switches itself off"
    return [Result(f"guest/{name}", good, time.monotonic() - began, expected, tail(terminal.log, 12), terminal.log)]


PROMPT = r"^[/~] # "  # by the version of busybox


def console_input():
    """Lines of all lengths that are typed at once: each comes back with its length and sum."""
    rng = random.Random(SEED)
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;-_+*/()[]{}<>|&%$#@!?=~^'\"`\\"
    steps, pattern = [], r"^echo: ready"
    for length in (1, 16, 17, 80, 200):
        line = "x" + "".join(rng.choice(alphabet) for _ in range(length - 2)) + "y" if length > 1 else "x"
        steps.append((pattern, line + "\n"))
        pattern = rf"^echo: {length} {hashlib.md5(line.encode()).hexdigest()}$"
    return talk("console-input", linux("echo"), 1, steps + [(pattern, "end\n"), (ALL_ENDED, "")])


def virtio_console():
    append = APPEND + " whimbrel.console=hvc0"
    words = linux("", append=append) + ["--console", "virtio"]
    return talk("virtio-console", words, 1, [(PROMPT, "tty; echo sum $((40 + 2))\n"), (r"^/dev/hvc0$", ""),
                                             (r"^sum 42$", "exit\n"), (ALL_ENDED, "")])


def keys():
    """Every key of the service in one session, with two VPs."""
    steps = [(PROMPT, "\x01h"), (r"^  guest 1: guest, has the keys$", "\x01s"),
             (r"^exits of guest guest, 2 VPs; ticks", ""), (r"^--- end statistics json ---$", "\x01n"),
             (r"Uhhuh\. NMI received", "echo still $((6 * 7))\n"), (r"^still 42$", "\x013"),
             (r"there are only 1 guests", "cho moved\x01\x01e\n"), (r"^moved$", "\x01r"), (r"^\[init\] started", ""),
             (PROMPT, "\x01x"), (r"guest guest was stopped$", ""), (ALL_ENDED, "")]
    return talk("keys", linux("", 2), 2, steps)


def seabios_menu():
    disk = file_of("boot-disk", pathlib.Path(SECTOR).read_bytes() + bytes(1 << 20))
    words = ["--root-options", "debug", "--firmware", SEABIOS, "--menu", "--disk", disk]
    steps = [(r"Press \S+ for boot menu", "\x1b"), (r"Select boot device", "1"), (r"boot sector runs", ""),
             (ALL_ENDED, "")]
    return talk("seabios-menu", words, 1, steps)


def make_run():
    """What the README's first command does, on a terminal: Linux, two VPs, a shell."""
    began = time.monotonic()
    steps = [(PROMPT, "nproc; uname -sr\n"), (r"^2$", ""), (r"^Linux 6\.", "exit\n"), (ALL_ENDED, ""),
             (r"^run: The machine switched itself off, all was well\.", "")]
    command = Command(WORK / "guest/make-run", ["scripts/run"], {**os.environ, "MACHINE": "bochs"})
    try:
        patience = command.patience(CPU_SECONDS)
        missing = command.follow(steps, patience)
        command.wait_end(patience)
    finally:
        status = command.close()
    expected = f"a line that matches {missing}" if missing else "status 0"
    return [Result("guest/make-run", missing is None and status == 0, time.monotonic() - began, expected,
                   f"status {status}\n{tail(command.log, 12)}", command.log)]


def piped(name, text, lines, status=0):
    """`make run` with input that is not a terminal. Input that came too early or too fast would be lost."""
    began = time.monotonic()
    log = WORK / "guest" / name / "output.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MACHINE": "bochs", "WORKDIR": str(log.parent / "run"),
                   "ISO": str(mkimage(name, *linux("")))}
    with open(log, "wb") as output, subprocess.Popen(["scripts/run"], stdin=subprocess.PIPE, stdout=output,
                                                     stderr=output, env=environment) as process:
        patience = processes.Patience(process.pid, CPU_SECONDS)
        writer = threading.Thread(target=lambda: (process.stdin.write(text.encode()), process.stdin.close()))
        writer.start()
        while process.poll() is None and not patience.over():
            time.sleep(0.2)
        process.terminate()
        writer.join(10)
    missing = first_missing(log.read_text(errors="replace").replace("\r", ""), lines)
    expected = f"a line that matches {missing}" if missing else f"status {status}"
    return Result(f"guest/{name}", missing is None and process.returncode == status, time.monotonic() - began, expected,
                  f"status {process.returncode}\n{tail(log, 12)}", log)


def piped_input():
    """A few commands, and more than all buffers on the way hold."""
    rng = random.Random(SEED)
    lines = "".join(f"{rng.getrandbits(256):064x}\n" for _ in range(300))  # 19,500 bytes
    sum_of = hashlib.md5(lines.encode()).hexdigest()
    end = r"^run: The machine switched itself off, all was well\."
    return [piped("piped-commands", "echo sum $((40 + 2))\nexit\n", [r"^sum 42$", end]),
            piped("piped-much", f"stty -echo; cat >/tmp/lines\n{lines}\x04md5sum /tmp/lines; exit\n",
                  [rf"^.*{sum_of}  /tmp/lines$", end])]


def end_command(session, way):
    """As a terminal does it, or a service manager: to the whole foreground process group, or to the command alone."""
    if way == "closed":
        session.hang_up()
    elif way == "ctrl-c":
        session.send("\x03")
    elif way in (signal.SIGINT, signal.SIGHUP):  # make alone would only wait for its children
        os.killpg(session.process.pid, way)
    else:
        session.process.send_signal(way)


def living(pids):
    return [pid for pid in pids if processes.name(pid).startswith("bochs")]


def ended_by_signal(name, command, way, ready):
    """A signal, or a terminal that closes: no emulator runs on."""
    began = time.monotonic()
    workdir = WORK / "guest" / name
    session = Command(workdir, command, {**os.environ, "MACHINE": "bochs", "WORKDIR": str(workdir / "run"),
                                         "TEST_DIR": str(workdir / "test"), "ONLY": "guest/bootsector"})
    try:
        patience = session.patience(CPU_SECONDS)
        started = session.expect(ready, patience)
        emulators = []
        while started and not emulators and not patience.over():
            emulators = living(processes.descendants(session.process.pid))
            time.sleep(0.1)
        end_command(session, way)
        until = time.monotonic() + SIGNAL_SECONDS
        while (left := living(emulators)) and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        session.close()
    came = f"{len(emulators)} emulators before, {len(left)} after"
    return Result(f"guest/{name}", bool(emulators) and not left, time.monotonic() - began,
                  f"an emulator, and none {SIGNAL_SECONDS} s after the signal", f"{came}\n{tail(session.log)}",
                  session.log)


def signals():
    """By make, as a user starts it, with what is made already."""
    run_it, test_it = ["make", "run", "NO_INSTALL=1"], ["make", "test", "NO_INSTALL=1"]
    running, testing = r"^run: Bochs", r"^PASS build"
    cases = [("run-int", run_it, signal.SIGINT, running), ("run-term", run_it, signal.SIGTERM, running),
             ("run-hup", run_it, signal.SIGHUP, running), ("run-kill", run_it, signal.SIGKILL, running),
             ("run-closed", run_it, "closed", running), ("test-term", test_it, signal.SIGTERM, testing),
             ("test-ctrl-c", test_it, "ctrl-c", testing), ("test-hup", test_it, signal.SIGHUP, testing),
             ("test-kill", test_it, signal.SIGKILL, testing)]
    return [ended_by_signal(f"signal-{name}", *case) for name, *case in cases]


def refusals():
    """Wrong input for mkimage: a sentence that names it, status 2, and no image, whatever stood there before."""
    image = WORK / "images/guest-refused.iso"
    image.parent.mkdir(parents=True, exist_ok=True)
    text, empty = file_of("text", b"not a kernel\n"), file_of("empty", b"")
    kernel = ["--kernel", CLOUD]
    cases = [
        ("no-guest", [], r"guest"),
        ("no-file", ["--kernel", "/no/such/file"], r"--kernel /no/such/file: there is no such file"),
        ("not-a-kernel", ["--kernel", text], r"not a Linux bzImage"),
        ("not-multiboot", ["--multiboot", text], r"no multiboot 1 header"),
        ("not-a-sector", ["--bootsector", text], r"512 bytes"),
        ("not-firmware", ["--firmware", text], r"its size is 13 bytes"),
        ("cpus", [*kernel, "--cpus", "0"], r"--cpus 0"),
        ("memory", [*kernel, "--memory", "12Q"], r"--memory 12Q"),
        ("two-kernels", [*kernel, *kernel], "guest guest has .* already"),
        ("twice", [*kernel, "--cpus", "1", "--cpus", "2"], r"--cpus is given twice"),
        ("names", ["--guest", "a", *kernel, "--guest", "a", *kernel], r"there is a guest of this name already"),
        ("name", ["--guest", "a b", *kernel], r"--guest a b"),
        ("empty-disk", [*kernel, "--disk", empty], r"--disk"),
        ("option", [*kernel, "--speed", "3"], r"--speed"),
    ]
    results = []
    for name, words, sentence in cases:
        image.unlink(missing_ok=True)
        done = subprocess.run(["scripts/mkimage", "-o", image, *map(str, words)], capture_output=True, text=True,
                              check=False)
        good = done.returncode == 2 and not image.exists() and re.search(sentence, done.stderr) and \
            len(done.stderr.strip().splitlines()) == 1
        results.append(Result(f"guest/mkimage-refuses-{name}", bool(good), None,
                              f"status 2, no image, and one line that matches {sentence}",
                              f"status {done.returncode}, image: {image.exists()}, {done.stderr.strip()}"))
    return results


def grub_config():
    """The grub.cfg that mkimage writes is the documented form."""
    disk = file_of("disk", b"x" * 4096)
    image = mkimage("grub", "--hypervisor-options", "loglevel=debug", "--guest", "one", *linux("", 2), "--disk",
                    f"{disk},readonly", "--guest", "two", "--multiboot", MULTIBOOT, "--append", "it's $HOME")
    target = WORK / "files/grub.cfg"
    target.unlink(missing_ok=True)
    done = subprocess.run(["xorriso", "-osirrox", "on", "-indev", image, "-extract", "/boot/grub/grub.cfg", target],
                          capture_output=True, text=True, check=False)
    text = target.read_text() if target.exists() else done.stderr
    patterns = [r"multiboot2 /boot/whimbrel\.elf 'loglevel=debug'", r"module2 /boot/root\.elf",
                r"guest=one' 'kind=linux' 'cpus=2' 'memory=128M' '--' 'console=ttyS0 ", "guest=one' 'kind=initrd'",
                "guest=one' 'kind=disk' 'readonly'", r"guest=two' 'kind=multiboot' '--' 'it'\\''s \$HOME'"]
    missing = first_missing(text, patterns)
    return [Result("guest/grub-cfg", missing is None, None, f"a line that matches {missing}", text)]

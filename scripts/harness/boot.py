# SPDX-License-Identifier: MIT
"""Whole-machine tests: boots of an image, and what must appear on its console."""
import os
import re
import socket
import subprocess
import threading
import time

from . import machine, processes
from .host import WORK
from .report import Result, tail

KERNEL = "build/boot/whimbrel.elf"
ROOT = "build/boot/root.elf"
TEST_ROOT = "build/boot/test-root.elf"
ATTACK = "build/boot/attack-root.elf"
BENCH = "build/boot/bench-root.elf"
HARDWARE_MODEL_TICKS = {"run_vp_mmio": 1_050, "run_vp_exception": 4_000}

# Time inside the machine, for what takes a few hundred million ticks when it works, and the second guard: CPU time of
# the emulator, for a machine whose CPUs all halt with interrupts off. With n CPUs a tick costs n instructions.
TICKS = 6_000_000_000
ATTACK_KINDS = ("calls", "guests", "restart", "root")
ATTACK_TICKS = 20_000  # more, for each piece of an attack's work
CPU_SECONDS = 300
LONG_SECONDS = 86_400
SHORT_CPU_SECONDS = 60  # for a machine that does nothing but start and stop

HALTED = "[whimbrel] machine halted"
STOPPED = "[whimbrel] machine stopped"
MACHINE_ENDED = re.compile(r"^\[whimbrel\] machine (halted|stopped)", re.M)
ROOT_ENDED = re.compile(r"^\[whimbrel\] error: root VP \d+: .*; the machine is reset", re.M)
CRASHED = "*** the hypervisor has failed ***"


class Boot:
    """One finished run of a machine: the console's text and how the machine ended."""

    def __init__(self, emulator, seconds=CPU_SECONDS, when_ended=None, ended=MACHINE_ENDED):
        """`seconds`: of the emulator's CPU time. `when_ended` is called when the hypervisor has said its last line and
        the machine still exists."""
        began = time.monotonic()
        self.ended = ended
        self.log = emulator.console
        try:
            self.ending = self._watch(emulator, emulator.patience(seconds), when_ended)
        finally:
            emulator.stop()
        self.console = self._read()
        self.switched_off = emulator.switched_off()
        self.seconds = time.monotonic() - began

    def _read(self):
        return self.log.read_text(errors="replace").translate(machine.NOT_TEXT)

    def _watch(self, emulator, patience, when_ended):
        while emulator.running():
            if self.ended.search(self._read()):
                if when_ended:
                    when_ended()
                return "the hypervisor ended the machine"
            if patience.over():
                return patience.sentence()
            time.sleep(0.1)
        if emulator.switched_off():
            return "the machine switched itself off"
        if emulator.out_of_ticks():
            return f"stopped after {TICKS} ticks (it hangs)"
        return emulator.reason()

    def last_lines(self):
        """How the machine ended, with the crash report if there is one."""
        if CRASHED in self.console:
            report = self.console[self.console.index(CRASHED):].splitlines()[:30]
            return "\n".join([f"{self.ending}; the hypervisor's report:", *report])
        return f"{self.ending}; the console's last lines:\n{tail(self.log, 8)}"

    def result(self, name, ok, expected):
        return Result(name, ok, self.seconds, expected, self.last_lines(), self.log)


def make_image(name, cmdline="", root_cmdline="", root=ROOT, kernel=KERNEL):
    image = WORK / "images" / f"{name}.iso"
    image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["scripts/mkiso", "-o", image, "--kernel", kernel, "--cmdline", cmdline, "--module", root,
                    "--module-cmdline", root_cmdline], check=True)
    return image


def scenarios(cpus):
    """The test root on a machine with VMX. Each PASS and FAIL line of it counts, and so does how the machine ended."""
    name = f"bochs-{cpus}cpu"
    boot = Boot(machine.Bochs(WORK / name, "build/whimbrel-test.iso", cpus=cpus, ticks=TICKS))
    return judge_scenarios(name, boot)


def on_model(model):
    """The scenarios on a processor that not every Bochs has; none where it does not."""
    if not machine.bochs_knows(model):
        print(f"     model/{model}: not run: the Bochs here has no such processor", flush=True)
        return []
    emulator = machine.Bochs(WORK / f"model-{model}", "build/whimbrel-test.iso", model=model, ticks=TICKS)
    return judge_scenarios(f"model/{model}", Boot(emulator))


def judge_scenarios(name, boot):
    results = []
    for found in re.finditer(r"^(PASS|FAIL) (\S+?)(?:: (.*))?$", boot.console, re.M):
        values = re.fullmatch(r"(?:(.*), )?expected (.*), came (.*)", found[3] or "")
        expected = f"{values[1] or ''} {values[2]}".strip() if values else ""
        came = values[3] if values else found[3] or ""
        results.append(Result(f"{name}/{found[2]}", found[1] == "PASS", None, expected, came, boot.log))
    passed = sum(r.ok for r in results)
    total = f"{passed} passed, {len(results) - passed} failed"
    counted = re.search(rf"^(\[scenario\] done: )?{total}$", boot.console, re.M) and "[scenario] done" in boot.console
    good = passed > 0 and counted and boot.switched_off and CRASHED not in boot.console
    return results + [boot.result(f"{name}/end", bool(good), f"[scenario] done, '{total}', no crash report, and the "
                                  "machine switches itself off")]


def attack(kind, cpus, seed, work, seconds=CPU_SECONDS, cmdline="", kernel=KERNEL):
    """Random work of a kind, which prints PASS and FAIL lines as scenarios do. `cmdline`: more for the hypervisor."""
    name = f"attack/{kind}-{cpus}cpu" + (f"-{cmdline}" if cmdline else "")
    image = make_image(name.replace("/", "-"), f"test-calls {cmdline}", f"kind={kind} seed={seed} work={work}", ATTACK,
                       kernel)
    ticks = TICKS + ATTACK_TICKS * work
    ended = re.compile(f"{MACHINE_ENDED.pattern}|{ROOT_ENDED.pattern}", re.M)
    return judge_scenarios(name, Boot(machine.Bochs(WORK / name, image, cpus=cpus, ticks=ticks), seconds, ended=ended))


def attack_anew(kind, cpus, work):
    """Longer, with a seed that nobody has tried, which is printed."""
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(4), "little"))
    print(f"     attack/{kind}-{cpus}cpu: SEED={seed}", flush=True)
    return attack(kind, cpus, seed, work, seconds=LONG_SECONDS)


def small_ept_leaves():
    """A processor without EPT leaves of 1 GiB: the root's accesses beyond its boot-time map take more tables."""
    image = make_image("small-ept-leaves", "heap=4", "only=heap/", TEST_ROOT)
    emulator = machine.Bochs(WORK / "small-ept-leaves", image, cpus=2, model="corei7_ivy_bridge_3770k", ticks=TICKS)
    return judge_scenarios("small-ept-leaves", Boot(emulator))


def keyid_bits():
    """As if eight bits of physical addresses were KeyIDs of memory encryption, which no emulator has."""
    image = make_image("keyid-bits", "keyid-bits=8 loglevel=debug", "only=root-physical-width", TEST_ROOT)
    boot = Boot(machine.Bochs(WORK / "keyid-bits", image, ticks=TICKS))
    return judge_scenarios("keyid-bits", boot) + [boot.result(
        "keyid-bits/narrower", "have 40 bits, of which 32 name memory" in boot.console, "32 of 40 bits")]


def attack_restart(cpus, seed, work):
    """Restarts of CPUs in the build that checks the order of locks and waits."""
    return attack("restart", cpus, seed, work, kernel=hardware_model_kernel())


def xapic(cpus, seed, work):
    """CPUs that are restarted while they wait for SIPI in the processor, which Bochs 2.7 cannot (docs/testing.md)."""
    if not machine.bochs_restarts_xapic():
        print("     xapic: not run: in this Bochs the root's CPUs do not start with x2apic=off", flush=True)
        return []
    image = make_image("xapic", "test-calls x2apic=off", "only=root-init/", TEST_ROOT)
    results = judge_scenarios("xapic", Boot(machine.Bochs(WORK / "xapic", image, cpus=cpus, ticks=TICKS)))
    return results + attack("restart", cpus, seed, work, cmdline="x2apic=off")


def apicv_off():
    """The scenarios on local APICs without the processor's help."""
    image = make_image("apicv-off", "apicv=off", "only=apic/", TEST_ROOT)
    return judge_scenarios("apicv-off", Boot(machine.Bochs(WORK / "apicv-off", image, cpus=2, ticks=TICKS)))


HARDWARE_MODEL_BUILD = threading.Lock()


def hardware_model_kernel():
    """The build for tests, which has the check of locks as well. Made once, whichever job comes first."""
    kernel = "build/hardware/boot/whimbrel.elf"
    with HARDWARE_MODEL_BUILD:
        subprocess.run(["make", "-s", "-j2", "B=build/hardware", "HARDWARE_MODEL=1", "LOCK_CHECK=1", kernel],
                       check=True, stdout=subprocess.DEVNULL)
    return kernel


def lock_check():
    """The scenarios that need more CPUs than hardware_model's, in the same build."""
    image = make_image("lock-check", "test-calls", "hardware-model only=root-init/", TEST_ROOT, hardware_model_kernel())
    return judge_scenarios("lock-check", Boot(machine.Bochs(WORK / "lock-check", image, cpus=4, ticks=TICKS)))


def hardware_model(cpus):
    """All scenarios on a build of the hypervisor that shows what Bochs hides (docs/testing.md). No other build has any
    of it."""
    name = f"hardware-model-{cpus}cpu"
    image = make_image(name, "test-calls", "hardware-model", TEST_ROOT, hardware_model_kernel())
    symbols = [subprocess.run(["nm", elf], check=True, stdout=subprocess.PIPE).stdout.decode().count("hardware_model_")
               for elf in ("build/whimbrel.elf", "build/hardware/whimbrel.elf")]
    results = judge_scenarios(name, Boot(machine.Bochs(WORK / name, image, cpus=cpus, ticks=TICKS)))
    return results + [Result(f"{name}/in-this-build-alone", symbols[0] == 0 and symbols[1] > 0, None,
                             "no symbol in the release build, some here", f"{symbols[0]} and {symbols[1]}")]


def hardware_model_bench():
    """What hardware saves with an exit must leave the VP on the fast path. The model's own instructions count too."""
    name = "hardware-model-bench"
    image = make_image(name, "mitigations=off", "runs=300 only=run_vp_mmio,run_vp_exception", BENCH,
                       hardware_model_kernel())
    boot = Boot(machine.Bochs(WORK / name, image, ticks=TICKS))
    medians = dict(re.findall(r"^@case (\w+) .*\bmedian=(\d+)", boot.console, re.M))
    return [boot.result(f"{name}/{case}", case in medians and int(medians[case]) <= limit,
                        f"{case}: at most {limit} ticks (came {medians.get(case)})")
            for case, limit in HARDWARE_MODEL_TICKS.items()]


def mitigations(model, cmdline, expected):
    """The scenarios on leaks on a processor that has other means, or without any; and what the log says of them."""
    name = f"mitigations/{model}-{cmdline or 'auto'}"
    image = make_image(name.replace("/", "-"), cmdline, "only=leak/", TEST_ROOT)
    boot = Boot(machine.Bochs(WORK / name, image, cpus=2, model=model, ticks=TICKS))
    said = re.search(r"^\[whimbrel\] mitigations: (.*)$", boot.console, re.M)
    return judge_scenarios(name, boot) + [Result(f"{name}/log", bool(said) and said[1] == expected, None, expected,
                                                 said[1] if said else "nothing", boot.log)]


def service(cpus):
    """`make run`'s image: the service's table is judged by the service, its end marker tells."""
    boot = Boot(machine.Bochs(WORK / f"service-{cpus}cpu", "build/whimbrel.iso", cpus=cpus, ticks=TICKS))
    good = machine.PROGRAM_GOOD.search(boot.console) and boot.switched_off and CRASHED not in boot.console
    return [boot.result(f"service/{cpus}cpu", bool(good), "'all true', and the machine switches itself off")]


def sample(name, lines, arguments="", files=(), cpus=1):
    """A sample client as a root program: it must print these lines, one after another, and no BAD one."""
    image = f"build/sample-{name}.iso"
    if arguments or files:
        image = WORK / "images" / f"sample-{name}.iso"
        image.parent.mkdir(parents=True, exist_ok=True)
        modules = [word for file in files for word in ("--module", file)]
        subprocess.run(["scripts/mkiso", "-o", image, "--kernel", KERNEL, "--module", f"build/boot/sample-{name}.elf",
                        "--module-cmdline", arguments, *modules], check=True)
    boot = Boot(machine.Bochs(WORK / f"sample-{name}", image, cpus=cpus, ticks=TICKS))
    wanted = re.escape("\n".join([*lines, f"{name}: good", "[client] ended with 0"]))
    good = re.search(rf"^{wanted}$", boot.console, re.M) and boot.switched_off and CRASHED not in boot.console
    good = good and not re.search(r" BAD$", boot.console, re.M)
    return [boot.result(f"samples/{name}", bool(good), "\n".join(lines))]


def too_few_cpus():
    """The sample with threads on one CPU: a sentence and an error, and no hang."""
    boot = Boot(machine.Bochs(WORK / "sample-threads-1cpu", "build/sample-threads.iso", ticks=TICKS))
    wanted = ["[client] no CPU is left for another thread: each of the 1 has one", "CreateThread failed: 164",
              "threads: bad", "[client] ended with 1"]
    good = all(line in boot.console.splitlines() for line in wanted) and boot.switched_off
    return [boot.result("samples/threads-1cpu", good, "\n".join(wanted))]


def run_sample(name, iso, status, sentence, typed=b"", lines=()):
    """What `make run ISO=` does with a client's image: it ends with this status, has this last sentence, and these
    lines among the others. `typed` is its input."""
    workdir = WORK / f"run-{name}"
    workdir.mkdir(parents=True, exist_ok=True)
    log = workdir / "run.log"
    began = time.monotonic()
    with open(log, "wb") as output:
        came = subprocess.run(["scripts/run"], input=typed, stdout=output, stderr=output,
                              timeout=processes.WALL_FACTOR * CPU_SECONDS,
                              env={**os.environ, "MACHINE": "bochs", "ISO": iso, "WORKDIR": str(workdir)}).returncode
    said = log.read_text(errors="replace").replace("\r", "").splitlines()
    last = [line for line in said if line.startswith("run: ")][-1:]
    ok = came == status and bool(last) and sentence in last[0] and all(line in said for line in lines)
    return [Result(f"run/{name}", ok, time.monotonic() - began, "\n".join([f"status {status}, '{sentence}'", *lines]),
                   f"status {came}\n{tail(log)}", log)]


def judge_missing(name, boot, sentence):
    good = re.search(sentence, boot.console) and HALTED in boot.console and CRASHED not in boot.console
    return [boot.result(f"missing/{name}", bool(good), f"/{sentence}/ and '{HALTED}'")]


def missing_in_bochs(name, model, sentence):
    emulator = machine.Bochs(WORK / f"missing-{name}", "build/whimbrel.iso", model=model, ticks=TICKS)
    return judge_missing(name, Boot(emulator, SHORT_CPU_SECONDS), sentence)


def missing_in_qemu(name, sentence, **options):
    emulator = machine.Qemu(WORK / f"missing-{name}", "build/whimbrel.iso", cpus=2, **options)
    return judge_missing(name, Boot(emulator, SHORT_CPU_SECONDS), sentence)


def crash(kind, symbols):
    """The report of a failure that the command line asks for, with the names of the functions on the way there."""
    image = make_image(f"crash-{kind}", f"crash-test={kind}")
    boot = Boot(machine.Bochs(WORK / f"crash-{kind}", image, ticks=TICKS), SHORT_CPU_SECONDS)
    wanted = [re.escape(CRASHED), *symbols, re.escape(STOPPED)]
    missing = [w for w in wanted if not re.search(w, boot.console)]
    return [boot.result(f"crash/{kind}", not missing, "\n".join(f"/{w}/" for w in wanted))]


def read_monitor(path, command):
    """One command's answer from QEMU's monitor on a socket."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(path))
        answer = b""
        for text in ("", command + "\n"):
            line.sendall(text.encode())
            answer = b""
            while not answer.endswith(b"(qemu) "):
                answer += line.recv(65536)
    return answer.decode(errors="replace")


def live_page_tables():
    """QEMU's own view of the hypervisor's page tables, beside the audit that the hypervisor makes of itself. QEMU
    prints one leaf a line, its flags last: X (no execution) G P D A C T U (user) W."""
    name = "paging/no-writable-executable-page-by-qemu"
    workdir = WORK / "page-tables"
    monitor = workdir / "monitor"
    answers = []
    emulator = machine.Qemu(workdir, "build/whimbrel.iso", cpus=2, monitor=f"unix:{monitor},server=on,wait=off")
    boot = Boot(emulator, SHORT_CPU_SECONDS, when_ended=lambda: answers.append(read_monitor(monitor, "info tlb")))
    flags = re.findall(r"^[0-9a-f]{16}: [0-9a-f]{16} ([-XGPDACTUW]{9})\s*$", answers[0], re.M) if answers else []
    (workdir / "info-tlb.txt").write_text(answers[0] if answers else "")
    writable_executable = sum(f[8] == "W" and f[0] == "-" for f in flags)
    user = sum(f[7] == "U" for f in flags)
    executable = sum(f[0] == "-" for f in flags)
    good = executable > 0 and len(flags) > executable and writable_executable == 0 and user == 0
    came = f"{len(flags)} pages, {executable} executable, {writable_executable} writable and executable, {user} user\n"
    return [Result(name, good, boot.seconds, "some pages, some executable, none writable and executable, none user",
                   came + boot.ending, workdir / "info-tlb.txt")]

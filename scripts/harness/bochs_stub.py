# SPDX-License-Identifier: MIT
"""gdb's remote protocol for Bochs' own debugger: Debian's Bochs is built with that, and so without a gdb stub.

Each CPU is a thread. Registers, memory, breakpoints, watchpoints, single steps, interruption, and `monitor` for the
debugger's own commands."""
import os
import re
import select
import signal
import socket
import threading

PROMPT = re.compile(rb"<bochs:\d+> $")
INTERRUPT = b"\x03"
MEMORY_MAX = 2048  # bytes in one answer
SIGNAL_INT, SIGNAL_TRAP = 2, 5
CR0_PG = 1 << 31

GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip"]
SEGMENTS = ["cs", "ss", "ds", "es", "fs", "gs"]
FPU = ["fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"]
CONTROL = ["cr0", "cr2", "cr3", "cr4"]
# Name, bits and type of each register, in the order of gdb's numbers.
CORE = [*((r, 64, "data_ptr" if r in ("rsp", "rbp") else "code_ptr" if r == "rip" else "int64") for r in GENERAL),
        ("eflags", 32, "int32"), *((r, 32, "int32") for r in SEGMENTS),
        *((f"st{n}", 80, "i387_ext") for n in range(8)), *((r, 32, "int") for r in FPU)]
SYSTEM = [(r, 64, "int64") for r in CONTROL]
REGISTERS = CORE + SYSTEM


def features():
    """The description of the registers that gdb asks for: 64-bit ones always, whatever mode the CPU is in."""
    parts = ['<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>',
             "<architecture>i386:x86-64</architecture>"]
    for name, registers in (("org.gnu.gdb.i386.core", CORE), ("whimbrel.system", SYSTEM)):
        parts.append(f'<feature name="{name}">')
        parts += [f'<reg name="{n}" bitsize="{bits}" type="{kind}"/>' for n, bits, kind in registers]
        parts.append("</feature>")
    return "".join(parts) + "</target>"


def parse_registers(text):
    """Name to value, from what `r`, `sreg` and `creg` print."""
    values = {m[1]: int(m[2] + m[3], 16) for m in re.finditer(r"^(r\w+) ?: ([0-9a-f]{8})_([0-9a-f]{8})", text, re.M)}
    if m := re.search(r"^eflags:? (0x[0-9a-f]+)", text, re.M):
        values["eflags"] = int(m[1], 16)
    for m in re.finditer(r"^([c-gs]s):(0x[0-9a-f]+),", text, re.M):  # bases come with 32 bits, which is no use
        values[m[1]] = int(m[2], 16)
    for m in re.finditer(r"^(CR[0234])=(0x[0-9a-f]+)", text, re.M):
        values[m[1].lower()] = int(m[2], 16)
    return values


def parse_memory(text):
    """The bytes that `x /Nxb` prints; fewer than asked for where an address is not mapped."""
    lines = re.findall(r"^0x[0-9a-f]+ <[^>]*>:((?:\t0x[0-9a-f]{2})+)", text, re.M)
    return bytes(int(byte, 16) for line in lines for byte in line.split())


class Debugger:
    """Bochs' debugger, one command at a time."""

    def __init__(self, process, log):
        self.process, self.log = process, open(log, "ab", buffering=0)
        self.stdin, self.stdout = process.stdin.fileno(), process.stdout.fileno()

    def read(self, listener=None, interrupted=None):
        """What comes up to the next prompt; None: Bochs ended. Bytes that come from `listener` meanwhile go to
        `interrupted`."""
        text = b""
        while not PROMPT.search(text):
            ready = select.select([self.stdout] + ([listener] if listener else []), [], [])[0]
            if listener in ready:
                interrupted(listener.recv(4096))
            if self.stdout in ready:
                data = os.read(self.stdout, 65536)
                self.log.write(data)
                if not data:
                    return None
                text += data
        return PROMPT.sub(b"", text).decode(errors="replace")

    def send(self, command):
        os.write(self.stdin, command.encode() + b"\n")

    def ask(self, command):
        self.send(command)
        answer = self.read()
        if answer is None:
            raise EOFError
        return answer

    def interrupt(self):
        os.kill(self.process.pid, signal.SIGINT)


class Stub:
    """Answers one gdb after another. A thread of its own, until Bochs ends."""

    def __init__(self, process, log, port, cpus, select_cpu):
        """`select_cpu`: the debugger's command that makes a CPU the one that others are about, with {} for it."""
        self.debugger = Debugger(process, log)
        self.cpus, self.select_cpu, self.cpu = cpus, select_cpu, 0
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.connection = None
        self.breakpoints, self.watchpoints, self.cache = {}, {}, {}
        self.last = f"T{SIGNAL_TRAP:02x}thread:1;"
        self.running = False  # without a gdb that waits
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        if self.debugger.read() is None:
            return
        try:
            while True:
                self.connection, _ = self.server.accept()
                with self.connection:
                    self._stop()
                    self._converse()
        except (EOFError, BrokenPipeError):  # Bochs ended
            self.server.close()

    def _stop(self):
        if self.running:
            self.debugger.interrupt()
            if self.debugger.read() is None:
                raise EOFError
        self.running, self.cache = False, {}

    def _converse(self):
        received = b""
        try:
            while data := self.connection.recv(4096):
                received += data
                while m := re.search(rb"\$([^#]*)#..", received, re.S):
                    received = received[m.end():]
                    self.connection.sendall(b"+")
                    self._reply(self._answer(m[1].decode("latin-1")))
                received = received[received.find(b"$"):] if b"$" in received else b""
        except (ConnectionError, TimeoutError):
            pass

    def _reply(self, text):
        data = text.encode("latin-1")
        self.connection.sendall(b"$" + data + f"#{sum(data) & 0xff:02x}".encode())

    def _answer(self, packet):
        for start, act in self.PACKETS.items():
            if packet.startswith(start):
                try:
                    return act(self, packet[len(start):])
                except (ValueError, KeyError, IndexError):
                    return "E01"
        return ""

    # CPUs: threads 1 and up.

    def _select(self, cpu):
        if cpu != self.cpu:
            self.debugger.ask(self.select_cpu.format(cpu))
            self.cpu, self.cache = cpu, {}

    def _set_thread(self, text):
        if (thread := int(text, 16)) > 0:  # 0 and -1: any, all
            if thread > self.cpus:
                return "E04"
            self._select(thread - 1)
        return "OK"

    def _threads(self, _):
        return "m" + ",".join(f"{cpu + 1:x}" for cpu in range(self.cpus))

    # Registers.

    def _values(self):
        if not self.cache:
            self.cache = parse_registers("".join(map(self.debugger.ask, ("r", "sreg", "creg"))))
        return self.cache

    def _register(self, number):
        name, bits, _ = REGISTERS[number]
        value = self._values().get(name)
        return "x" * (bits // 4) if value is None else value.to_bytes(bits // 8, "little").hex()

    def _read_registers(self, _):
        return "".join(map(self._register, range(len(REGISTERS))))

    def _read_register(self, text):
        return self._register(int(text, 16))

    def _write_register(self, text):
        number, value = text.split("=")
        name = REGISTERS[int(number, 16)][0]
        if self._register(int(number, 16)) == value:
            return "OK"
        if name not in [*GENERAL, "eflags"]:
            return "E02"  # Bochs' debugger sets no others
        word = f"${name}" if name == "eflags" else name
        self.debugger.ask(f"set {word} = {int.from_bytes(bytes.fromhex(value), 'little'):#x}")
        self.cache = {}
        return "OK"

    # Memory, by linear addresses. Bochs itself may crash at one beyond physical memory while paging is off.

    def _check(self, address):
        if address >= 1 << 32 and not self._values()["cr0"] & CR0_PG:
            raise ValueError(address)

    def _read_memory(self, text):
        address, size = (int(word, 16) for word in text.split(","))
        self._check(address)
        found = parse_memory(self.debugger.ask(f"x /{min(size, MEMORY_MAX)}xb {address:#x}"))
        return found.hex() if found else "E03"

    def _physical(self, address):
        self._check(address)
        m = re.search(r"maps to physical page (0x[0-9a-f]+)", self.debugger.ask(f"page {address:#x}"))
        if not m:
            raise ValueError(address)
        return int(m[1], 16) + address % 4096

    def _write_memory(self, text):
        where, data = text.split(":")
        address = int(where.split(",")[0], 16)
        for offset, byte in enumerate(bytes.fromhex(data)):
            self.debugger.ask(f"setpmem {self._physical(address + offset):#x} 1 {byte:#x}")
        return "OK"

    # Breakpoints by linear addresses, watchpoints by physical ones: 2 is for writes, 3 for reads.

    def _set_point(self, text):
        kind, address, size = text.split(";")[0].split(",")
        at = int(address, 16)
        if kind in "01":
            self.debugger.ask(f"lb {at:#x}")
            numbers = re.findall(r"^ *(\d+) lbreakpoint.* 0x([0-9a-f]+)", self.debugger.ask("blist"), re.M)
            self.breakpoints[at] = max(int(number) for number, where in numbers if int(where, 16) == at)
        elif kind in "23":
            self.watchpoints[at] = self._physical(at)
            self.debugger.ask(f"watch {'wr'[kind == '3']} {self.watchpoints[at]:#x} {int(size, 16)}")
        else:
            return ""
        return "OK"

    def _remove_point(self, text):
        kind, address, _ = text.split(";")[0].split(",")
        at = int(address, 16)
        if kind in "01":
            self.debugger.ask(f"d {self.breakpoints.pop(at)}")
        else:
            self.debugger.ask(f"unwatch {self.watchpoints.pop(at):#x}")
        return "OK"

    # Running.

    def _run(self, command):
        """Until Bochs stops, by itself or because gdb wants it; with gdb gone it runs on."""
        self.cache, wanted = {}, []

        def interrupted(data):
            if not data:
                raise ConnectionError
            if INTERRUPT in data and not wanted:
                wanted.append(True)
                self.debugger.interrupt()
        self.running = True
        self.debugger.send(command)
        text = self.debugger.read(self.connection, interrupted)
        self.running = False
        if text is None:
            self._reply("W00")
            raise EOFError
        self.last = self._reason(text, SIGNAL_INT if wanted else SIGNAL_TRAP)
        return self.last

    def _reason(self, text, number):
        if m := re.search(r"^\((\d+)\) (?:Breakpoint|Caught) ", text, re.M):
            self._select(int(m[1]))
        return f"T{number:02x}thread:{self.cpu + 1:x};{self._watched(text)}"

    def _watched(self, text):
        if m := re.search(r"Caught (read|write) watch point at (0x[0-9a-f]+)", text):
            for at, physical in self.watchpoints.items():
                if 0 <= int(m[2], 16) - physical < 8:
                    return f"{'r' if m[1] == 'read' else ''}watch:{at:x};"
        return ""

    def _detach(self, _):
        self.debugger.send("c")
        self.running = True
        return "OK"

    def _kill(self, _):
        self.debugger.send("q")
        raise EOFError

    # The rest.

    def _monitor(self, text):
        answer = self.debugger.ask(bytes.fromhex(text).decode())
        self.cache = {}
        return answer.encode().hex() or "OK"

    def _features(self, text):
        offset, size = (int(word, 16) for word in text.split(","))
        part = features()[offset:offset + size]
        return ("m" if offset + size < len(features()) else "l") + part

    PACKETS = {
        "qSupported": lambda self, _: f"PacketSize={2 * MEMORY_MAX:x};qXfer:features:read+",
        "qXfer:features:read:target.xml:": _features,
        "qAttached": lambda self, _: "1",
        "qRcmd,": _monitor,
        "qfThreadInfo": _threads,
        "qsThreadInfo": lambda self, _: "l",
        "qC": lambda self, _: f"QC{self.cpu + 1:x}",
        "qThreadExtraInfo,": lambda self, text: f"CPU {int(text, 16) - 1}".encode().hex(),
        "Hg": _set_thread,
        "Hc": _set_thread,
        "T": lambda self, text: "OK" if 0 < int(text, 16) <= self.cpus else "E04",
        "?": lambda self, _: self.last,
        "g": _read_registers,
        "p": _read_register,
        "P": _write_register,
        "m": _read_memory,
        "M": _write_memory,
        "Z": _set_point,
        "z": _remove_point,
        "s": lambda self, _: self._run("s"),
        "c": lambda self, _: self._run("c"),
        "D": _detach,
        "k": _kill,
    }

# SPDX-License-Identifier: MIT
"""Processes: how much work one has done, and that none outlives the command that started it."""
import ctypes
import os
import pathlib
import signal
import socket
import threading
import time

PR_SET_PDEATHSIG = 1
TICK = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None, use_errno=True)
# A limit on CPU time holds on a busy machine too. What waits for something that never comes uses none: for that there
# is wall time, so many times as much.
WALL_FACTOR = 8


def die_with_parent(number=signal.SIGKILL):
    """For Popen's preexec_fn: the new process gets the signal when its parent ends, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def _stat(pid):
    """Parent, and CPU seconds of a process with its children that have ended; None: there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICK


def name(pid):
    """Of a process's program; empty: it has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    program, _, rest = text.partition("(")[2].rpartition(")")
    return "" if rest.split()[0] in "ZX" else program


def descendants(pid):
    """Of a process, itself left out, the parents before their children."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (stat := _stat(name)):
            children.setdefault(stat[0], []).append(int(name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def cpu_seconds(pid):
    """Of a process and all that it has started."""
    stats = [_stat(p) for p in [pid, *descendants(pid)]]
    return sum(stat[1] for stat in stats if stat)


class Patience:
    """Ends when a process has used so many seconds of CPU time, or much more wall time has passed."""

    def __init__(self, pid, seconds):
        self.pid, self.seconds = pid, seconds
        self.wall_end = time.monotonic() + WALL_FACTOR * seconds
        self.used = 0.0
        self._next_look = 0.0

    def over(self):
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + 1
            self.used = max(self.used, cpu_seconds(self.pid))
        return self.used > self.seconds or now > self.wall_end

    def sentence(self):
        if self.used > self.seconds:
            return f"stopped after {self.seconds} s of the emulator's CPU time (it hangs)"
        return f"stopped after {WALL_FACTOR * self.seconds} s of wall time (it hangs)"


def end_all(number):
    """Ends all that this process has started, and then itself, with the status a shell gives for the signal."""
    for _ in range(3):  # one of them may just have started another
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    try:
        os.write(2, f"\nended by {signal.Signals(number).name}; nothing that it started runs on\n".encode())
    except OSError:
        pass  # the terminal is gone
    os._exit(128 + number)


def on_signals(handler):
    """A handler for every signal that usually ends programs; the end of the make that runs this program is one too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, handler)
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)


def end_by_signals():
    """end_all for each of these signals. A thread of its own waits for them: Python's handlers run in the main thread
    alone, which may sleep in a lock."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    on_signals(lambda *_: None)
    threading.Thread(target=lambda: end_all(reader.recv(1)[0]), daemon=True).start()
    end_by_signals.sockets = reader, writer  # they live as long as the program

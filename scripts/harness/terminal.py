# SPDX-License-Identifier: MIT
"""Both ends of a terminal: what comes is kept, and text can be typed."""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
import time
import tty

from . import machine, processes

TYPING_PAUSE = 0.02  # Bochs takes a byte from the terminal when its UART's receiver is looked at


class Typist:
    """Someone at a terminal at whose other end is a process."""

    def __init__(self, workdir):
        self.fd, self._other_end = pty.openpty()
        self.log = pathlib.Path(workdir) / "console.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.log, "wb")
        self.text = ""
        self._seen = 0

    def running(self):
        raise NotImplementedError

    def other_end(self):
        return self._other_end

    def pump(self, seconds):
        """Takes in what comes for at most `seconds`. False: nothing came."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self._file.write(data)
        self._file.flush()
        self.text += data.decode(errors="replace").translate(machine.NOT_TEXT)
        return bool(data)

    def _find(self, pattern):
        found = pattern.search(self.text, self._seen)
        if found:
            self._seen = found.end()
        return found

    def expect(self, pattern, patience):
        """Waits for `pattern` in what has come since the last one that was found. None: it did not come."""
        pattern = re.compile(pattern, re.M)
        while not (found := self._find(pattern)):
            if patience.over():
                return None
            if not self.pump(0.5) and not self.running():
                while self.pump(0.1):
                    pass
                return self._find(pattern)
        return found

    def send(self, text):
        """Types `text`, not faster than a fast typist's program."""
        for byte in text.encode():
            os.write(self.fd, bytes([byte]))
            time.sleep(TYPING_PAUSE)

    def follow(self, steps, patience):
        """A step is (pattern that must come, what is typed then). Returns the first pattern that did not come."""
        for pattern, text in steps:
            if self.expect(pattern, patience) is None:
                return pattern
            self.send(text)
        return None

    def wait_end(self, patience):
        while self.running() and not patience.over():
            self.pump(0.2)
        while self.pump(0.1):
            pass
        return not self.running()

    def close(self):
        self._file.close()
        os.close(self.fd)
        os.close(self._other_end)


class Terminal(Typist):
    """Bochs with its first serial line on a pseudo-terminal."""

    def __init__(self, workdir, iso, **options):
        super().__init__(workdir)
        tty.setraw(self.other_end())
        self.emulator = machine.Bochs(workdir, iso, com1=f"mode=term, dev={os.ttyname(self.other_end())}", **options)
        self.log.write_bytes(b"")

    def running(self):
        return self.emulator.running()

    def patience(self, seconds):
        return self.emulator.patience(seconds)

    def close(self):
        self.emulator.stop()
        super().close()


class Command(Typist):
    """A program on a terminal, in a session of its own."""

    def __init__(self, workdir, command, environment):
        super().__init__(workdir)
        end = self.other_end()
        self.process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment,
                                        start_new_session=True, preexec_fn=self._take_terminal)

    @staticmethod
    def _take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def running(self):
        return self.process.poll() is None

    def patience(self, seconds):
        return processes.Patience(self.process.pid, seconds * machine.slowdown())

    def hang_up(self):
        """The terminal is closed: the foreground process group gets SIGHUP."""
        os.close(self.fd)
        self.fd = os.open(os.devnull, os.O_RDONLY)

    def close(self):
        """Returns the program's status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)  # it ends its emulator then
        status = self.process.wait(30)
        super().close()
        return status

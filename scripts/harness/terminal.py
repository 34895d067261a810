# SPDX-License-Identifier: MIT
"""A machine whose serial line is a terminal: what it prints is kept, and text can be typed into it."""
import os
import pathlib
import pty
import re
import select
import time
import tty

from . import machine

TYPING_PAUSE = 0.02  # Bochs takes a byte from the terminal when its UART's receiver is looked at


class Terminal:
    """Bochs with its first serial line on a pseudo-terminal."""

    def __init__(self, workdir, iso, **options):
        self.fd, emulator_end = pty.openpty()
        tty.setraw(emulator_end)
        self.emulator = machine.Bochs(workdir, iso, com1=f"mode=term, dev={os.ttyname(emulator_end)}", **options)
        self._emulator_end = emulator_end
        self.log = pathlib.Path(workdir) / "console.log"
        self._file = open(self.log, "wb")
        self.text = ""
        self._seen = 0

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
        self.text += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def expect(self, pattern, deadline):
        """Waits for `pattern` in what has come since the last one that was found. None: it did not come."""
        while True:
            found = re.compile(pattern, re.M).search(self.text, self._seen)
            if found:
                self._seen = found.end()
                return found
            if time.monotonic() > deadline:
                return None
            if not self.pump(0.5) and not self.emulator.running():
                while self.pump(0.1):
                    pass
                found = re.compile(pattern, re.M).search(self.text, self._seen)
                if found:
                    self._seen = found.end()
                return found

    def send(self, text):
        """Types `text`, not faster than a fast typist's program."""
        for byte in text.encode():
            os.write(self.fd, bytes([byte]))
            time.sleep(TYPING_PAUSE)

    def wait_end(self, deadline):
        while self.emulator.running() and time.monotonic() < deadline:
            self.pump(0.2)
        while self.pump(0.1):
            pass
        return not self.emulator.running()

    def close(self):
        self.emulator.stop()
        self._file.close()
        os.close(self.fd)
        os.close(self._emulator_end)

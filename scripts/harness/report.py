# SPDX-License-Identifier: MIT
"""Test results: what a test gives, and how it is printed and counted."""
import dataclasses
import signal
import threading

from . import processes


@dataclasses.dataclass
class Result:
    """One test. `expected`, `came` and `log` (a path) are shown when it failed."""
    name: str
    ok: bool
    seconds: float = None
    expected: str = ""
    came: str = ""
    log: str = ""


class Report:
    """Prints results as they come, from any thread, and counts them."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self._lock = threading.Lock()

    def add(self, result):
        with self._lock:
            if result.ok:
                self.passed += 1
            else:
                self.failed.append(result.name)
            try:
                self._tell(result)
            except OSError:  # the terminal was closed, or the pipe's other end
                processes.end_all(signal.SIGHUP)

    def _tell(self, result):
        took = f" ({result.seconds:.1f} s)" if result.seconds is not None else ""
        print(f"{'PASS' if result.ok else 'FAIL'} {result.name}{took}", flush=True)
        if not result.ok:
            self._explain(result)

    @staticmethod
    def _explain(result):
        for label, text in (("expected", result.expected), ("came", result.came), ("log", str(result.log))):
            for number, line in enumerate(text.splitlines()):
                print(f"    {label + ':' if number == 0 else '':<10}{line}", flush=True)

    def finish(self):
        """Prints the last line; returns the exit status."""
        if self.failed:
            print("failed: " + ", ".join(self.failed))
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed or self.passed == 0 else 0


def tail(path, lines=15):
    try:
        with open(path, errors="replace") as file:
            return "\n".join(file.read().splitlines()[-lines:])
    except OSError:
        return ""

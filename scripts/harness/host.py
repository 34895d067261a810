# SPDX-License-Identifier: MIT
"""What runs on the host: unit tests, the layout test and the fuzzers."""
import glob
import os
import pathlib
import re
import subprocess
import time

from .report import Result, tail

WORK = pathlib.Path(os.environ.get("TEST_DIR") or "build/test")
SANITIZERS = "address,undefined"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
FLAGS = ["-std=gnu11", "-g", "-O1", "-I.", "-Ibuild/generated", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all",
         *WARNINGS]
# Seconds of wall time, many times what is usual: another guard than that there is none for these.
COMPILE_LIMIT = 1200
UNIT_LIMIT = 600
HOST_CC = os.environ.get("HOSTCC", "gcc")


def sources_of(test):
    """The sources to link with a test, which a comment from its second line on names: /* sources: a.c d/*.c -lx */"""
    found = re.match(r"[^\n]*\n/\* sources:(| .*?\S) *\*/\n", test.read_text(), re.S)
    if not found:
        raise ValueError(f"{test}: line 2 must begin /* sources: ... */")
    return [name for word in found.group(1).replace("\n *", "\n").split()
            for name in (sorted(glob.glob(word)) if "*" in word else [word])]


def logged(command, log, limit, env=None):
    """Runs a command with its output in `log`. Returns its status, or None after `limit` seconds."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=limit,
                                  env={**os.environ, **(env or {})}).returncode
        except subprocess.TimeoutExpired:
            return None


def ending(status, limit):
    return f"no end after {limit} s" if status is None else f"exit status {status}"


def compile_program(compiler, test, program, extra):
    """Returns None, or the log of the failed compilation."""
    log = program.with_suffix(".compile.log")
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [*compiler.split(), *FLAGS, *extra, "-o", program, str(test), *sources_of(test)]
    if "-lcmocka" in extra:  # libraries come after what uses them
        command = [c for c in command if c != "-lcmocka"] + ["-lcmocka"]
    return None if logged(command, log, COMPILE_LIMIT) == 0 else log


def unit(test):
    """Compiles and runs one unit test program; every cmocka test in it counts."""
    name = f"unit/{test.stem.removeprefix('test_')}"
    program = WORK / "unit" / test.stem
    log = program.with_suffix(".log")
    failed = compile_program(HOST_CC, test, program, [f"-fsanitize={SANITIZERS}", "-lcmocka"])
    if failed:
        return [Result(name, False, None, "it compiles", tail(failed), failed)]
    began = time.monotonic()
    status = logged([program], log, UNIT_LIMIT, {"CMOCKA_MESSAGE_OUTPUT": "TAP"})
    seconds = time.monotonic() - began
    results = [Result(f"{name}/{found[2].removeprefix('test_')}", found[1] == "ok", None, "", tail(log), log)
               for found in re.finditer(r"^(ok|not ok) \d+ - (\S+)", log.read_text(errors="replace"), re.M)]
    if not results or (status != 0 and all(r.ok for r in results)):
        results.append(Result(name, False, seconds, "exit status 0", f"{ending(status, UNIT_LIMIT)}\n{tail(log)}", log))
    return results


def unit_tests():
    return sorted(pathlib.Path("tests/unit").glob("test_*.c"))


def fuzzers():
    return sorted(pathlib.Path("tests/fuzz").glob("fuzz_*.c"))


def fuzz(test, seconds, seed=0):
    """Compiles one fuzzer and runs it for `seconds`, from the inputs in tests/fuzz/corpus and those it kept before."""
    short = test.stem.removeprefix("fuzz_")
    program = WORK / "fuzz" / test.stem
    log = program.with_suffix(".log")
    expected = f"{seconds} s without a finding"
    failed = compile_program("clang", test, program, [f"-fsanitize=fuzzer,{SANITIZERS}"])
    if failed:
        return [Result(f"fuzz/{short}", False, None, "it compiles", tail(failed), failed)]
    kept, seeds = WORK / "fuzz" / f"{short}.corpus", pathlib.Path("tests/fuzz/corpus") / short
    kept.mkdir(parents=True, exist_ok=True)
    limit = seconds + 600
    began = time.monotonic()
    status = logged([program, f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=10", "-rss_limit_mb=1024",
                     "-print_final_stats=1", f"-artifact_prefix={WORK}/fuzz/{short}-", kept,
                     *([seeds] if seeds.is_dir() else [])], log, limit)
    came = f"{ending(status, limit)}\n{tail(log)}"
    return [Result(f"fuzz/{short}", status == 0, time.monotonic() - began, expected, came, log)]


def layout():
    """Against Debian's mingw-w64 headers: abi/ (tests/layout/run), libwhv's functions, and root/compat's headers."""
    programs = ("run", "prototypes", "compat")
    return [result for program in programs for result in compare("layout", f"tests/layout/{program}")]


def compare(group, program):
    """A program that prints PASS and FAIL lines."""
    log = WORK / f"{pathlib.Path(program).name}-{group}.log"
    began = time.monotonic()
    status = logged([program], log, COMPILE_LIMIT)
    seconds = time.monotonic() - began
    results = [Result(f"{group}/{found[2]}", found[1] == "PASS", None, "", found[0], log)
               for found in re.finditer(r"^(PASS|FAIL) ([^:\n]+).*", log.read_text(errors="replace"), re.M)]
    if not results or (status != 0 and all(r.ok for r in results)):
        came = f"{ending(status, COMPILE_LIMIT)}\n{tail(log)}"
        results.append(Result(group, status == 0, seconds, "exit status 0", came, log))
    return results


def reproducible():
    """Two builds in two places, to the last byte."""
    log = WORK / "reproducible.log"
    began = time.monotonic()
    status = logged(["scripts/check-reproducible"], log, COMPILE_LIMIT)
    return [Result("build/reproducible", status == 0, time.monotonic() - began, "two equal builds",
                   f"{ending(status, COMPILE_LIMIT)}\n{tail(log)}", log)]

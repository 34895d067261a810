# SPDX-License-Identifier: MIT
"""The lint checks, each one test: formatting, static analysis, other compilers, and the house rules of source.py."""
import functools
import pathlib
import re
import subprocess
import time

from . import layers, source
from .report import Result, tail

WORK = pathlib.Path("build/test/lint")
LIMIT = 600
CLIENT_HEADERS = [f"root/libwhv/{name}.h" for name in (
    "WinHvPlatformDefs", "WinHvPlatform", "WinHvEmulation", "whimbrel_ext")]
HOSTED = ["-std=gnu11", "-I.", "-Ibuild/generated", "-Wall", "-Wextra"]


VERSIONS = pathlib.Path("scripts/lint.versions")


def wanted_version(tool):
    """Whether the tool here has the version that the sources are made for: others ask for other things."""
    wanted = dict(line.split() for line in VERSIONS.read_text().splitlines() if not line.startswith("#"))[tool]
    said = subprocess.run([tool, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    found = re.search(r"(?:version|Cppcheck) ([\d.]+)", said)[1]
    if f"{found}.".startswith(f"{wanted}."):
        return True
    print(f"     lint: without {tool}: this is {found}, and the sources are kept clean under {wanted} ({VERSIONS})",
          flush=True)
    return False


def c_files(*suffixes, under=""):
    return [str(f) for f in source.all_files() if f.suffix in suffixes and str(f).startswith(under)]


def make_variable(name, compiler):
    out = subprocess.run(["make", "-s", f"CC={compiler}", f"print-{name}"], check=True, stdout=subprocess.PIPE).stdout
    return out.decode().split()


def flags_for(path, compiler):
    if path.startswith("tests/") and not path.startswith(("tests/scenarios/", "tests/attack/")):
        return HOSTED
    if path.startswith("root/samples/"):
        return make_variables("CLIENT_CFLAGS", compiler) + ["-Werror"]
    if path.startswith("root/compat/"):
        return make_variables("COMPAT_CFLAGS", compiler)
    freestanding = "ROOT_CFLAGS" if path.startswith(("root/", "tests/")) else "HOST_CFLAGS"
    return make_variables(freestanding, compiler)


make_variables = functools.lru_cache(make_variable)


def judged(name, complaints, began):
    """One Result; the complaints go to a log, the first few of them to the terminal."""
    WORK.mkdir(parents=True, exist_ok=True)
    log = WORK / f"{name.replace('/', '-')}.log"
    log.write_text("\n".join(complaints) + "\n")
    came = "\n".join(complaints[:15] + ([f"and {len(complaints) - 15} more"] if len(complaints) > 15 else []))
    return [Result(f"lint/{name}", not complaints, time.monotonic() - began, "no complaint", came, log)]


def command_complaints(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, **options)
    lines = done.stdout.decode(errors="replace").splitlines()
    noise = re.compile(r"\d+ warnings? (generated|treated as error)|Suppressed \d+ warn|Use -header-filter|\s*$")
    return [line for line in lines if not noise.match(line)] if done.returncode != 0 else []


def rule(name, check):
    began = time.monotonic()
    return judged(name, source.run(check), began)


def whole(name, check):
    """A rule about all files together."""
    began = time.monotonic()
    return judged(name, list(check()), began)


def folder_layers():
    began = time.monotonic()
    return judged("layers", list(layers.check(source.all_files())), began)


def clang_format():
    if not wanted_version("clang-format"):
        return []
    began = time.monotonic()
    files = c_files(".c", ".h", ".cpp")
    return judged("format", command_complaints(["clang-format", "--dry-run", "-Werror", *files]), began)


def clang_tidy(name, *folders):
    if not wanted_version("clang-tidy"):
        return []
    began = time.monotonic()
    complaints = []
    for folder in folders:
        files = c_files(".c", under=folder)
        if files:
            complaints += command_complaints(["clang-tidy", "--quiet", *files, "--", *flags_for(files[0], "clang")])
    return judged(f"clang-tidy/{name}", complaints, began)


def cppcheck():
    if not wanted_version("cppcheck"):
        return []
    began = time.monotonic()
    return judged("cppcheck", command_complaints([
        "cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1",
        "--std=c11", "--platform=unix64", "-I.", "-Ibuild/generated", "-D__x86_64__=1",
        "-D__STDC_HOSTED__=0", "--suppressions-list=scripts/cppcheck.suppressions",
        "--library=scripts/cppcheck.cfg", "arch", "kernel", "vmm", "root"]), began)


def headers(compiler):
    """Each header as the only thing in a file."""
    began = time.monotonic()
    complaints = []
    for header in c_files(".h"):
        complaints += command_complaints([compiler, *flags_for(header, compiler), "-Werror", "-fsyntax-only",
                                          "-Wno-unused-function", "-include", header, "-x", "c", "/dev/null"])
    return judged(f"headers/{compiler}", complaints, began)


def cxx_headers(compiler):
    """Each header that a client includes as the only thing in a C++ file, by the oldest and the newest standard."""
    began = time.monotonic()
    complaints = []
    options = ["-I.", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
               "-fsyntax-only", "-x", "c++"]
    compat = ["-fshort-wchar", "-Iroot/compat", "-Iroot/libwhv", "-include", "root/compat/llp64.h"]
    headers = [(header, []) for header in c_files(".h", under="abi/") + CLIENT_HEADERS]
    headers += [(header, compat) for header in c_files(".h", under="root/compat/")]
    for standard in ("c++14", "c++20"):
        for header, more in headers:
            complaints += command_complaints(
                [compiler, f"-std={standard}", *options, *more, "-include", header, "/dev/null"])
    return judged(f"c++/{compiler}", complaints, began)


def other_build(name, *settings):
    """A whole build with other settings, in its own directory."""
    began = time.monotonic()
    folder = f"build/{name}"
    samples = [f"{folder}/sample-{path.stem}.elf" for path in sorted(pathlib.Path("root/samples").glob("*.c*"))]
    return judged(f"build/{name}", command_complaints(
        ["make", "-s", f"B={folder}", *settings, "CLIENT_WARNINGS=-Werror", f"{folder}/whimbrel.elf",
         f"{folder}/root.elf", f"{folder}/test-root.elf", f"{folder}/bench-root.elf", *samples]), began)


def segments():
    """No segment of the images may be writable and executable."""
    began = time.monotonic()
    complaints = []
    for image in ("build/whimbrel.elf", "build/root.elf", "build/test-root.elf"):
        done = subprocess.run(["readelf", "-lW", image], stdout=subprocess.PIPE, check=True)
        complaints += [f"{image}: {line.strip()}" for line in done.stdout.decode().splitlines() if " RWE " in line]
    return judged("segments", complaints, began)


def symbols():
    """The second link, with the symbol table in it, must not have moved a function."""
    began = time.monotonic()
    code = []
    for image in ("build/whimbrel0.elf", "build/whimbrel.elf"):
        done = subprocess.run(["nm", image], stdout=subprocess.PIPE, check=True)
        code.append({line for line in done.stdout.decode().splitlines() if re.search(r" [tTwW] ", line)
                     and not re.search(r" (image|text|rodata|data|bss)_(start|end)$", line)})
    moved = sorted(code[0] ^ code[1])
    return judged("symbols", moved if code[0] else ["no symbols at all"], began)


def python():
    began = time.monotonic()
    complaints = []
    for path in source.all_files():
        if path.suffix == ".py" or re.match(rb"#!.*python3\n", path.read_bytes()):
            try:
                compile(path.read_text(), str(path), "exec")
            except SyntaxError as error:
                complaints.append(f"{path}:{error.lineno}: {error.msg}")
    return judged("python", complaints, began)


def made_page(name, script):
    """A page of docs/ that a script makes from the sources."""
    began = time.monotonic()
    run = subprocess.run([script, "--check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return judged(name, run.stdout.decode().splitlines(), began)


# Name, whether the images must be built before, the check. The longest first.
JOBS = [
    ("clang-tidy/vmm", False, functools.partial(clang_tidy, "vmm", "vmm/")),
    ("clang-tidy/host", False, functools.partial(clang_tidy, "host", "arch/", "kernel/")),
    ("clang-tidy/root", False, functools.partial(
        clang_tidy, "root", "root/lib/", "root/libwhv/", "root/service/", "tests/scenarios/")),
    ("clang-tidy/compat", False, functools.partial(clang_tidy, "compat", "root/compat/")),
    ("clang-tidy/samples", False, functools.partial(clang_tidy, "samples", "root/samples/")),
    ("clang-tidy/tests", False, functools.partial(clang_tidy, "tests", "tests/unit/", "tests/fuzz/")),
    ("cppcheck", False, cppcheck),
    ("build/clang", True, functools.partial(other_build, "clang", "CC=clang")),
    ("build/debug", True, functools.partial(other_build, "debug", "DEBUG=1")),
    ("build/evmcs", True, functools.partial(other_build, "evmcs", "EVMCS=1")),
    ("headers/gcc", False, functools.partial(headers, "gcc")),
    ("headers/clang", False, functools.partial(headers, "clang")),
    ("c++/g++", False, functools.partial(cxx_headers, "g++")),
    ("c++/clang++", False, functools.partial(cxx_headers, "clang++")),
    ("format", False, clang_format),
    ("segments", True, segments),
    ("symbols", True, symbols),
    ("layers", True, folder_layers),
    ("code-lines", False, functools.partial(whole, "code-lines", source.check_folder_lines)),
    ("python", False, python),
    ("panics", False, functools.partial(whole, "panics", source.check_panics)),
    ("macros", False, functools.partial(whole, "macros", source.check_macros)),
    ("msrs", False, functools.partial(made_page, "msrs", "scripts/msrs")),
    ("conformance", False, functools.partial(made_page, "conformance", "scripts/conformance")),
    *[(name, False, functools.partial(rule, name, check)) for name, check in (
        ("spdx", source.check_spdx), ("unfinished", source.check_unfinished), ("text", source.check_text),
        ("c-style", source.check_c_style), ("arrows", source.check_arrows), ("size", source.check_size),
        ("mentions", source.check_mentions))],
]

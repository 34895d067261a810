# SPDX-License-Identifier: MIT
"""House rules that need no compiler: what a source file may contain and include, and how long its parts may be. Each
check takes a path and its text and yields sentences about what is wrong."""
import os
import pathlib
import re
import subprocess

CODE_LINES = 400
TEST_CODE_LINES = 500  # many short cases, each read alone
FUNCTION_LINES = 80
COLUMNS = 120
SCRIPT_NAMES = {"Makefile", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore"}
SUFFIXES = {".c", ".h", ".S", ".ld", ".mk", ".py"}
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
SYSTEM_HEADERS = {"limits.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}
# A sample client is built for Windows too, whose file names have no case.
CLIENT_HEADERS = {"windows.h", "winhvplatform.h", "winhvemulation.h", "inttypes.h", "process.h", "stdio.h", "stdlib.h",
                  "string.h"}

HYPERVISOR = ("arch", "kernel", "vmm")  # whose order among themselves is layers.py's
# Folder: the folders it may include from, then single files beside those, then the system headers.
ARROWS = {
    "abi": (("abi",), (), {"stdbool.h", "stddef.h", "stdint.h"}),
    **{folder: (("arch", "kernel", "vmm", "abi"), ("asm_offsets.h",), SYSTEM_HEADERS) for folder in HYPERVISOR},
    "root": (("root", "abi"), (), SYSTEM_HEADERS),
    "root/samples": ((), (), CLIENT_HEADERS),
    "tests/scenarios": (("tests/scenarios", "root", "abi"), (), SYSTEM_HEADERS),
}
# The freestanding string functions stand back for the C library's where there is one.
SYSTEM_HEADER_EXCEPTIONS = {("arch/cpu/string.h", "string.h"), ("root/lib/format.h", "stdio.h"),
                            ("root/libwhv/emulator_decode.c", "capstone/capstone.h"),
                            ("root/libwhv/emulator_names.c", "capstone/capstone.h"),
                            ("root/monitor/disassembly.c", "capstone/capstone.h")}


def all_files():
    """Every file of the project, tracked or about to be."""
    try:
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [os.path.relpath(os.path.join(folder, name)) for folder, _, names in os.walk(".") for name in names
                  if not re.match(r"\./(\.git|build)(/|$)", folder)]
    return sorted(pathlib.Path(name) for name in set(listed) if os.path.isfile(name))


def is_source(path, text):
    return path.suffix in SUFFIXES or path.name in SCRIPT_NAMES or text.startswith("#!")


def without_comments(text):
    """C text with comments blanked and string contents kept short, line by line as before."""
    pattern = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: "\n" * m[0].count("\n") + ("" if m[0].startswith("/*") else '""'), text)


def check_spdx(path, text):
    if is_source(path, text) and "SPDX-License-Identifier: MIT" not in "\n".join(text.splitlines()[:2]):
        yield f"{path}:1: no SPDX line"


def check_unfinished(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished: {line.strip()}"


def check_text(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix != ".tsv" and line != line.rstrip():
            yield f"{path}:{number}: space at the end of the line"
        if "\t" in line and path.name != "Makefile" and path.suffix not in (".mk", ".tsv"):
            yield f"{path}:{number}: a tab"
        if is_source(path, text) and len(line) > COLUMNS:
            yield f"{path}:{number}: longer than {COLUMNS} columns"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"


def check_c_style(path, text):
    if path.suffix not in (".c", ".h"):
        return
    if path.suffix == ".h" and "#pragma once" not in text:
        yield f"{path}:1: no #pragma once"
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if "//" in line:
            yield f"{path}:{number}: a // comment"


def check_arrows(path, text):
    folder = next((f for f in ("/".join(path.parts[:2]), path.parts[0]) if f in ARROWS), None)
    if folder is None or path.suffix not in (".c", ".h", ".S"):
        return
    folders, files, system = ARROWS[folder]
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not found:
            continue
        name = found[2]
        if found[1] == "<":
            allowed = (name in system or name.lower() in system & CLIENT_HEADERS
                       or (str(path), name) in SYSTEM_HEADER_EXCEPTIONS)
        else:
            allowed = name in files or any(name.startswith(f + "/") for f in folders)
        if not allowed:
            yield f"{path}:{number}: {folder}/ must not include {name}"


MENTION = re.compile(r"(?<![\w/.*-])(?:abi|arch|kernel|vmm|root|tests|scripts)/[\w/-]+"
                     r"\.(?:c|h|S|ld|mk|py|cpp|tsv|json)\b")
NOT_OURS = re.compile(r"arch/x86/|_NAME\.")  # Linux's sources; a place for a name


def check_mentions(path, text):
    """Files that a page, a comment or a list names are there."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from (f"{path}:{number}: there is no {name}" for name in MENTION.findall(line)
                    if not os.path.isfile(name) and not NOT_OURS.search(name))


def code_lines(path, text):
    if path.suffix in (".c", ".h", ".S", ".ld"):
        text = without_comments(text)
    lines = [line.strip() for line in text.splitlines()]
    return sum(bool(line) and not (line.startswith("#") and path.suffix not in (".c", ".h", ".S")) for line in lines)


ARCHITECTURE = pathlib.Path("docs/architecture.md")


def folder_lines():
    """(folder, its lines with code, their limit), of the hypervisor's folders as docs/architecture.md lists them."""
    for found in re.finditer(r"^\| `([a-z_/]+)/` \| (\d+) \|", ARCHITECTURE.read_text(), re.M):
        files = [p for p in pathlib.Path(found[1]).iterdir() if p.suffix in (".c", ".h", ".S", ".ld")]
        yield f"{found[1]}/", sum(code_lines(p, p.read_text()) for p in files), int(found[2])


def check_folder_lines():
    listed = set()
    for folder, lines, limit in folder_lines():
        listed.add(folder)
        if lines > limit:
            yield f"{folder}: {lines} lines of code, more than the {limit} in {ARCHITECTURE}"
    sources = (p for p in all_files() if p.parts[0] in ("abi", *HYPERVISOR) and p.suffix == ".c")
    for folder in sorted({f"{p.parent}/" for p in sources}):
        if folder not in listed:
            yield f"{folder} has no limit in {ARCHITECTURE}"


def functions(text):
    """(first line, last line, is it marked as a flat list) of each function, by the braces in the first column."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            signature = start - 1
            while signature > 1 and lines[signature - 2].strip() and not lines[signature - 2].rstrip().endswith("*/"):
                signature -= 1
            yield signature, number, "flat list" in "\n".join(lines[max(0, signature - 4):signature - 1])
            start = None


def check_size(path, text):
    limit = TEST_CODE_LINES if path.parts[0] == "tests" else CODE_LINES
    if is_source(path, text) and code_lines(path, text) > limit:
        yield f"{path}: {code_lines(path, text)} lines of code, more than {limit}"
    if path.suffix in (".c", ".h"):
        for first, last, flat in functions(text):
            if last - first + 1 > FUNCTION_LINES and not flat:
                yield f"{path}:{first}: a function of {last - first + 1} lines, more than {FUNCTION_LINES}"


STOPS = re.compile(r"\b(?:panic|fatal|panic_trap|exception_handler|kernel_stop)\(")
PANICS_PAGE = "docs/panics.md"


def function_name(lines, first):
    """The name in a signature that begins at this line (from 1) of text without comments."""
    found = re.search(r"(\w+)\(", " ".join(lines[first - 1:first + 3]))
    return found[1] if found else "?"


def stops_of(path, text):
    """(file, function) of each call in a source file that stops the machine."""
    text = without_comments(text)
    lines = text.splitlines()
    for first, last, _ in functions(text):
        body = next(n for n in range(first, last) if lines[n - 1] == "{")
        if any(STOPS.search(line) for line in lines[body:last]):
            yield str(path), function_name(lines, first)


def check_panics():
    """docs/panics.md names every place that stops the machine, and no other."""
    found = set()
    for path in all_files():
        if path.suffix == ".c" and path.parts[0] in HYPERVISOR and path.name != "panic.c":
            found |= set(stops_of(path, path.read_text()))
    listed = set(re.findall(r"^\| (\S+\.c) \| (\w+) \|", pathlib.Path(PANICS_PAGE).read_text(), re.M))
    yield from (f"{file}: {function}() stops the machine and is not in {PANICS_PAGE}"
                for file, function in sorted(found - listed))
    yield from (f"{PANICS_PAGE}: {function}() of {file} does not stop the machine"
                for file, function in sorted(listed - found))


WORD = re.compile(r"\w+")
MSR_PREFIX = "MSR_IA32_"  # the rest is what docs/msrs.tsv calls it


def check_macros():
    """No macro of the hypervisor that nothing uses, be it a source, a script, or the list of MSRs."""
    defined, used = {}, set()
    for path in all_files():
        if path.suffix in (".c", ".h", ".S", ".ld", ".cpp", ".py", ".tsv") or path.parts[0] == "scripts":
            text = path.read_text(errors="replace")
            text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S) if path.suffix in (".c", ".h", ".S") else text
            if path.parts[0] in HYPERVISOR:
                defined |= {name: path for name in re.findall(r"^\s*#\s*define (\w+)", text, re.M)}
            used |= set(WORD.findall(re.sub(r"^\s*#\s*define \w+", "", text, flags=re.M)))
    yield from (f"{path}: nothing uses {name}" for name, path in sorted(defined.items())
                if name not in used and not (name.startswith(MSR_PREFIX) and name.removeprefix(MSR_PREFIX) in used))


def run(check):
    """All complaints of one check over all files."""
    found = []
    for path in all_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += check(path, text)
    return found

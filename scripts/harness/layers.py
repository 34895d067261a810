# SPDX-License-Identifier: MIT
"""The order of the hypervisor's folders: a file uses files of its own folder and of lower ones. Held against what files
include and what symbols their objects use: a circle between files of two folders would need a row of UPWARD."""
import os
import pathlib
import re
import subprocess

# Lowest first; folders in one row do not use each other.
LAYERS = (
    ("abi",),
    ("arch/cpu",),
    ("arch/vmx",),
    ("arch/boot",),
    ("kernel/core",),
    ("kernel/debug",),
    ("kernel/memory",),
    ("kernel/boot",),
    ("vmm/memory",),
    ("vmm/cpu",),
    ("vmm/apic/model",),
    ("vmm/partition",),
    ("vmm/vp",),
    ("vmm/io_event", "vmm/apic"),
    ("vmm/registers",),
    ("vmm/run",),
    ("vmm/hypercall",),
    ("vmm/root",),
    ("vmm",),
)
RANK = {folder: rank for rank, row in enumerate(LAYERS) for folder in row}

# What still points upward: files without their suffix, those that the first uses. Rows only ever leave this list.
UPWARD = {
    "vmm/cpu/quirks_bochs": ("vmm/vp/vp",),
}
TOPS = {folder.split("/", 1)[0] for folder in RANK}
OBJECTS = pathlib.Path("build/obj")


def stem(path):
    return str(pathlib.PurePath(path).with_suffix(""))


def allowed(user, used):
    above, below = os.path.dirname(user), os.path.dirname(used)
    return above == below or RANK[below] < RANK[above]


def includes(files):
    """(user, used, why) of each include of one of the files by another."""
    names = set(map(str, files))
    for path in files:
        for name in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            if name in names:
                yield stem(path), stem(name), f"includes {name}"


def symbols_of(sources):
    """{source: (defined, used)} by its object."""
    objects = {str(OBJECTS / f"{path}.o"): path for path in sources if (OBJECTS / f"{path}.o").exists()}
    out = subprocess.run(["nm", "-A", *objects], check=True, stdout=subprocess.PIPE).stdout.decode()
    found = {path: (set(), set()) for path in objects.values()}
    for name, kind, symbol in re.findall(r"^([^:]+):\s*(?:[0-9a-f]+ )?(\w) (\S+)$", out, re.M):
        if kind == "U" or kind.isupper():
            found[objects[name]][kind == "U"].add(symbol)
    return found


def uses(files):
    """(user, used, why) of each symbol that an object takes from another one."""
    table = symbols_of([path for path in files if path.suffix in (".c", ".S")])
    home = {symbol: path for path, (defined, _) in table.items() for symbol in defined}
    for path, (_, used) in table.items():
        for symbol in sorted(used & home.keys()):
            yield stem(path), stem(home[symbol]), f"uses {symbol}"


def upward(files):
    """{(user, used): [why]}"""
    found = {}
    for user, used, why in [*includes(files), *uses(files)]:
        if user != used and not allowed(user, used):
            found.setdefault((user, used), []).append(why)
    return found


def check(files):
    files = [path for path in files if path.suffix in (".c", ".h", ".S") and str(path).split("/", 1)[0] in TOPS]
    strays = [path for path in files if os.path.dirname(path) not in RANK]
    yield from (f"{path}: its folder has no place in LAYERS of scripts/harness/layers.py" for path in strays)
    if strays:
        return
    found = upward(files)
    known = {(user, used) for user, targets in UPWARD.items() for used in targets}
    for user, used in sorted(found.keys() - known):
        yield f"{user} -> {used} points upward: {'; '.join(found[user, used])}"
    for user, used in sorted(known - found.keys()):
        yield f"{user} -> {used} is gone: take it from UPWARD in scripts/harness/layers.py"

# SPDX-License-Identifier: MIT
"""The test kernels: what scripts/harness/debian_kernel.py makes of the layouts that Debian's kernel packages have."""
import lzma
import os
import pathlib
import tempfile

from . import debian_kernel
from .report import Result

RING, BLOCK = "drivers/virtio/virtio_ring.ko", "drivers/block/virtio_blk.ko"


def package(cache, name, under, files, built_in=(), age=0):
    """An unpacked package with these modules, as old as `age` says. Returns its folder and its kernel's release."""
    folder = cache / name
    release = name.removeprefix("linux-image-").partition("_")[0]
    modules = folder / under / release
    for path, data in files.items():
        (modules / "kernel" / path).parent.mkdir(parents=True, exist_ok=True)
        (modules / "kernel" / path).write_bytes(data)
    (modules / "modules.builtin").write_text("".join(f"kernel/{path}\n" for path in built_in))
    os.utime(folder, (1e9 - age, 1e9 - age))
    return str(folder), release


def layouts(cache):
    """(what, expected, what came) of every case."""
    twelve = package(cache, "linux-image-6.1.0-56-amd64_6.1.192-2", "lib/modules", {RING: b"ring", BLOCK: b"block"},
                     age=50)
    thirteen = package(cache, "linux-image-6.12.117+deb13-amd64_6.12.117-1", "usr/lib/modules",
                       {BLOCK + ".xz": lzma.compress(b"block")}, built_in=[RING], age=20)
    cloud = package(cache, "linux-image-6.12.117+deb13-cloud-amd64_6.12.117-1", "usr/lib/modules", {BLOCK: b"block"})
    package(cache, ".linux-image-6.12.118+deb13-amd64.4711", "usr/lib/modules", {BLOCK: b"cut"})
    yield "Debian 12's modules", {RING: b"ring", BLOCK: b"block"}, debian_kernel.modules_of(*twelve, [RING, BLOCK])
    yield "Debian 13's modules", {BLOCK: b"block"}, debian_kernel.modules_of(*thirteen, [RING, BLOCK])
    yield "a module that is nowhere", None, debian_kernel.modules_of(*cloud, [RING, BLOCK])
    for flavour, expected in (("amd64", thirteen), ("cloud-amd64", cloud), ("rt-amd64", ("/", ""))):
        yield f"kept of {flavour}", expected[0], debian_kernel.kept(f"linux-image-{flavour}", str(cache))


def test():
    with tempfile.TemporaryDirectory() as folder:
        return [Result(f"kernels/{what.replace(' ', '-')}", expected == came, None, str(expected), str(came))
                for what, expected, came in layouts(pathlib.Path(folder))]

# SPDX-License-Identifier: MIT
"""Builds the CD that Bochs boots: a Linux kernel, an initramfs with QEMU in it, and the ISO under test.

Everything comes from Debian packages. The initramfs is kept under build/ by the content of what went into it.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import debian_kernel, newc  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL_METAPACKAGE = "linux-image-cloud-amd64"  # its kernel is packed with LZ4: a minute less in Bochs than with XZ
QEMU = "/usr/bin/qemu-system-x86_64"
BUSYBOX = "/bin/busybox"
APPLETS = "sh mount stty insmod mkfifo tee grep sleep rm dmesg devmem poweroff".split()
FIRMWARE = {
    "bios-256k.bin": "/usr/share/seabios/bios-256k.bin",
    "kvmvapic.bin": "/usr/share/qemu/kvmvapic.bin",
}
MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-intel.ko")
IPS = 200_000_000  # instructions in an emulated second, for Bochs' devices and for Linux's clock alike
KERNEL_COMMAND_LINE = " ".join(
    (
        "console=ttyS0,115200 quiet iomem=relaxed nokaslr mitigations=off cryptomgr.notests",
        # Bochs counts one TSC tick for an instruction, but its CPUID claims 3.5 GHz.
        f"tsc=reliable tsc_early_khz={IPS // 1000}",
        # Bochs 2.7 gives the wrong size for the compacted format, for which Linux gives up XSAVE and AVX altogether.
        "clearcpuid=xsaves,xsavec",
    )
)
GRUB_CONFIG = """set timeout=0
menuentry nested {{
    linux /vmlinuz {command_line}
    initrd /base.cpio /payload.cpio
}}
"""


class ImageError(Exception):
    """Something needed is missing; the text says what to do."""


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from error


def _run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise ImageError(f"{command[0]} failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def find_kernel():
    """Returns (vmlinuz, {module: its content})."""
    try:
        return debian_kernel.find(KERNEL_METAPACKAGE, MODULES)
    except debian_kernel.KernelError as error:
        raise ImageError(str(error)) from error


def _shared_libraries(program):
    libraries = re.findall(r"(/\S+) \(0x", _run(["ldd", program]))
    if not libraries:
        raise ImageError(f"ldd names no libraries of {program}")
    return libraries


def _base_archive(modules, qemu):
    """The part of the initramfs that is the same for everything under test, with QEMU or without."""
    archive = newc.Archive()
    archive.character_device("dev/console", 5, 1)
    for folder in ("proc", "sys", "tmp"):
        archive.folder(folder)
    archive.file("init", _read(os.path.join(HERE, "init")), 0o755)
    archive.file("bin/busybox", _read(BUSYBOX), 0o755)
    for applet in APPLETS:
        archive.link("bin/" + applet, "busybox")
    for name, data in modules.items():
        archive.file("modules/" + os.path.basename(name), data)
    if qemu:
        for name, path in FIRMWARE.items():
            archive.file("firmware/" + name, _read(path))
        archive.file("bin/" + os.path.basename(QEMU), _read(QEMU), 0o755)
        for library in _shared_libraries(QEMU):
            archive.file(library.lstrip("/"), _read(library), 0o755)
    return archive.pack()


def _write_if_new(folder, kind, data):
    """Writes `data` under a name made from its content, and returns the path."""
    path = os.path.join(folder, f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}.cpio")
    if not os.path.exists(path):
        for old in glob.glob(os.path.join(folder, f"{kind}-*.cpio")):
            os.remove(old)
        with open(path + ".part", "wb") as file:
            file.write(data)
        os.rename(path + ".part", path)
    return path


def build(build_folder, payload, config, qemu=True):
    """Writes the CD image for Bochs and returns its path.

    `payload` maps names under /payload to the files that go there: test.iso for QEMU, or a program named client, which
    runs instead of QEMU. `config` is what init reads as shell variables.
    """
    folder = os.path.join(build_folder, "nested")
    os.makedirs(folder, exist_ok=True)
    vmlinuz, modules = find_kernel()
    base = _write_if_new(folder, "qemu" if qemu else "plain", _base_archive(modules, qemu))

    archive = newc.Archive()
    for name, path in payload.items():
        archive.file("payload/" + name, _read(path), 0o755)
    archive.file("payload/config", "".join(f"{name}='{value}'\n" for name, value in config.items()).encode())

    tree = os.path.join(folder, "cd")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(os.path.join(tree, "boot/grub"))
    shutil.copyfile(vmlinuz, os.path.join(tree, "vmlinuz"))
    os.link(base, os.path.join(tree, "base.cpio"))
    with open(os.path.join(tree, "payload.cpio"), "wb") as file:
        file.write(archive.pack())
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="ascii") as file:
        file.write(GRUB_CONFIG.format(command_line=KERNEL_COMMAND_LINE))

    image = os.path.join(folder, "linux.iso")
    _run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--locales=", "--fonts=", "--themes=", "-o", image, tree])
    return image

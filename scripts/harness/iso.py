# SPDX-License-Identifier: MIT
"""Bootable images: a hybrid ISO that GRUB boots from CD or USB stick, on BIOS and on x86-64 UEFI.

grub-mkrescue would put the present time and a random serial number into the image and all of GRUB beside it. Here each
part is made with fixed dates, so the same input gives the same bytes, and GRUB's core has the few modules needed built
in, so it boots without reading any.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

GRUB = pathlib.Path("/usr/lib/grub")
LABEL = "WHIMBREL"
COMMON = ("normal multiboot multiboot2 boot iso9660 part_gpt part_msdos echo ls cat test sleep halt reboot "
          "search search_label").split()
BIOS_MODULES = ["biosdisk"] + COMMON
EFI_MODULES = ["fat", "efi_gop", "efi_uga"] + COMMON
# UEFI loads GRUB from the FAT image, so GRUB has to look for the ISO file system; a BIOS names the boot drive itself.
EFI_START = f"search --no-floppy --set=root --label {LABEL}\nset prefix=($root)/boot/grub\n"


class ImageError(Exception):
    """The image could not be made; the text says why."""


class Module:
    """A file for GRUB to load, and its command line: words, each of which reaches the root as it is."""

    def __init__(self, name, path, words=()):
        self.name, self.path, self.words = name, pathlib.Path(path), list(words)


def run(*command, **options):
    try:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              **options)
    except FileNotFoundError as error:
        raise ImageError(f"{command[0]} is not installed (`make setup` installs it)") from error
    if done.returncode != 0:
        raise ImageError(f"{' '.join(map(str, command))} failed:\n{done.stdout.decode(errors='replace')}")


def set_dates(root, epoch):
    for path in sorted(root.rglob("*")):
        os.utime(path, (epoch, epoch))
    os.utime(root, (epoch, epoch))


def make_bios_core(out):
    run("grub-mkimage", "-d", GRUB / "i386-pc", "-O", "i386-pc", "-p", "/boot/grub", "-o", out / "core.img",
        *BIOS_MODULES)
    (out / "eltorito.img").write_bytes((GRUB / "i386-pc/cdboot.img").read_bytes() + (out / "core.img").read_bytes())


def make_efi_image(out, epoch):
    start = out / "start.cfg"
    start.write_text(EFI_START)
    run("grub-mkimage", "-d", GRUB / "x86_64-efi", "-O", "x86_64-efi", "-p", "/boot/grub", "-c", start,
        "-o", out / "BOOTX64.EFI", *EFI_MODULES)
    image = out / "efi.img"
    size = (out / "BOOTX64.EFI").stat().st_size
    clusters = (size + 64 * 1024) // 1024 * 1024
    image.write_bytes(bytes(clusters))
    set_dates(out, epoch)
    run("mformat", "-i", image, "-N", "57484d42", "-v", LABEL, "::")
    run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-m", "-i", image, out / "BOOTX64.EFI", "::/EFI/BOOT/BOOTX64.EFI")


def grub_parts(cache, epoch):
    """Makes GRUB's boot images once for each version of GRUB, of this script and of the date; returns their folder."""
    version = subprocess.run(["grub-mkimage", "--version"], stdout=subprocess.PIPE, check=True).stdout
    key = hashlib.sha256(version + pathlib.Path(__file__).read_bytes() + str(epoch).encode()).hexdigest()[:16]
    parts = cache / key
    if parts.is_dir():
        return parts
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = pathlib.Path(scratch) / "parts"
        made.mkdir()
        make_bios_core(made)
        make_efi_image(made, epoch)
        try:
            made.rename(parts)
        except OSError:
            if not parts.is_dir():  # another mkiso made it first
                raise
    return parts


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def grub_config(cmdline, modules, loader):
    lines = ["set timeout=0", "set default=0", "menuentry 'Whimbrel' {",
             f"    {loader} " + " ".join(["/boot/whimbrel.elf"] + [quote(w) for w in cmdline.split()])]
    for module in modules:
        words = [f"/boot/{module.name}", module.name] + [quote(w) for w in module.words]
        lines.append("    module2 " + " ".join(words))
    return "\n".join(lines + ["    boot", "}", ""])


def fill_tree(tree, parts, kernel, config, modules, epoch):
    (tree / "boot/grub").mkdir(parents=True)
    shutil.copyfile(kernel, tree / "boot/whimbrel.elf")
    for module in modules:
        shutil.copyfile(module.path, tree / "boot" / module.name)
    (tree / "boot/grub/grub.cfg").write_text(config)
    shutil.copyfile(parts / "eltorito.img", tree / "boot/grub/eltorito.img")
    shutil.copyfile(parts / "efi.img", tree / "boot/grub/efi.img")
    set_dates(tree, epoch)
    for path in tree.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def make_iso(output, kernel, cmdline, modules, cache, loader="multiboot2"):
    """Writes the image; what is at `output` changes only when the new one is whole. `loader`: GRUB's command that loads
    `kernel`; a kernel for "multiboot" is a guest's, for once on the bare machine."""
    epoch = int(os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600"))  # for mtools and xorriso too
    os.environ["TZ"] = "UTC"  # FAT and ISO dates are local time
    parts = grub_parts(cache, epoch)
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch))
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        tree = pathlib.Path(scratch) / "tree"
        fill_tree(tree, parts, kernel, grub_config(cmdline, modules, loader), modules, epoch)
        image = output.with_name(f".{output.name}.{os.getpid()}")
        try:
            run("xorriso", "-as", "mkisofs", "-quiet", "-o", image, "-V", LABEL, "-r", "-J",
                f"--modification-date={date}", "--set_all_file_dates", date,
                "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
                "--grub2-boot-info", "--grub2-mbr", GRUB / "i386-pc/boot_hybrid.img",
                "--efi-boot", "boot/grub/efi.img", "-efi-boot-part", "--efi-boot-image", "--protective-msdos-label",
                tree)
            image.replace(output)
        finally:
            image.unlink(missing_ok=True)

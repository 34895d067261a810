# SPDX-License-Identifier: MIT
"""Linux kernels from Debian's packages, unpacked in the cache folder without being installed."""

import glob
import lzma
import os
import re
import shutil
import subprocess


class KernelError(Exception):
    """There is no such kernel; the text says what to do."""


def cache_folder():
    """Where what comes from Debian is kept, by its version. It can be removed at any time."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "whimbrel")


def _run(command, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              **options)
    except FileNotFoundError as error:
        raise KernelError(f"{command[0]} is not there: this needs a Debian system, or a kernel of your own") from error
    if done.returncode != 0:
        raise KernelError(f"{command[0]} failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def _current(metapackage):
    """(package, version) of the kernel that apt would install now."""
    depends = _run(["apt-cache", "depends", metapackage])
    package = re.search(r"Depends: (linux-image-\S+)", depends)
    if not package:
        raise KernelError(f"apt knows no package {metapackage}: run apt-get update")
    version = re.search(r"^Version: (\S+)$", _run(["apt-cache", "show", "--no-all-versions", package[1]]), re.M)
    if not version:
        raise KernelError(f"apt cannot fetch {package[1]}: run apt-get update")
    return package[1], version[1]


def _download(metapackage, cache):
    """Unpacks Debian's current kernel package under `cache` and returns the folder, or the one kept from before."""
    package, version = _current(metapackage)
    folder = os.path.join(cache, f"{package}_{version}")
    if not os.path.isdir(folder):
        print(f"Fetching Debian's {package} (it is unpacked into {cache}, not installed)", flush=True)
        download = os.path.join(cache, f".{package}.{os.getpid()}")
        shutil.rmtree(download, ignore_errors=True)
        os.makedirs(download)
        try:
            sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
            _run(["apt-get", "download", "-q", *sandbox, f"{package}={version}"], cwd=download)
            for deb in glob.glob(os.path.join(download, "*.deb")):
                _run(["dpkg-deb", "-x", deb, download])
                os.remove(deb)
            os.rename(download, folder)
        except OSError:
            if not os.path.isdir(folder):  # else another process was first
                raise
        finally:
            shutil.rmtree(download, ignore_errors=True)
    return folder


def _download_by_new_lists(metapackage, cache):
    """Old lists name packages that the mirror no longer has. Only root may fetch new ones."""
    try:
        return _download(metapackage, cache)
    except KernelError:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "-q"])
        return _download(metapackage, cache)


def kept(metapackage, cache):
    """The newest folder from an earlier download, for when there is no network now; or the root folder."""
    flavour = re.escape(metapackage.removeprefix("linux-image-"))
    folders = [f for f in glob.glob(os.path.join(cache, "linux-image-*"))
               if re.fullmatch(rf"linux-image-\d[^-_]*(-\d+)?-{flavour}_.+", os.path.basename(f))]
    return max(folders, key=os.path.getmtime, default="/")


def modules_of(root, release, names):
    """{name: content} of these modules, less those that are built into the kernel; None if one is missing."""
    found = {}
    for folder in (os.path.join(root, under, release) for under in ("usr/lib/modules", "lib/modules")):
        try:
            with open(os.path.join(folder, "modules.builtin"), encoding="ascii") as file:
                built_in = set(file.read().split())
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, "kernel", name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    found[name] = file.read()
            elif os.path.exists(path + ".xz"):
                with lzma.open(path + ".xz") as file:
                    found[name] = file.read()
            elif f"kernel/{name}" not in built_in:
                break
        else:
            return found
    return None


def find(metapackage, modules=(), cache=None):
    """Returns (vmlinuz, {module: its content}) with these modules, less those that are built in: from the package, or
    else from one that was fetched before, or else from an installed one."""
    cache = cache or cache_folder()
    try:
        root, problem = _download_by_new_lists(metapackage, cache), "the package is incomplete"
    except (KernelError, OSError) as error:
        root, problem = kept(metapackage, cache), error
    for vmlinuz in sorted(glob.glob(os.path.join(root, "boot/vmlinuz-*")), reverse=True):
        release = os.path.basename(vmlinuz).removeprefix("vmlinuz-")
        found = modules_of(root, release, modules)
        if found is not None:
            return vmlinuz, found
    raise KernelError(f"no Linux kernel of {metapackage}: {problem}")

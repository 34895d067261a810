# SPDX-License-Identifier: MIT
"""Linux kernels from Debian's packages, unpacked under build/ without being installed."""

import glob
import os
import re
import shutil
import subprocess


class KernelError(Exception):
    """There is no such kernel; the text says what to do."""


def _run(command, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              **options)
    except FileNotFoundError as error:
        raise KernelError(f"{command[0]} is not there: this needs a Debian system, or a kernel of your own") from error
    if done.returncode != 0:
        raise KernelError(f"{command[0]} failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def _download(metapackage, cache):
    """Unpacks Debian's current kernel package under `cache` and returns the folder, or the one kept from before."""
    depends = _run(["apt-cache", "depends", metapackage])
    package = re.search(r"Depends: (linux-image-\S+)", depends)
    if not package:
        raise KernelError(f"apt knows no package {metapackage}: run apt-get update")
    folder = os.path.join(cache, package[1])
    if not os.path.isdir(folder):
        print(f"Fetching Debian's {package[1]} (it is unpacked into {cache}, not installed)", flush=True)
        download = f"{folder}.{os.getpid()}"
        shutil.rmtree(download, ignore_errors=True)
        os.makedirs(download)
        sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        _run(["apt-get", "download", "-q", *sandbox, package[1]], cwd=download)
        for deb in glob.glob(os.path.join(download, "*.deb")):
            _run(["dpkg-deb", "-x", deb, download])
            os.remove(deb)
        try:
            os.rename(download, folder)
        except OSError:
            shutil.rmtree(download, ignore_errors=True)  # another process was first
    return folder


def _kept(metapackage, cache):
    """The newest folder from an earlier download, for when there is no network now; or the root folder."""
    flavour = re.escape(metapackage.removeprefix("linux-image-"))
    kept = [f for f in glob.glob(os.path.join(cache, "linux-image-*"))
            if re.fullmatch(rf"linux-image-[0-9.]+-\d+-{flavour}", os.path.basename(f))]
    return max(kept, key=os.path.getmtime, default="/")


def find(metapackage, cache, modules=()):
    """Returns (vmlinuz, module folder) with these modules: from the package, or else from one that was fetched before,
    or else from an installed one."""
    try:
        root, problem = _download(metapackage, cache), "the package is incomplete"
    except (KernelError, OSError) as error:
        root, problem = _kept(metapackage, cache), error
    for vmlinuz in sorted(glob.glob(os.path.join(root, "boot/vmlinuz-*")), reverse=True):
        release = os.path.basename(vmlinuz).removeprefix("vmlinuz-")
        folder = os.path.join(root, "lib/modules", release, "kernel")
        if all(os.path.exists(os.path.join(folder, module)) for module in modules):
            return vmlinuz, folder
    raise KernelError(f"no Linux kernel of {metapackage}: {problem}")

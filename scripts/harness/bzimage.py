# SPDX-License-Identifier: MIT
"""Linux bzImages: what they are, and unpacking the kernel in them (Documentation/x86/boot.rst, payload_offset)."""
import lzma
import shutil
import subprocess
import zlib

PROGRAMS = {b"\x02\x21": ("lz4", ["lz4", "-dc"]), b"\x28\xb5": ("zstd", ["zstd", "-dc"]),
            b"BZ": ("bzip2", ["bzip2", "-dc"])}


class UnpackError(Exception):
    """Why a kernel cannot be unpacked."""


def word(data, at, size=4):
    return int.from_bytes(data[at:at + size], "little")


def is_bzimage(data):
    return len(data) > 0x1000 and data[0x202:0x206] == b"HdrS" and word(data, 0x1fe, 2) == 0xaa55


def payload(data):
    start = (data[0x1f1] or 4) * 512 + 512
    offset, length = word(data, 0x248), word(data, 0x24c)
    found = data[start + offset:start + offset + length]
    if word(data, 0x206, 2) < 0x208 or not length or len(found) != length:
        raise UnpackError("its header does not say where the packed kernel is, or the file is cut")
    return found


def unpack(data):
    """The ELF file in a bzImage. The packed data's last four bytes are the unpacked size, not of its format."""
    if not is_bzimage(data):
        raise UnpackError("it is not a bzImage")
    packed = payload(data)
    try:
        if packed[:2] == b"\xfd\x37":
            unpacked = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed)
        elif packed[:2] == b"\x1f\x8b":
            unpacked = zlib.decompressobj(31).decompress(packed)
        elif packed[:2] == b"\x5d\x00":
            unpacked = lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(packed)
        else:
            unpacked = by_program(packed)
    except (lzma.LZMAError, zlib.error) as error:
        raise UnpackError(f"its packed data is damaged ({error})") from error
    if unpacked[:4] != b"\x7fELF":
        raise UnpackError("what is packed in it is no ELF file")
    return unpacked


def by_program(packed):
    if packed[:2] not in PROGRAMS:
        raise UnpackError(f"it is packed in a way that is not known ({packed[:4].hex()})")
    name, command = PROGRAMS[packed[:2]]
    if not shutil.which(command[0]):
        raise UnpackError(f"it is packed with {name}: install the package {name} to unpack it")
    done = subprocess.run(command, input=packed[:-4], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if not done.stdout:
        raise UnpackError(f"{name} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout

# SPDX-License-Identifier: MIT
"""Writes cpio archives in the "newc" format that Linux unpacks as an initramfs.

The same entries give the same bytes: inode numbers follow the names' order, times and owners are zero.
"""

import stat

TRAILER = "TRAILER!!!"


def _header(inode, mode, size, name, device=(0, 0)):
    fields = (inode, mode, 0, 0, 1, 0, size, 0, 0, device[0], device[1], len(name) + 1, 0)
    return b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


class Archive:
    """A cpio archive in the making. Paths have no leading slash; the folders above them are added."""

    def __init__(self):
        self._entries = {}

    def _add(self, path, mode, data=b"", device=(0, 0)):
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._entries.setdefault("/".join(parts[:depth]), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self._entries[path] = (mode, data, device)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755)

    def file(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def pack(self):
        """Returns the archive. A folder sorts before what is in it, as Linux needs it."""
        chunks = []
        for inode, (path, (mode, data, device)) in enumerate(sorted(self._entries.items()), 1):
            chunks.append(_padded(_header(inode, mode, len(data), path.encode(), device)))
            chunks.append(_padded(data))
        chunks.append(_padded(_header(0, 0, 0, TRAILER.encode())))
        return b"".join(chunks)

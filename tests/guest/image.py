# SPDX-License-Identifier: BSD-3-Clause
"""An initramfs: files of this machine, with the libraries that they need, and some of ours.

It is an archive of cpio's "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), not packed:
an emulated processor would unpack it for longer than it takes to be read."""
import pathlib
import re
import stat
import subprocess

MERGED = ("bin", "sbin", "lib", "lib64")  # links to the folders of these names below /usr, as on Debian


class Image:
    """Paths of the guest, each with its mode and what is in it."""

    def __init__(self):
        self.entries = {}
        for name in MERGED:
            self.link(f"/{name}", f"usr/{name}")

    # ---- what is in it ----

    def _add(self, path, mode, content):
        path = str(path)
        if path.split("/")[1] in MERGED and not stat.S_ISLNK(mode):
            path = f"/usr{path}"
        parent = pathlib.PurePosixPath(path).parent
        if str(parent) != "/" and str(parent) not in self.entries:
            self.folder(parent)
        self.entries[path] = (mode, content)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def link(self, path, to):
        self._add(path, stat.S_IFLNK | 0o777, str(to).encode())

    def write(self, path, text, mode=0o644):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def copy(self, source, path=None):
        """A file of this machine, at its own path or another one. A link stays one, and what it leads to comes too: a
        driver that is there as two files DPDK would load twice, and end."""
        source = pathlib.Path(source)
        path = pathlib.PurePosixPath(path or source)
        if path.parts[1] in MERGED:
            path = pathlib.PurePosixPath("/usr") / path.relative_to("/")
        real = source.resolve()
        if path == source and source.is_symlink():
            self.copy(real)
            self.link(path, real)
        else:
            self._add(path, stat.S_IFREG | stat.S_IMODE(real.stat().st_mode), real.read_bytes())

    def program(self, source, path=None):
        """A program or library, with all libraries that it needs."""
        self.copy(source, path)
        listed = subprocess.run(["ldd", source], check=False, text=True, capture_output=True).stdout
        for library in re.findall(r"(?:=> |^\t)(/\S+)", listed, re.MULTILINE):
            if self._name(library) not in self.entries:
                self.copy(self._name(library))

    @staticmethod
    def _name(path):
        return f"/usr{path}" if path.split("/")[1] in MERGED else path

    # ---- the archive ----

    def save(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, content)) in enumerate(sorted(self.entries.items()), 1):
                self._record(out, number, name[1:], mode, content)
            self._record(out, 0, "TRAILER!!!", 0, b"")

    @staticmethod
    def _record(out, number, name, mode, content):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        for part in (head, content):
            out.write(part + bytes(-len(part) % 4))

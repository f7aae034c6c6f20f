# SPDX-License-Identifier: BSD-3-Clause
"""Stops one thread of a process, which signals can't do: as a debugger does, with ptrace(2)."""
import ctypes
import os
import pathlib

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # __WALL: threads, too

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace: {os.strerror(error)}")


def threads(process_id):
    """The threads of a process: {id: name}."""
    return {int(path.name): (path / "comm").read_text().strip()
            for path in pathlib.Path(f"/proc/{process_id}/task").iterdir()}


class StoppedThread:
    """A thread that stands still for as long as this lasts. All of it has to be done by the same thread of ours."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self.thread)
        ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        ptrace(PTRACE_DETACH, self.thread)

"""System calls that Python's library has no functions for."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1


def prctl(what: str, option: int, value: int, pointer: object = None) -> None:
    """Changes something about the calling thread.

    Args:
        what: what cannot be done where the kernel refuses.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), pointer or zero, zero, zero) != 0:
        raise _error(what)


def syscall(what: str, number: int, *arguments: object) -> int:
    """Makes a system call, with arguments of ctypes, bytes for pointers to them, or None; errors are as for `prctl`."""
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise _error(what)
    return result


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")

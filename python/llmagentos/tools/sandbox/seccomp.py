"""A filter of system calls (seccomp mode 2): a program of classic BPF that the kernel runs before each of them.

What is denied fails with EPERM, so that the code sees an ordinary PermissionError. The filter stays for the life of the
process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from llmagentos.tools.sandbox import syscalls
from llmagentos.tools.sandbox.kernel import PR_SET_PDEATHSIG, prctl

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_CLONE_THREAD = 0x10000
_X32 = 0x40000000  # x86-64's second set of numbers, in which every call could be made as well
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def program(pid: int) -> bytes:
    """The filter, as an array of struct sock_filter.

    Args:
        pid: of the process, which may send signals to itself, as abort() does.
    """
    column, architecture = syscalls.machine()
    deny = _errno(errno.EPERM)
    code = [_load(_ARCHITECTURE), _op(_JUMP_EQUAL, architecture, 1, 0), _op(_RETURN, _KILL_PROCESS), _load(_NUMBER)]
    if column == 0:
        code += [_op(_JUMP_AT_LEAST, _X32, 0, 1), deny]
    for numbers in syscalls.DENIED.values():
        number = numbers[column]
        if number is not None:
            code += _case(number, [deny])
    # The C library takes "not there" for an answer, and starts threads by clone, whose flags a filter can see.
    code += _case(syscalls.CLONE3[column], [_errno(errno.ENOSYS)])
    code += _case(
        syscalls.CLONE[column], [_load(_argument(0)), _op(_JUMP_ANY_BIT, _CLONE_THREAD, 1, 0), deny, _allow()]
    )
    for signalling in (syscalls.KILL, syscalls.TGKILL):
        code += _case(signalling[column], [_load(_argument(0)), _op(_JUMP_EQUAL, pid, 1, 0), deny, _allow()])
    # Limits may be read, which is what a null pointer for the new ones means.
    new_limit = [_load(_argument(2)), _op(_JUMP_EQUAL, 0, 1, 0), deny, _load(_argument(2) + 4)]
    code += _case(syscalls.PRLIMIT64[column], [*new_limit, _op(_JUMP_EQUAL, 0, 1, 0), deny, _allow()])
    # It ends with the process that has started it, whatever the code would have.
    code += _case(
        syscalls.PRCTL[column], [_load(_argument(0)), _op(_JUMP_EQUAL, PR_SET_PDEATHSIG, 0, 1), deny, _allow()]
    )
    return b"".join([*code, _allow()])


def install() -> None:
    """Puts the filter on this thread and those it starts, which must have given up ever gaining privileges.

    Raises:
        OSError: the kernel refuses, or the machine is not known.
    """
    code = program(os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    prctl("the filter of system calls cannot be set", _PR_SET_SECCOMP, _MODE_FILTER, header)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _op(_LOAD, offset)


def _allow() -> bytes:
    return _op(_RETURN, _ALLOW)


def _errno(number: int) -> bytes:
    return _op(_RETURN, 0x00050000 | number)


def _argument(index: int) -> int:
    """Offset of the lower half of an argument; both architectures are little-endian."""
    return 16 + 8 * index


def _case(number: int, body: list[bytes]) -> list[bytes]:
    """Instructions for one system call, which end in a return; others jump over them."""
    return [_op(_JUMP_EQUAL, number, 0, len(body)), *body]

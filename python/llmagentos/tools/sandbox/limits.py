"""What a confined process may use at most, and how it gives up more."""

from __future__ import annotations

import math
import resource
import signal
import struct
from dataclasses import dataclass

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.tools.sandbox.kernel import PR_SET_PDEATHSIG, prctl, syscall
from llmagentos.tools.sandbox.syscalls import CAPSET, machine

MAX_OPEN_FILES = 64
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one run of code.

    Attributes:
        seconds: of the wall clock, and of processor time on all threads together.
        memory_bytes: of address space, in which libraries and the stacks of threads count.
        output_bytes: of standard output and error together that are kept.
        disk_bytes: of all files in the folder that may be written; also of one file.

    Raises:
        InvalidRequestError: one is not positive.
    """

    seconds: float = 10.0
    memory_bytes: int = 512 << 20
    output_bytes: int = 64 << 10
    disk_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise InvalidRequestError(f"{name}={shown(value)} is not valid: it must be positive")


def apply(limits: Limits) -> None:
    """Sets the limits of this process, gives up root's privileges, and has it end when what started it ends.

    Raises:
        OSError: the kernel refuses.
    """
    seconds = math.ceil(limits.seconds) + 1
    for what, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.disk_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        lower = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (lower, lower))
    refused = "privileges cannot be given up"
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    syscall(refused, CAPSET[machine()[0]], header, bytes(24))
    prctl(refused, _PR_SET_NO_NEW_PRIVS, 1)
    prctl(refused, PR_SET_PDEATHSIG, signal.SIGKILL)

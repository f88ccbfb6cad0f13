"""Runs an application's entry as the program of this process.

usage: python .../applications/start.py PROGRAM ENTRY [ARGUMENTS]

Started by its path: with -m, Python would import what the current folder has of such names.

PROGRAM is what its `--help` and its errors call it. Ctrl-C ends it without a traceback.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

INTERRUPTED = 130  # the status that shells give a program that SIGINT has ended


def main() -> None:
    program, entry = sys.argv[1:3]
    sys.argv = [program, *sys.argv[3:]]
    sys.path[0] = os.path.dirname(entry)  # as if Python had been given the entry
    application = ModuleType("__main__")  # not by runpy, which would set the program's name to the path
    application.__file__ = entry
    sys.modules["__main__"] = application
    try:
        with open(entry, "rb") as file:
            code = compile(file.read(), entry, "exec")
        exec(code, application.__dict__)  # noqa: S102  (what was asked for)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()

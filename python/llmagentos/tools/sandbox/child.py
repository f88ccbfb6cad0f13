"""What runs in the confined process: it confines itself, and then runs the code, like a prompt of Python would."""

from __future__ import annotations

import ast
import json
import linecache
import os
import sys
import traceback
from types import CodeType
from typing import Any

from llmagentos.tools.sandbox import landlock, limits, seccomp

CODE_FILE = "main.py"  # in the folder in which the process starts
NOT_CONFINED = 125  # exit status where the code was not run, since it could not be confined
_READABLE = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/zero")


def main() -> None:
    """Reads limits from the first argument, JSON, and the code from CODE_FILE; ends the process.

    The second argument is the process that has started this one.
    """
    with open(CODE_FILE, encoding="utf-8") as file:
        code = file.read()
    try:
        limits.apply(limits.Limits(**json.loads(sys.argv[1])))
        prefixes = (os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix))
        if os.getppid() != int(sys.argv[2]):  # gone before its end could become ours
            os._exit(NOT_CONFINED)
        landlock.restrict([*_READABLE, *prefixes], [os.getcwd(), "/dev/null"])
        seccomp.install()
    except OSError as error:
        print(error.strerror or error, flush=True)
        os._exit(NOT_CONFINED)
    sys.argv = [CODE_FILE]
    sys.exit(_run(code))


def _run(code: str) -> int:
    """Runs code, shows the value of an expression at its end, and tells of an exception as Python does."""
    linecache.cache[CODE_FILE] = (len(code), None, code.splitlines(keepends=True), CODE_FILE)
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        body, last = _compiled(code)
        exec(body, names)  # noqa: S102 (what this process is for)
        value = eval(last, names) if last is not None else None  # noqa: S307
        if value is not None:
            print(repr(value))
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001
        # The first frame is this one.
        frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, frames, limit=-20)
        return 1
    return 0


def _compiled(code: str) -> tuple[CodeType, CodeType | None]:
    tree = ast.parse(code, CODE_FILE)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), CODE_FILE, "eval")  # type: ignore[attr-defined]
    return compile(tree, CODE_FILE, "exec"), last

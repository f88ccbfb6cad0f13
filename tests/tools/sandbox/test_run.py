"""Confined code: what it can do, and that it can do no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.catalogue import load_tools
from llmagentos.tools.sandbox import run
from llmagentos.tools.sandbox.limits import Limits
from llmagentos.tools.sandbox.run import run_python

QUICK = Limits(seconds=5)


def output(code: str, limits: Limits = QUICK) -> str:
    return str(run_python(code, limits))


def refusal(statement: str) -> str:
    """What a statement fails with, in confined code, or "done"."""
    return output(
        f"try:\n    {statement}\n    print('done')\nexcept BaseException as error:\n    print(type(error).__name__)"
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('hello')", "hello"),
        ("x = 20\nx * 2 + 2", "42"),
        ("'a'", "'a'"),
        ("None", "[no output]"),
        ("", "[no output]"),
        ("import math, json, datetime, decimal, re, random, sqlite3, hashlib\nmath.factorial(10)", "3628800"),
        ("import sys\nprint('out')\nprint('err', file=sys.stderr)", "out\nerr"),
        ("if __name__ == '__main__':\n    print('main')", "main"),
        ("def f(n): return 1 if n < 2 else n * f(n - 1)\nf(5)", "120"),
        ("open('a.txt', 'w').write('kept'); print(open('a.txt').read())", "kept"),
        ("import threading\nt = threading.Thread(target=print, args=('thread',)); t.start(); t.join()", "thread"),
        ("import tempfile\nwith tempfile.TemporaryFile() as f: print(f.write(b'abc'))", "3"),
        ("print('é', '\\U0001f600')", "é 😀"),
        ("input()", None),
    ],
)
def test_ordinary_code_runs(code: str, expected: str | None) -> None:
    if expected is None:
        assert "EOFError" in output(code)
    else:
        assert output(code) == expected


def test_installed_packages_can_be_imported() -> None:
    assert output("import numpy as np\nprint(np.arange(6).reshape(2, 3).T @ np.ones(2))") == "[3. 5. 7.]"


def test_an_exception_is_told_with_its_lines() -> None:
    told = output("def f():\n    return 1 / 0\nf()")
    assert told.startswith("Traceback")
    assert 'File "main.py", line 2, in f' in told
    assert "return 1 / 0" in told
    assert told.endswith("ZeroDivisionError: division by zero\n[ended with status 1]")
    assert "sandbox" not in told
    assert "SyntaxError" in output("1 +")
    assert output("import sys; sys.exit(3)") == "[ended with status 3]"


def test_nothing_is_kept_between_runs() -> None:
    output("open('a.txt', 'w').write('x'); y = 1")
    assert refusal("open('a.txt')") == "FileNotFoundError"
    assert refusal("y") == "NameError"


def facts(path: Path) -> tuple[int, ...]:
    """What changes with a file's content, owner or mode."""
    status = path.stat()
    return status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@pytest.fixture
def secret() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "secret.txt")
        path.write_text("secret")
        path.chmod(0o600)
        yield path


@pytest.mark.parametrize(
    "statement",
    [
        "open({path!r}).read()",
        "open({path!r}, 'w')",
        "open({path!r}, 'a')",
        "open({new!r}, 'w')",
        "import os; os.listdir({folder!r})",
        "import os; os.remove({path!r})",
        "import os; os.rename({path!r}, 'x')",
        "import os; os.link({path!r}, 'x'); open('x').read()",
        "import os; os.symlink({path!r}, 'x'); open('x').read()",
        "import os; os.truncate({path!r}, 0)",
        "import os; os.chmod({path!r}, 0o777)",
        "import os; os.utime({path!r})",
        "import os; os.setxattr({path!r}, 'user.x', b'1')",
        "import os; os.mkdir({new!r})",
        "import os; os.mkfifo('pipe')",
        "import os; os.mkdir('folder')",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "open('/proc/{parent}/cmdline').read()",
        "import os; os.listdir('/')",
        "import os; os.listdir('/home')",
    ],
)
def test_other_files_are_out_of_reach(secret: Path, statement: str) -> None:
    before = facts(secret)
    names = {"path": str(secret), "new": f"{secret.parent}/new", "folder": str(secret.parent), "parent": os.getpid()}
    assert refusal(statement.format(**names)) in ("PermissionError", "OSError")
    assert secret.read_text() == "secret"
    assert facts(secret) == before
    assert os.listdir(secret.parent) == ["secret.txt"]


@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.socket()",
        "import socket; socket.socket(socket.AF_UNIX)",
        "import socket; socket.socketpair()",
        "import socket; socket.create_connection(('127.0.0.1', 80))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
        "import os; os.fork()",
        "import os; os.forkpty()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {{}})",
        "import subprocess; subprocess.run(['true'])",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
        "import os; os.kill({parent}, 9)",
        "import os; os.kill(-1, 9)",
        "import os; os.killpg(0, 9)",
        "import os; os.pidfd_open({parent})",
        "import os; os.setpriority(os.PRIO_PROCESS, {parent}, 19)",
        "import os; os.memfd_create('x')",
        "import os; os.sched_setaffinity({parent}, [0])",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import resource; resource.prlimit({parent}, resource.RLIMIT_NOFILE, (1, 1))",
        "import os; os.chroot('.')",
        "import os; os.setuid(1)",
    ],
)
def test_network_processes_and_privileges_are_out_of_reach(statement: str) -> None:
    assert refusal(statement.format(parent=os.getpid())) in ("PermissionError", "URLError", "OSError", "ValueError")


def test_system_calls_of_another_numbering_are_out_of_reach() -> None:
    code = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.syscall({}), ctypes.get_errno())"
    for number in (0x40000000 + 41, 41) if os.uname().machine == "x86_64" else (198,):
        assert output(code.format(number)) == "-1 1"


def test_the_end_of_the_starting_process_cannot_be_outlived() -> None:
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.prctl(1, 0, 0, 0, 0), ctypes.get_errno())"
    )
    assert output(code) == "-1 1"


def test_a_fork_bomb_is_refused() -> None:
    code = "import os\nwhile True:\n    os.fork()"
    assert "PermissionError" in output(code)
    assert output("import os\nos.system(':(){ :|:& };:') != 0") == "True"


def test_a_memory_bomb_ends_in_a_memory_error() -> None:
    limits = replace(QUICK, memory_bytes=256 << 20)
    assert "MemoryError" in output("x = bytearray(10 ** 10)", limits)
    told = run_python("x = []\nwhile True:\n    x.append(bytearray(1 << 20))", limits)
    assert "MemoryError" in told.output


def test_a_bomb_of_threads_is_bounded() -> None:
    code = (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    assert run_python(code, replace(QUICK, seconds=2)).fault is not None


def test_code_that_runs_on_is_stopped() -> None:
    started = time.monotonic()
    assert output("while True: pass", replace(QUICK, seconds=0.5)) == "[stopped: it takes more than 0.5 seconds]"
    assert "more than 0.5 seconds" in output("import time; time.sleep(60)", replace(QUICK, seconds=0.5))
    told = output("import os, time\nos.close(1); os.close(2)\ntime.sleep(60)", replace(QUICK, seconds=0.5))
    assert "more than 0.5 seconds" in told
    assert time.monotonic() - started < 20


def test_code_cannot_ignore_its_end() -> None:
    code = (
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass"
    )
    assert "more than 0.5 seconds" in output(code, replace(QUICK, seconds=0.5))


def test_a_huge_output_is_cut_with_a_note_and_takes_no_memory() -> None:
    told = run_python("for _ in range(2000): print('x' * 9999)", replace(QUICK, output_bytes=1000))
    assert (len(told.output), told.dropped_bytes, told.fault) == (1000, 20_000_000 - 1000, None)
    assert "19,999,000 bytes more of output were dropped" in str(told)


def test_files_are_bounded_one_by_one_and_together() -> None:
    limits = replace(QUICK, disk_bytes=1 << 20)
    assert "File too large" in output("open('a', 'wb').write(bytes(1 << 21))", limits)
    many = "i = 0\nwhile True:\n    open(str(i), 'wb').write(bytes(1 << 19)); i += 1"
    assert "writes more than 1,048,576 bytes" in output(many, limits)


def test_the_folder_is_gone_afterwards() -> None:
    folder = output("import os; print(os.getcwd())")
    assert folder.startswith(tempfile.gettempdir())
    assert not os.path.exists(folder)


def test_the_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/evil.py")
    told = output("import os; print(sorted(os.environ))")
    assert "SECRET" not in told
    assert "PYTHON" not in told


def test_descriptors_of_the_caller_are_not_passed_on(secret: Path) -> None:
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        assert refusal(f"import os; os.read({file.fileno()}, 10)") == "OSError"


def test_a_crash_is_told() -> None:
    assert output("import ctypes; ctypes.string_at(0)").endswith("[ended by the signal SIGSEGV]")
    assert output("import os; os.abort()").endswith("[ended by the signal SIGABRT]")


def test_code_ends_with_the_process_that_started_it() -> None:
    code = "from llmagentos.tools.sandbox.run import *\nrun_python('while True: pass', Limits(seconds=60))"
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        for _ in range(500):
            children = _children(child.pid)
            if children:
                break
            time.sleep(0.02)
        assert children
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    for _ in range(500):
        if not _is_running(children[0]):
            return
        time.sleep(0.02)
    pytest.fail(f"process {children[0]} goes on")


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_code_that_cannot_be_confined_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    start = "import platform; platform.machine = lambda: 'vax'; " + run._START
    monkeypatch.setattr(run, "_START", start)
    with pytest.raises(ToolError, match="not run, since it cannot be confined: code cannot be confined on vax"):
        run_python("print('ran')")


def test_code_that_is_no_text_is_an_error() -> None:
    with pytest.raises(ToolError, match="no valid text"):
        run_python("print('\ud800')")
    assert "null bytes" in output("print(1)\0")


@pytest.mark.parametrize("name", ["seconds", "memory_bytes", "output_bytes", "disk_bytes"])
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name}=0"):
        Limits(**{name: 0})


def test_the_tool_returns_what_the_code_says() -> None:
    (python,) = load_tools("python")
    assert python(code="sum(range(10))") == "45"

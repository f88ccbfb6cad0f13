"""Python's end while threads are inside a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN = """
import os, sys, threading, time
from llmagentos._core.kernels import measure_fma
from llmagentos._core.runtime import ThreadPool
from llmagentos.engine.encoder import Encoder, TokenText
from tests.engine.engines import engine_on, request_for
from tests.engine.fake_backend import FakeBackend

entered, backend, pool = threading.Event(), FakeBackend(), ThreadPool(1)

def step(batch):
    entered.set()
    time.sleep(0.2)
    print("left", flush=True)

def aside(function, *args, daemon=True):
    threading.Thread(target=function, args=args, daemon=daemon).start()

backend.before_run = step
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_daemon_thread_leaves_its_step_first_and_begins_no_other() -> None:
    ended = run("aside(engine_on(backend).run, [request_for([1], 500)]); entered.wait()")
    assert (ended.returncode, ended.stdout) == (0, "left\n")


def test_so_does_the_engines_own_thread_and_says_nothing() -> None:
    ended = run("engine = engine_on(backend); engine.start([request_for([1], 500)]); entered.wait()")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n", "")


def test_so_does_a_thread_that_makes_vectors() -> None:
    ended = run(
        """
encoder = Encoder(backend, last_row=True, max_batched_tokens=2)
aside(encoder.run, [TokenText([1, 2])] * 500)
entered.wait()
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "left\n")


def test_threads_that_python_waits_for_finish_their_work() -> None:
    ended = run("aside(engine_on(backend).run, [request_for([1], 3)], daemon=False)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n" * 3, "")


def test_native_steps_at_the_end_do_not_abort_the_process() -> None:
    ended = run(
        """
backend.before_run = lambda batch: (entered.set(), measure_fma(pool, 0.2))
aside(engine_on(backend).run, [request_for([1], 500)])
entered.wait()
"""
    )
    assert ended.returncode == 0, ended.stderr


def test_nor_does_a_native_call_that_returns_while_python_is_taken_down() -> None:
    # Modules go last, when daemon threads may not have the interpreter any more: sys.late keeps the process until then.
    ended = run(
        """
class Late:
    def __del__(self, sleep=time.sleep):
        sleep(1)

sys.late = Late()
aside(lambda: (entered.set(), measure_fma(pool, 0.3)))
entered.wait()
time.sleep(0.05)
"""
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_process_that_ends_waits_for_nobody() -> None:
    ended = run(
        """
aside(engine_on(backend).run, [request_for([1], 2)])
encoder = Encoder(backend, last_row=True, max_batched_tokens=2)
encoder._lock.acquire()
entered.wait()
if (child := os.fork()) == 0:
    sys.exit(7)
encoder._lock.release()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    )
    assert ended.returncode == 0
    assert "7\n" in ended.stdout

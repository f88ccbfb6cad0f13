from __future__ import annotations

import sys

import pytest

from llmagentos.bench.alternate import STARTED, Side, alternate, run_once
from llmagentos.bench.host import Host
from llmagentos.bench.metrics import Metric
from llmagentos.bench.progress import Progress
from llmagentos.errors import LLMAgentOSError


def side(name: str, program: str) -> Side:
    return Side(name, [sys.executable, "-c", f"import json, os, sys, time\n{program}"], {"FACTOR": "2"})


ECHO = "print('noise'); print(json.dumps({'value': int(os.environ['FACTOR']) * int(sys.argv[2])}))"


def test_a_side_gets_kind_number_and_environment_and_answers_on_its_last_line() -> None:
    assert run_once(side("echo", ECHO), Metric("prefill", 21)) == 42


def test_a_side_is_told_when_it_was_started() -> None:
    late = side("late", f"print(json.dumps({{'value': time.monotonic() - float(os.environ[{STARTED!r}])}}))")
    assert 0 < run_once(late, Metric("start", 32)) < 60


def test_a_side_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(LLMAgentOSError, match=r"^broken failed on decode @5: no luck"):
        run_once(side("broken", "sys.exit('no luck')"), Metric("decode", 5))
    with pytest.raises(LLMAgentOSError, match="it ended with status 3"):
        run_once(side("broken", "sys.exit(3)"), Metric("decode", 5))


def test_a_side_of_one_kind_sits_out_the_others() -> None:
    only = Side("only", side("b", ECHO).command, {"FACTOR": "2"}, only_kind="streams")
    metrics = [Metric("decode", 1), Metric("streams", 3)]
    runs = alternate([side("a", ECHO), only], metrics, 1, Host(1), Progress())
    assert [(run.metric.kind, run.side) for run in runs] == [("decode", "a"), ("streams", "a"), ("streams", "only")]


def test_sides_take_turns_and_warm_ups_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = [Metric("decode", 1), Metric("prefill", 3)]
    runs = alternate([side("a", ECHO), side("b", ECHO)], metrics, 2, Host(1), Progress(), warm_ups=1)
    assert [(run.metric.n, run.round, run.side) for run in runs] == [
        (n, number, name) for n in (1, 3) for number in (0, 1) for name in "ab"
    ]
    assert [run.value for run in runs] == [2] * 4 + [6] * 4
    assert all(min(run.probes) > 0 for run in runs)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[1/12] decode @1, warm-up: a 2 tokens/s"
    assert lines[-1] == "[12/12] prefill 3, round 2 of 2: b 6 tokens/s"

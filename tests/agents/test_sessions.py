"""Conversations that are kept: in a file, as text, and after a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.agents.agent import Agent
from llmagentos.agents.records import (
    Answer,
    Approval,
    Call,
    CallResult,
    CallStarted,
    Correction,
    Handoff,
    Record,
    Summary,
    TurnEnded,
    UserInput,
    from_json,
    to_json,
)
from llmagentos.agents.scripted import ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.agents.sqlite_session import SQLiteSession, session_ids
from llmagentos.errors import InvalidRequestError, LLMAgentOSError
from tests.agents.killed_run import N_STEPS, NAMES

TEXT = st.text()
RECORDS = st.one_of(  # that may come after each other in any order
    st.builds(UserInput, TEXT),
    st.builds(
        Answer,
        TEXT,
        TEXT,
        st.lists(st.builds(Call, TEXT, TEXT, TEXT), max_size=2).map(tuple),
        st.integers(0),
        st.integers(0),
        TEXT,
        st.lists(TEXT, max_size=2).map(tuple),
    ),
    st.builds(Correction, TEXT),
    st.builds(Approval, TEXT, st.booleans(), TEXT),
    st.builds(CallStarted, TEXT, TEXT),
    st.builds(CallResult, st.just("made"), st.sampled_from(["ok", "error", "unknown"]), TEXT),
    st.builds(Handoff, TEXT),
    st.builds(Summary, TEXT, st.just(0)),
    st.builds(TurnEnded, TEXT, TEXT),
)


@settings(max_examples=30)
@given(st.lists(RECORDS, max_size=4))
def test_records_are_what_they_were(later: list[Record]) -> None:
    records = [UserInput("Hi"), Answer("A", "", (Call("made", "t", "{}"),), 1, 2, "tool_calls"), *later]
    assert [from_json(to_json(record)) for record in records] == records
    assert list(MemorySession.from_json(MemorySession("x", records).to_json()).records) == records


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"id": 3, "records": []}', '{"id": "x", "records": [{"kind": "x"}]}']
)
def test_text_that_is_no_session_is_an_error(text: str) -> None:
    with pytest.raises(LLMAgentOSError, match=r"no saved session|no record"):
        MemorySession.from_json(text)
    with pytest.raises(LLMAgentOSError, match="a record 'user_input' must have text"):
        from_json({"kind": "user_input", "texts": ""})


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"kind": ["x"]}, "is no record of a conversation"),
        ({"kind": "user_input", "text": None}, "text=None is not str"),
        ({"kind": "approval", "call_id": "c", "is_allowed": "no"}, "is_allowed='no' is not bool"),
        ({**to_json(Answer("A", "", (), 1, 2, "stop")), "calls": [{"id": 1, "name": "t", "arguments": ""}]}, "id=1"),
        (to_json(CallResult("c", "ok", "")) | {"outcome": "fine"}, "outcome='fine' is not Outcome"),
        (to_json(CallResult("never made", "ok", "")), "the record 2 of a conversation is out of place"),
        (to_json(Summary("", 1)), "the record 2 of a conversation is out of place"),
    ],
)
def test_records_that_no_run_can_have_written_are_errors(tmp_path: Path, record: object, message: str) -> None:
    values = [to_json(UserInput("Hi")), record]
    with pytest.raises(LLMAgentOSError, match=message):
        MemorySession.from_json(json.dumps({"id": "x", "records": values}))
    with pytest.raises(LLMAgentOSError, match="the record 1 of a conversation is out of place"):
        MemorySession.from_json(json.dumps({"id": "x", "records": [to_json(TurnEnded("done", ""))]}))
    path = tmp_path / "agents.db"
    SQLiteSession(path, "x").append(UserInput("Hi"))
    for text in (json.dumps(record), "{]"):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("INSERT OR REPLACE INTO records VALUES ('x', 1, ?)", (text,))
        with pytest.raises(LLMAgentOSError, match=r"agents\.db: the session 'x' cannot be read: "):
            SQLiteSession(path, "x")


def test_a_file_holds_conversations_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "agents.db"
    for name in ("ann", "bob"):
        session = SQLiteSession(path, name)
        Agent(ScriptedModel([f"Hello, {name}. \ud800"])).ask("Hi", session)
        session.close()
    assert session_ids(path) == ["ann", "bob"]
    model = ScriptedModel(["Again."])
    Agent(model).ask("I am back.", SQLiteSession(path, "ann"))
    contents = [message["content"] for message in model.requests[0].messages]
    assert contents == ["Hi", "Hello, ann. \ud800", "I am back."]


def test_two_that_go_on_with_one_conversation_do_not_mix(tmp_path: Path) -> None:
    first, second = (SQLiteSession(tmp_path / "agents.db", "ann") for _ in range(2))
    Agent(ScriptedModel(["Hello."])).ask("Hi", first)
    with pytest.raises(LLMAgentOSError, match="has gone on elsewhere since it was opened"):
        Agent(ScriptedModel(["Hello."])).ask("Hi", second)
    assert len(SQLiteSession(tmp_path / "agents.db", "ann").records) == len(first.records)


def test_files_that_are_no_sessions_are_errors(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but text that is long enough to be read as a header of one\n" * 20)
    for path in (tmp_path / "text.db", tmp_path / "missing" / "agents.db"):
        with pytest.raises(LLMAgentOSError, match=str(path)):
            SQLiteSession(path, "x")
    with pytest.raises(LLMAgentOSError, match="null"):
        SQLiteSession(tmp_path / "a\0b", "x")
    for id in ("", "\ud800", 3):
        with pytest.raises(InvalidRequestError, match="id="):
            SQLiteSession(tmp_path / "agents.db", id)  # type: ignore[arg-type]


def _killed_until_finished(folder: Path, n_kills: int, seed: int) -> tuple[SQLiteSession, list[list[str]]]:
    """The session and the effects of a run that was killed at random points and resumed each time."""
    rng, program = random.Random(seed), Path(__file__).with_name("killed_run.py")
    database, effects = folder / "agents.db", folder / "effects.txt"
    command = [sys.executable, str(program), str(database), str(effects)]
    # As here, wherever the package comes from.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    for kill in range(n_kills + 1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        if kill < n_kills:
            time.sleep(rng.uniform(0.0, 0.15))
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert process.returncode == 0
    lines = effects.read_text().splitlines()
    return SQLiteSession(database, "long"), [line.split() for line in lines]


def _check_nothing_lost_or_done_twice(session: SQLiteSession, effects: list[list[str]]) -> None:
    assert isinstance(session.records[-1], TurnEnded)
    results = {record.call_id: record for record in session.records if isinstance(record, CallResult)}
    assert len(results) == sum(isinstance(record, CallResult) for record in session.records) == 3 * N_STEPS
    done = Counter((name, int(number)) for name, number, _ in effects)
    keys: dict[int, set[str]] = {}
    for name, number, key in effects:
        if name == "append_keyed":
            keys.setdefault(int(number), set()).add(key)
    for number in range(N_STEPS):
        outcome = {name: results[f"{name}{number}"].outcome for name in NAMES}
        assert outcome["append_keyed"] == outcome["append_repeatable"] == "ok"
        assert len(keys[number]) == 1  # whoever does the work can tell that it was asked for before
        assert done["append_repeatable", number] >= 1
        # What can not be repeated was done once, or it is known that nobody knows.
        assert (done["append_once", number], outcome["append_once"]) in ((1, "ok"), (1, "unknown"), (0, "unknown"))


def test_a_run_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    _check_nothing_lost_or_done_twice(*_killed_until_finished(tmp_path, n_kills=4, seed=0))


@pytest.mark.acceptance
def test_fifty_kills(tmp_path: Path) -> None:
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _check_nothing_lost_or_done_twice(*_killed_until_finished(folder, n_kills=10, seed=seed))

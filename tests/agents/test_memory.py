"""What the model is shown of a conversation, by each kind of memory, and how that is told."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.agents.agent import Agent
from llmagentos.agents.events import Remembered
from llmagentos.agents.memory import (
    Memory,
    RecallMemory,
    RecentMemory,
    SQLiteVectorStore,
    SummaryMemory,
    VectorStore,
)
from llmagentos.agents.records import Summary, UserInput
from llmagentos.agents.scripted import ScriptedCall, ScriptedModel
from llmagentos.agents.session import MemorySession
from llmagentos.completion import Completion
from llmagentos.errors import ContextLengthError, InvalidRequestError, LLMAgentOSError
from llmagentos.tools.tool import tool


class Counting(ScriptedModel):
    """Its tokens are words."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


LONGEST = 2000  # characters that it takes


class Letters:
    """Embeds a text as how often it has each letter."""

    def embed(self, texts: Sequence[str], /, *, truncate: bool = False) -> NDArray[np.float32]:
        if not truncate and max(map(len, texts)) > LONGEST:
            raise ContextLengthError("too long")
        texts = [text[:LONGEST] for text in texts]
        counts = np.array([[text.lower().count(chr(97 + i)) + 1e-3 for i in range(26)] for text in texts], np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def talk(
    model: ScriptedModel, memory: Memory, inputs: Sequence[str], **options: Any
) -> tuple[MemorySession, list[str]]:
    """The session after the inputs, and what was told of memory at the last one."""
    session = MemorySession("talk")
    agent = Agent(model, memory=memory, session=session, **options)
    for text in inputs[:-1]:
        agent.ask(text)
    return session, [event.note for event in agent.stream(inputs[-1]) if isinstance(event, Remembered)]


def contents(model: ScriptedModel) -> list[str]:
    """What the model was shown last."""
    return [message["content"] for message in model.requests[-1].messages]


def test_the_newest_turns_are_shown_and_the_rest_reported() -> None:
    model = ScriptedModel(["1", "2", "3"])
    session, notes = talk(model, RecentMemory(max_turns=2), ["a", "b", "c"])
    assert contents(model) == ["b", "2", "c"]
    assert notes == ["1 of 3 turns are left out"]
    assert [record.text for record in session.records if isinstance(record, UserInput)] == ["a", "b", "c"]


def test_turns_are_kept_whole_while_their_tokens_fit() -> None:
    @tool
    def look() -> str:
        """Look."""
        return "four words it says"

    model = Counting(["one", ScriptedCall("look"), "two", "three"])
    memory = RecentMemory(max_tokens=60)
    _, notes = talk(model, memory, ["a " * 40, "b", "c"], tools=[look])
    assert contents(model) == ["b", "", "four words it says", "two", "c"]
    assert notes == ["1 of 3 turns are left out"]


def test_a_turn_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ContextLengthError, match="about 108 tokens, 98 more than max_tokens=10"):
        talk(Counting(["one"]), RecentMemory(max_tokens=10), ["a " * 100])
    with pytest.raises(InvalidRequestError, match="needs a model that counts tokens"):
        talk(ScriptedModel(["one"]), RecentMemory(max_tokens=10), ["a"])
    with pytest.raises(InvalidRequestError, match="max_turns=0"):
        RecentMemory(max_turns=0)
    with pytest.raises(InvalidRequestError, match="needs max_turns or max_tokens"):
        RecentMemory()


def test_older_turns_are_summarised_once() -> None:
    summariser = ScriptedModel(["a and b were said"])
    model = ScriptedModel(["1", "2", "3", "4"])
    memory = SummaryMemory(max_turns=2, keep_turns=1, model=summariser)
    session, notes = talk(model, memory, ["a", "b", "c"])
    assert notes == ["2 turns were summarised: a and b were said"]
    assert "user: a\nassistant: 1\nuser: b\nassistant: 2" in summariser.requests[0].messages[0]["content"]
    background = "Summary of the conversation so far: a and b were said"
    assert contents(model) == [background, "c"]
    # It is a record: whoever goes on with the session, with this memory or without, has it.
    restored = MemorySession.from_json(session.to_json())
    assert [record for record in restored.records if isinstance(record, Summary)] == [Summary("a and b were said", 6)]
    Agent(model).ask("d", restored)
    assert contents(model) == [background, "c", "3", "d"]


def test_turns_whose_summary_is_empty_or_cut_are_not_lost_without_a_word() -> None:
    class Cut(ScriptedModel):
        def chat(self, *args: Any, **options: Any) -> Completion:
            return replace(super().chat(*args, **options), finish_reason="length")

        astream = None  # type: ignore[assignment]
        achat = None  # type: ignore[assignment]

    model = ScriptedModel(["1", "2", "3"])
    session, notes = talk(model, SummaryMemory(2, 1, ScriptedModel([" "])), ["a", "b", "c"])
    assert notes == ["no summary of 2 turns was written: all are shown"]
    assert contents(model) == ["a", "1", "b", "2", "c"]
    assert not any(isinstance(record, Summary) for record in session.records)
    _, notes = talk(ScriptedModel(["1", "2", "3"]), SummaryMemory(2, 1, Cut(["a and"]), 9), ["a", "b", "c"])
    assert notes == ["2 turns were summarised, cut at 9 tokens: a and"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_texts_are_found_by_their_meaning(kind: str, tmp_path: Path) -> None:
    store = VectorStore(Letters()) if kind == "memory" else SQLiteVectorStore(tmp_path / "texts.db", Letters())
    assert store.search("anything") == []
    store.add([("x", "aaa bbb"), ("y", "zzz"), ("z", "aaa")])
    store.add([("y", "ccc"), ("x", "aaa bbb")])
    store.add([])
    assert len(store) == 3
    assert "x" in store
    assert "w" not in store
    found = store.search("aaaa", 2)
    assert [(one.key, one.text) for one in found] == [("z", "aaa"), ("x", "aaa bbb")]
    assert found[0].score == pytest.approx(1.0, abs=1e-3)
    assert found[1].score == pytest.approx(2**-0.5, abs=1e-3)
    with pytest.raises(InvalidRequestError, match="k=0"):
        store.search("a", 0)


def test_what_a_file_of_vectors_cannot_do_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but text that is long enough to be read as a header of one\n" * 20)
    for path in (tmp_path / "text.db", tmp_path / "a\0b"):
        with pytest.raises(LLMAgentOSError, match=r"database|null"):
            SQLiteVectorStore(path, Letters())
    store = SQLiteVectorStore(tmp_path / "texts.db", Letters())
    store.add([("\ud800", "aa\udcff")])  # bytes from a terminal that are no text
    assert "\ud800" in store
    assert [one.text for one in store.search("aa")] == ["aa?"]
    with pytest.raises(InvalidRequestError, match="k=5000 is not valid"):
        store.search("a", 5000)
    store.close()
    with pytest.raises(LLMAgentOSError, match=r"texts\.db"):
        store.search("a")


def test_vectors_in_a_file_stay_there_and_belong_to_one_model(tmp_path: Path) -> None:
    class Short(Letters):
        def embed(self, texts: Sequence[str], /, *, truncate: bool = False) -> NDArray[np.float32]:
            return super().embed(texts, truncate=truncate)[:, :5]

    store = SQLiteVectorStore(tmp_path / "texts.db", Letters())
    store.add([("x", "aaa")])
    store.close()
    assert SQLiteVectorStore(tmp_path / "texts.db", Letters()).search("a")[0].text == "aaa"
    with pytest.raises(LLMAgentOSError, match="another length than 5"):
        SQLiteVectorStore(tmp_path / "texts.db", Short())
    with pytest.raises(LLMAgentOSError, match="unable to open"):
        SQLiteVectorStore(tmp_path / "missing" / "texts.db", Letters())


def test_several_write_to_one_file_of_vectors(tmp_path: Path) -> None:
    def work(number: int) -> None:
        store = SQLiteVectorStore(tmp_path / "texts.db", Letters())
        for index in range(20):
            store.add([(f"{number}-{index}", "aaa"), ("shared", "bbb")])
        store.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    store = SQLiteVectorStore(tmp_path / "texts.db", Letters())
    assert len(store) == 81
    assert len(store.search("a", 100)) == 81


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_texts_longer_than_the_embedder_takes_are_kept_and_recalled_in_pieces(kind: str, tmp_path: Path) -> None:
    store = VectorStore(Letters()) if kind == "memory" else SQLiteVectorStore(tmp_path / "texts.db", Letters())
    store.add([("x", "a" * LONGEST + "zzz")])
    assert store.search("a" * LONGEST + "z" * LONGEST)[0].text == "a" * LONGEST + "zzz"
    model = ScriptedModel(["1", "2", "3"])
    memory = RecallMemory(store, keep_turns=1, n_recalled=1, min_score=0.5)
    long = "bbbb " * 1000 + "\n\n" + "qqqq " * 20
    talk(model, memory, [long, "cccc", "qqqq" * LONGEST])
    assert contents(model)[0] == "From earlier conversations:\n- " + ("qqqq " * 20).strip() + "\nassistant: 1"


def test_old_turns_are_recalled_when_they_have_to_do_with_what_is_said() -> None:
    store = VectorStore(Letters())
    model = ScriptedModel(["1", "2", "3", "4"])
    memory = RecallMemory(store, keep_turns=1, n_recalled=1, min_score=0.5)
    _, notes = talk(model, memory, ["zzzz zzzz zzzz zzzz", "xxxx", "qqqq", "zzzz zz"])
    assert [note.split(":")[0] for note in notes] == ["3 of 4 turns are left out", "recalled (0.95)"]
    assert contents(model) == ["From earlier conversations:\n- user: zzzz zzzz zzzz zzzz\nassistant: 1", "zzzz zz"]
    assert len(store) == 3

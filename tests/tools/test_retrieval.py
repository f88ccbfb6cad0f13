"""Passages found by words and by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos.errors import InvalidRequestError, ToolError
from llmagentos.tools.retrieval import Passage, PassageIndex, read_passages, retrieval_tool

DOCUMENTS = {
    "bread.md": "# Bread\n\nKnead the dough for ten minutes and bake it at 230 degrees.",
    "plants/fern.txt": "Ferns like shade.\n\nWater them twice a week, never at noon.",
    "plants/cactus.txt": "A cactus likes sun. It needs water once a month.",
    "zh.md": "面包要烤三十分钟。",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in DOCUMENTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


class Letters:
    """Embeds a text by how often each letter occurs in it."""

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        return np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("How long to knead dough?", "bread.md"),
        ("baking degree", "bread.md"),  # by its stem
        ("watering ferns", "plants/fern.txt"),
        ('cactus OR "sun" AND (NEAR) *', "plants/cactus.txt"),  # no operators
        ("烤面包", "zh.md"),
    ],
)
def test_the_passage_with_the_words_comes_first(folder: Path, query: str, source: str) -> None:
    search = retrieval_tool(folder)
    assert search(query=query)[0]["source"].startswith(source)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("How often do I water a cactus?", ["plants/cactus.txt"]),
        ("What do ferns like?", ["plants/fern.txt"]),
        ("Who won the football world cup, and did it rain a week?", []),  # one word in common is no answer
        ("", []),
    ],
)
def test_a_question_that_no_passage_covers_finds_nothing(folder: Path, query: str, found: list[str]) -> None:
    passages = PassageIndex(read_passages(folder, overlap=0)).search(query, min_coverage=0.6)
    assert [passage.source for passage in passages] == found


def test_coverage_is_of_words(folder: Path) -> None:
    passages = read_passages(folder)
    with pytest.raises(InvalidRequestError, match=r"min_coverage=0\.5"):
        PassageIndex(passages, Letters()).search("sun", min_coverage=0.5)
    with pytest.raises(InvalidRequestError, match=r"min_coverage=1\.5"):
        PassageIndex(passages).search("sun", min_coverage=1.5)


def test_sources_name_the_line(folder: Path) -> None:
    text = "\n".join(["padding words " * 80, "", "", "the treasure is here"])
    (folder / "long.txt").write_text(text)
    last = [passage for passage in read_passages(folder, overlap=0) if passage.source == "long.txt"][-1]
    assert (last.line, last.text) == (4, "the treasure is here")


def test_questions_without_known_words_find_nothing(folder: Path) -> None:
    search = retrieval_tool(folder)
    assert search(query="xylophone") == []
    assert search(query="?!") == []


def test_embeddings_rank_by_cosine() -> None:
    passages = [Passage("a", 1, "zzz"), Passage("b", 1, "abab"), Passage("c", 1, "ab")]
    found = PassageIndex(passages, Letters()).search("ba", 2)
    assert [(passage.source, round(passage.score, 6)) for passage in found] == [("b", 1.0), ("c", 1.0)]


def test_a_folder_is_searched_by_meaning(folder: Path) -> None:
    search = retrieval_tool(folder, Letters())
    assert len(search(query="anything at all", limit=4)) == 4


def test_html_is_read_as_text(folder: Path) -> None:
    (folder / "page.html").write_text("<script>secretword()</script><p>A <b>visible</b> unicorn</p>")
    assert retrieval_tool(folder)(query="unicorn")[0]["text"] == "A **visible** unicorn"
    assert retrieval_tool(folder)(query="secretword") == []


def test_scores_are_relative_to_the_best_also_where_every_passage_has_the_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Bread, bread and more bread.")
    (tmp_path / "b.txt").write_text("Bread is baked in an oven, which takes a while.")
    first, second = retrieval_tool(tmp_path)(query="bread")
    assert (first["source"], first["score"]) == ("a.txt:1", 1.0)
    assert 0 < second["score"] < 1


def test_passages_cover_long_documents(folder: Path) -> None:
    (folder / "long.txt").write_text("word " * 1000)
    passages = [passage for passage in read_passages(folder, size=500, overlap=50) if passage.source == "long.txt"]
    assert len(passages) >= 10
    assert all(len(passage.text) <= 500 for passage in passages)


def test_folders_without_documents_and_documents_that_are_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no documents"):
        retrieval_tool(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ToolError, match=r"'a\.txt' is not UTF-8"):
        retrieval_tool(tmp_path)


@pytest.mark.parametrize("limit", [0, 21])
def test_limits_outside_their_domain_are_errors(folder: Path, limit: int) -> None:
    with pytest.raises(ToolError, match=f"limit={limit}"):
        retrieval_tool(folder)(query="water", limit=limit)

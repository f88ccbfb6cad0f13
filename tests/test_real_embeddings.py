"""Embeddings of the catalogue's smallest encoder against sentence-transformers' (tests/oracles/embeddings)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from llmagentos import LLM

ORACLE = Path(__file__).parent / "oracles" / "embeddings"
TEXTS = (ORACLE / "texts.txt").read_text(encoding="utf-8").split("\n")


@pytest.fixture(scope="module")
def llm() -> Iterator[LLM]:
    with LLM("all-minilm-l6-v2", threads=2) as llm:
        yield llm


@pytest.mark.model
def test_embeddings_are_those_of_sentence_transformers(llm: LLM) -> None:
    with np.load(ORACLE / "all-minilm-l6-v2.npz") as stored:
        vectors, lengths = stored["vectors"], stored["lengths"]
    ids = [llm.tokenize(text)[:256] for text in TEXTS]
    assert [len(text_ids) for text_ids in ids] == lengths.tolist()
    found = llm.embed(TEXTS, truncate=True)
    assert (found * vectors).sum(axis=1).min() > 1 - 1e-5
    np.testing.assert_allclose(found, vectors, atol=1e-5)


@pytest.mark.model
def test_the_nearest_document_is_the_one_that_answers(llm: LLM) -> None:
    ranking = llm.rerank("What is the capital of France?", [TEXTS[0], TEXTS[3], TEXTS[7]])
    assert ranking[0].document == TEXTS[3]
    assert 0.5 < ranking[0].score <= 1 + 1e-6

"""Token ids against those of llama.cpp and transformers, recorded by tests/oracles/tokenize/make_oracles.py."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmagentos._core.formats import GgufFile
from llmagentos._core.tokenize import Tokenizer

from .vocabulary_file import make_tokenizer

pytestmark = pytest.mark.model

ORACLES = Path(__file__).parents[1] / "oracles" / "tokenize"


def load_lines() -> list[str]:
    spec = importlib.util.spec_from_file_location("lines", ORACLES / "lines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lines: list[str] = module.make_lines()
    return lines


LINES = load_lines()


def load_oracle(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(gzip.decompress((ORACLES / f"{name}.json.gz").read_bytes()))
    digest = hashlib.sha256("\0".join(LINES).encode()).hexdigest()
    assert record["lines_sha256"] == digest, "lines.py has changed: run make_oracles.py again"
    return record


def differing(tokenizer: Tokenizer, lines: list[str], ids: list[list[int]], **options: bool) -> list[str]:
    return [line for line, expected in zip(lines, ids, strict=True) if tokenizer.encode(line, **options) != expected]


@pytest.mark.parametrize("model", ["smollm2", "gemma3"])
def test_ids_are_those_of_llamacpp(model: str, request: pytest.FixtureRequest) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(model)
    oracle = load_oracle(f"{model}-llamacpp")
    assert len(LINES) == 2000
    assert differing(tokenizer, LINES, oracle["ids"], add_special=False) == []
    assert differing(tokenizer, LINES[::10], oracle["plain_ids"], add_special=False, parse_special=False) == []
    assert differing(tokenizer, LINES[::100], oracle["with_specials"]) == []
    assert tokenizer.end_ids == oracle["end_ids"]


def test_gemma_ids_are_those_of_transformers(gemma3: Tokenizer) -> None:
    # Two things are not compared: a written-out U+2581, which transformers cannot tell from a space, and runs of more
    # than 31 spaces, which its conversion merges pairwise where the model's 31-space token comes first.
    comparable = [not re.search("▁| {32}", line) for line in LINES]
    ids = [ids for ids, keep in zip(load_oracle("gemma3-transformers")["ids"], comparable, strict=True) if keep]
    lines = [line for line, keep in zip(LINES, comparable, strict=True) if keep]
    assert len(lines) > 1850
    assert differing(gemma3, lines, ids, add_special=False) == []


@pytest.mark.parametrize("pre", load_oracle("splitting")["digests"])
def test_splittings_are_those_of_llamacpp(pre: str, smollm2_file: GgufFile, tmp_path: Path) -> None:
    prefix = "tokenizer.ggml."
    names = [key for key in smollm2_file.keys() if key.startswith(prefix)]  # noqa: SIM118
    arrays = {key for key in names if smollm2_file.array_length(key) is not None}
    values = {key: smollm2_file.array(key) if key in arrays else smollm2_file.get(key) for key in names}
    keys = {key.removeprefix(prefix): value for key, value in values.items()} | {"pre": pre}
    tokenizer = make_tokenizer(tmp_path, **keys)
    digests = load_oracle("splitting")["digests"][pre]
    different = [
        line
        for i, line in enumerate(LINES)
        if ids_digest(tokenizer.encode(line, add_special=False)) != digests[8 * i : 8 * i + 8]
    ]
    # These expressions name ranges that hold spaces such as U+3000, which llama.cpp makes U+000B before it matches.
    allowed = pre in ("deepseek-llm", "deepseek-coder")
    assert [line for line in different if not (allowed and re.search("[^\\S\x00-\x7f]", line))] == []
    assert len(different) < 25


def ids_digest(ids: list[int]) -> str:
    """As make_oracles.py records them."""
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:8]

"""Constructor arguments that cannot be are refused with an error that names them, before anything is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos import LLM
from llmagentos.errors import InvalidRequestError, ModelNotFoundError, OutOfMemoryError
from llmagentos.loading.kv_memory import size_kv_cache


@pytest.mark.parametrize("model", [None, 5, b"x", ""])
def test_what_is_no_model_name(model: Any) -> None:
    with pytest.raises(InvalidRequestError, match="model="):
        LLM(model)


def test_a_path_no_file_can_have() -> None:
    with pytest.raises(ModelNotFoundError):
        LLM("./" + "x" * 5000 + ".gguf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 0),
        ("threads", 2**40),
        ("threads", "two"),
        ("context_length", 1),
        ("kv_cache_bytes", -1),
        ("max_batched_tokens", 2**62),
        ("kv_dtype", None),
        ("kv_dtype", "q3"),
        ("speculation", None),
        ("speculation", "draft"),
        ("draft_model", 5),
        ("draft_model", ""),
    ],
)
def test_settings_outside_their_domain(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name}="):
        LLM("./none.gguf", **{name: value})


def test_a_cache_larger_than_memory_says_what_a_context_takes() -> None:
    with pytest.raises(
        OutOfMemoryError, match=r"kv_cache_bytes=1125899906842624 .* one context of 100 tokens takes 4000"
    ):
        size_kv_cache(100, None, 2**50, 1000, 32, 0)


def test_a_draft_model_is_not_loaded_in_vain() -> None:
    with pytest.raises(InvalidRequestError, match=r'draft_model=.*is of no use with speculation="off"'):
        LLM("./none.gguf", speculation="off", draft_model="./other.gguf")

"""What the Python API says of its arguments, in the words of the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from llmagentos import LLM
from llmagentos.cli.options import in_options
from llmagentos.errors import ContextLengthError, OutOfMemoryError
from llmagentos.loading.kv_memory import size_kv_cache
from tests.engine.fake_model import fake_model
from tests.models.tiny_models import TINY


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("top_p=2.0 is not valid: it must be above 0", "--top-p 2.0 is not valid: it must be above 0"),
        ("seed=-1 is not valid: it must be None or an integer", "--seed -1 is not valid: it must be an integer"),
        ("stop=['top_p='] is not valid", "--stop ['top_p='] is not valid"),
        ("the prompt is empty: top_p=1", "the prompt is empty: top_p=1"),
        (
            "it makes vectors; use embed(), rerank() or classify()",
            "it makes vectors; use `llmagentos embed` or `llmagentos rerank`",
        ),
        (
            "no tokenizer: give it lists of token ids, and read token_ids",
            "no tokenizer: in Python it takes and gives token ids",
        ),
    ],
)
def test_an_argument_is_named_as_its_option(message: str, said: str) -> None:
    assert in_options(message) == said


def test_advice_names_options_that_exist() -> None:
    with pytest.raises(ContextLengthError) as caught:
        fake_model(context_length=10).engine.check_fits(20)
    assert in_options(str(caught.value)).endswith("shorten it, or give a larger --context")
    with (
        LLM(str(TINY / "llama_f32.gguf")) as llm,
        pytest.raises(ContextLengthError, match=r"one new token: shorten it$"),
    ):
        llm.generate([1] * 10_000)  # it has all the context that there is
    with pytest.raises(OutOfMemoryError) as short:
        size_kv_cache(1000, 100, 32, 32, 32, 0)
    assert in_options(str(short.value)).endswith("bytes: lower --context")
    message = (
        "no memory: the weights take 9 bytes, the KV cache 8 (kv_cache_bytes; one context of 7 tokens takes 6), and "
        "working memory grows with max_batched_tokens=5; lower either of the two"
    )
    assert in_options(message) == (
        "no memory: the weights take 9 bytes, the KV cache 8 (one context of 7 tokens takes 6); lower --context"
    )


@pytest.mark.parametrize(
    ("words", "offered"),
    [("llmagentos per", ["perplexity"]), ("llmagentos generate -m smollm2-135m-i", ["smollm2-135m-instruct"])],
)
def test_the_shell_completes_commands_and_models(words: str, offered: list[str]) -> None:
    asked = {"_LLMAGENTOS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    run = subprocess.run(
        [sys.executable, "-m", "llmagentos"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == offered

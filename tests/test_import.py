"""Importing the package is cheap, and so is what each use of it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "triton",
    "transformers",
    "rich",
    "prompt_toolkit",
    "typer",
    "fastapi",
    "uvicorn",
    "jinja2",
    "pydantic",
    "openai",
    "google.genai",
    "tenacity",
    "httpx",
    "httpx2",
    "ray",
    "llguidance",
    "tokenizers",
    "huggingface_hub",
    "concurrent.futures.thread",
)


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_package_alone_loads_neither_numpy_nor_the_core() -> None:
    loaded = modules_after("import llmagentos")
    assert not loaded & {"numpy", "llmagentos._core", "llmagentos.llm", *HEAVY}


def test_the_llm_class_loads_nothing_heavy() -> None:
    assert not modules_after("from llmagentos import LLM, SamplingParams") & set(HEAVY)


def test_a_model_that_is_not_on_the_hub_is_found_without_the_hubs_client() -> None:
    code = "from llmagentos.market import cached, find, resolve; cached('smollm2'); find('bart-large-cnn')"
    assert not modules_after(code) & set(HEAVY)


def test_the_command_loads_no_model_code_before_it_is_needed() -> None:
    assert not modules_after("import llmagentos.cli") & {"numpy", "llmagentos._core", "torch", "jinja2", "rich.console"}


def test_every_public_name_is_there() -> None:
    import llmagentos

    for name in llmagentos.__all__:
        assert getattr(llmagentos, name).__name__ == name
    assert set(llmagentos.__all__) <= set(dir(llmagentos))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = llmagentos.no_such_name  # type: ignore[attr-defined]

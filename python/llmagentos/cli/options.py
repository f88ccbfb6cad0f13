"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams


def _models(incomplete: str) -> list[str]:
    """Names of the catalogue, for the shell to complete; where none fits, it offers files."""
    from llmagentos.market import catalogue

    return [entry.name for entry in catalogue() if entry.name.startswith(incomplete)]


Model: TypeAlias = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A catalogue name, hf:org/repo, the path of a .gguf file or a folder, or a service's model: openai:MODEL, "
        "gemini:MODEL or http(s)://HOST/v1#MODEL.",
        autocompletion=_models,
    ),
]
LocalModel: TypeAlias = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A catalogue name, hf:org/repo, or the path of a .gguf file or a folder.",
        autocompletion=_models,
    ),
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--threads", "-t", help="Threads that compute; the default is the CPUs of this process.")
]
Context: TypeAlias = Annotated[
    int | None, typer.Option("--context", help="Tokens of prompt and answer together; the default is the model's.")
]
MaxTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        "-n",
        min=0,
        help="Tokens to generate at most; 0 is until it stops. Default: 512 or the model's own limit, if less.",
    ),
]
Temperature: TypeAlias = Annotated[
    float | None, typer.Option("--temperature", help="0 takes the likeliest token; higher is more varied.")
]
TopP: TypeAlias = Annotated[float | None, typer.Option("--top-p", help="Keep the likeliest tokens up to this share.")]
TopK: TypeAlias = Annotated[int | None, typer.Option("--top-k", help="Keep this many likeliest tokens; 0 keeps all.")]
MinP: TypeAlias = Annotated[
    float | None, typer.Option("--min-p", help="Drop tokens below this share of the likeliest.")
]
Seed: TypeAlias = Annotated[int | None, typer.Option("--seed", help="Makes sampling repeatable.")]
Stop: TypeAlias = Annotated[
    list[str] | None, typer.Option("--stop", help="A text that ends the answer; may be given several times.")
]
System: TypeAlias = Annotated[str | None, typer.Option("--system", help="What the model is told before all else.")]
Truncate: TypeAlias = Annotated[
    bool, typer.Option("--truncate", help="Leave out the end of texts that are too long, rather than fail.")
]

DEFAULT_MODEL = "smollm2-135m-instruct"
DEFAULT_EMBEDDING_MODEL = "all-minilm-l6-v2"
DEFAULT_MAX_TOKENS = 512  # small models may repeat themselves without end

# Arguments of the Python API under the names that their options have.
_NAMES = {
    "context_length": "--context",
    "max_tokens": "--max-tokens",
    "min_p": "--min-p",
    "seed": "--seed",
    "stop": "--stop",
    "temperature": "--temperature",
    "threads": "--threads",
    "top_k": "--top-k",
    "top_p": "--top-p",
    "type": "--type",
}
# Advice that speaks of the Python API, and what it is on the command line.
_ADVICE = (
    (r"load the model with a larger context_length", "give a larger --context"),
    (r"set kv_cache_bytes to at least that, or lower context_length", "lower --context"),
    (r"kv_cache_bytes; (?=one context of)", ""),
    (r", and working memory grows with max_batched_tokens=\d+", ""),
    (r"lower either of the two", "lower --context"),
    (r"(?<=would round it twice)", "; --requantize does so"),
    (r"give truncate=True to", "give --truncate to"),
    (r"use embed\(\), rerank\(\) or classify\(\)", "use `llmagentos embed` or `llmagentos rerank`"),
    (r"give it lists of token ids, and read token_ids", "in Python it takes and gives token ids"),
)


def params_from(llm: LLM, max_tokens: int | None, **options: Any) -> SamplingParams:
    """The model's recommended sampling with the options that were given in its place. A service is sent these alone.

    Args:
        max_tokens: as --max-tokens says.

    Raises:
        InvalidRequestError: a value outside its domain.
    """
    given = {name: value for name, value in options.items() if value is not None}
    limit = DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens or None
    if llm.remote is not None:
        from llmagentos.providers.remote_call import GivenParams

        given |= {"max_tokens": max_tokens} if max_tokens else {}
        return GivenParams(**given, given=frozenset(given))
    own = llm.default_params
    if max_tokens is None and own.max_tokens is not None:
        limit = min(DEFAULT_MAX_TOKENS, own.max_tokens)
    if own.num_beams > 1 and given.keys() & {"temperature", "top_p", "top_k", "min_p"}:
        own = replace(own, num_beams=1, length_penalty=1.0, early_stopping=False)  # a search draws nothing
    return replace(own, max_tokens=limit, **given)


def name_and_path(value: str | None, option: str) -> tuple[str | None, str]:
    """The parts of NAME=PATH; no name where the option was not given.

    Raises:
        InvalidRequestError: it is not of that form.
    """
    from llmagentos.errors import InvalidRequestError

    if value is None:
        return None, ""
    name, _, path = value.partition("=")
    if not name or not path:
        raise InvalidRequestError(f"{option} {value!r} is not valid: it must be NAME=PATH")
    return name, path


def in_options(message: str) -> str:
    """What the Python API says of its arguments, in the words of the command line.

    `top_p=2.0 is not valid: ...` becomes `--top-p 2.0 is not valid: ...`, and advice names an option that exists.
    """
    name, is_setting, rest = message.partition("=")
    if is_setting and name in _NAMES:
        message = f"{_NAMES[name]} {rest.replace('it must be None or ', 'it must be ', 1)}"
    for pattern, replacement in _ADVICE:
        message = re.sub(pattern, replacement, message)
    return message

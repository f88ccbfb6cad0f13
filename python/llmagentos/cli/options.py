"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from llmagentos.llm import LLM
    from llmagentos.sampling_params import SamplingParams

Model: TypeAlias = Annotated[str, typer.Option("--model", "-m", help="A catalogue name or the path of a .gguf file.")]
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--threads", "-t", help="Threads that compute; the default is the CPUs of this process.")
]
Context: TypeAlias = Annotated[
    int | None, typer.Option("--context", help="Tokens of prompt and answer together; the default is the model's.")
]
MaxTokens: TypeAlias = Annotated[
    int | None, typer.Option("--max-tokens", "-n", help="Tokens to generate at most; the default is until it stops.")
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

DEFAULT_MODEL = "smollm2-135m-instruct"


def params_from(llm: LLM, **options: Any) -> SamplingParams:
    """The model's recommended sampling with the options that were given in its place.

    Raises:
        InvalidRequestError: a value outside its domain.
    """
    return replace(llm.default_params, **{name: value for name, value in options.items() if value is not None})

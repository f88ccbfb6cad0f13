"""What can be measured, and what it is called. The sides (ours.py, peer_llamacpp.py) take a metric as KIND and N."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagentos.errors import InvalidRequestError, shown

STREAM_PROMPT = 16  # tokens of each of several prompts
SHORT_PROMPT = 4  # what `decode` without a context begins with
FIRST_PROMPT = 32  # of the metrics that end with the first token
SPARE = 2  # tokens that a metric needs beyond its prompt and its new tokens

# kind: (its name, as a pattern and as a format; unit; whether higher is better)
_KINDS = {
    "prefill": (r"prefill (\d+)", "prefill {}", "tokens/s", True),
    "decode": (r"decode(?: @(\d+))?", "decode @{}", "tokens/s", True),
    "streams": (r"(\d+) streams?", "{} streams", "tokens/s", True),
    "first": ("loaded to first token", "loaded to first token", "s", False),
    "start": ("start to first token", "start to first token", "s", False),
    "memory": (r"peak memory @(\d+)", "peak memory @{}", "MB", False),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One question.

    Attributes:
        kind: "prefill", "decode", "streams", "first", "start" or "memory".
        n: tokens of the prompt; for "streams", how many.
    """

    kind: str
    n: int

    @property
    def name(self) -> str:
        if self.kind == "decode" and self.n == 0:
            return "decode"
        name = _KINDS[self.kind][1].format(self.n)
        return name.removesuffix("s") if self == Metric("streams", 1) else name

    @property
    def unit(self) -> str:
        return _KINDS[self.kind][2]

    @property
    def higher_is_better(self) -> bool:
        return _KINDS[self.kind][3]

    def prompt_tokens(self) -> int:
        """Tokens of a prompt."""
        if self.kind == "streams":
            return STREAM_PROMPT
        return self.n or SHORT_PROMPT

    def context(self, new_tokens: int) -> int:
        """Tokens that a context must hold to measure this."""
        return self.prompt_tokens() + SPARE + (new_tokens if self.kind in ("decode", "streams") else 0)


def parse(name: str) -> Metric:
    """The metric of a name such as "decode @1000".

    Raises:
        InvalidRequestError: no such metric; lists them.
    """
    for kind, (pattern, *_) in _KINDS.items():
        if match := re.fullmatch(pattern, name):
            number = match.groups()[0] if match.groups() else FIRST_PROMPT
            if kind == "decode" or int(number or 0) > 0:
                return Metric(kind, int(number or 0))
    known = ", ".join(form.format("N") for _, form, *_ in _KINDS.values())
    raise InvalidRequestError(f"there is no metric {shown(name)}: these are decode, {known}")


def split_by_context(
    metrics: list[Metric], new_tokens: int, context_length: int
) -> tuple[list[Metric], dict[Metric, int]]:
    """The metrics that fit the model's context, and the tokens that each of the others would need."""
    fitting = [metric for metric in metrics if metric.context(new_tokens) <= context_length]
    return fitting, {metric: metric.context(new_tokens) for metric in metrics if metric not in fitting}

"""How tokens are chosen: the fields of OpenAI's requests, and those that vLLM's users know besides."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from llmagentos.errors import InvalidRequestError
from llmagentos.openai_protocol.strict import ListOf, Numbers, Off, Strict
from llmagentos.sampling_params import SamplingParams

# Those that mean something else in one of the requests, or are written differently, are not taken as they are.
_FIELDS = {field.name for field in fields(SamplingParams)} - {"logit_bias", "logprobs", "max_tokens", "stop"}

_MAX_STOPS = 64  # each is looked for after every token; OpenAI takes 4


class StreamOptions(Strict):
    """`continuous_usage_stats` is vLLM's: with it, every event tells the token counts so far."""

    include_usage: bool | None = None
    include_obfuscation: Off | None = None
    continuous_usage_stats: bool | None = None


class SamplingFields(Strict):
    """Each field is as in `SamplingParams`; null and a field that is left out are the same."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | ListOf[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Numbers | None = None
    # Beyond OpenAI's:
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    min_tokens: int | None = None
    stop_token_ids: ListOf[int] | None = None
    ignore_eos: bool | None = None
    dry_multiplier: float | None = None
    dry_base: float | None = None
    dry_allowed_length: int | None = None
    dry_range: int | None = None
    dry_sequence_breakers: ListOf[str] | None = None
    no_repeat_ngram_size: int | None = None
    num_beams: int | None = None
    length_penalty: float | None = None

    def sampling(self, **others: Any) -> dict[str, Any]:
        """The parameters that the request gives.

        Args:
            others: parameters that this request has under other names; None is left out.

        Raises:
            InvalidRequestError: a logit bias for what is no token, or more stop texts than may be looked for.
        """
        if isinstance(self.stop, list) and len(self.stop) > _MAX_STOPS:
            raise InvalidRequestError(f"stop has {len(self.stop)} texts, at most {_MAX_STOPS} may be given")
        given = self.model_dump(include=_FIELDS, exclude_none=True)
        given |= {name: value for name, value in others.items() if value is not None}
        if self.logit_bias:
            given["logit_bias"] = {_token_id(id): bias for id, bias in self.logit_bias.items()}
        if self.stop:
            given["stop"] = self.stop
        return given


def _token_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidRequestError(f"logit_bias has the key {text[:60]!r}, which is no token id")
    return int(text)

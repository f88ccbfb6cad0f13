"""Requests of /tokenize and /detokenize."""

from __future__ import annotations

from llmagentos.openai_protocol.strict import ListOf, Strict


class TokenizeRequest(Strict):
    """As `LLM.tokenize`. Without a model it is the server's first."""

    model: str | None = None
    prompt: str
    add_special_tokens: bool = True
    parse_special_tokens: bool = True


class DetokenizeRequest(Strict):
    model: str | None = None
    tokens: ListOf[int]
    skip_special_tokens: bool = False

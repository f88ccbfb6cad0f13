"""Tokens and their log probabilities, as OpenAI's answers have them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llmagentos.completion import TokenLogprob


class TokenTexts:
    """What tokens of one model are written as.

    Args:
        token_bytes: the bytes that a token adds to a text, as `LLM.token_bytes`.
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self.bytes_of = lru_cache(4096)(token_bytes)

    def text(self, id: int) -> str:
        """The token's text; bytes that are no UTF-8 become U+FFFD."""
        return self.bytes_of(id).decode("utf-8", "replace")

    def name(self, id: int) -> str:
        r"""As `text`, but "bytes:\xf0\x9f" for a part of a character, so that different tokens differ."""
        data = self.bytes_of(id)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)

    def chat_entry(self, logprob: TokenLogprob) -> dict[str, Any]:
        """An item of a chat answer's logprobs.content."""
        top = [self._chat_token(id, value) for id, value in logprob.top]
        return {**self._chat_token(logprob.token_id, logprob.logprob), "top_logprobs": top}

    def _chat_token(self, id: int, logprob: float) -> dict[str, Any]:
        return {"token": self.text(id), "logprob": logprob, "bytes": list(self.bytes_of(id))}

    def likeliest(self, logprob: TokenLogprob) -> dict[str, float]:
        """An item of a completion's top_logprobs: the likeliest tokens, and the one that was chosen."""
        top = {self.name(id): value for id, value in reversed(logprob.top)}
        return top | {self.name(logprob.token_id): logprob.logprob}

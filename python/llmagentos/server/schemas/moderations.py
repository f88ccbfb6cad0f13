"""Requests of /v1/moderations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llmagentos.openai_protocol.strict import Strict
from llmagentos.server.schemas.texts import MAX_TEXTS, Texts


class TextPart(Strict):
    type: Literal["text"]
    text: str


_Parts = Annotated[list[TextPart], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)]


class ModerationRequest(Strict):
    """A text, a list of texts, or the parts of one, as OpenAI's has them."""

    input: str | Texts | _Parts
    # Taken, without effect: what is looked for is the server's choice.
    model: str | None = None

    @property
    def texts(self) -> list[str]:
        """The texts one by one."""
        if isinstance(self.input, str):
            return [self.input]
        parts = [part.text for part in self.input if isinstance(part, TextPart)]
        return ["\n".join(parts)] if parts else [text for text in self.input if isinstance(text, str)]

"""What a service does for `RemoteModel`: one call at a time, and what its errors mean."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from llmagentos.completion import Chunk, Completion
    from llmagentos.errors import ProviderError
    from llmagentos.providers.remote_call import RemoteCall


@dataclass(frozen=True, slots=True)
class Abilities:
    """What of `LLM`'s arguments a service has something for. All else is refused.

    Attributes:
        sampling: fields of `SamplingParams`.
        always_sent: of these, the ones that are sent with every params: the service's own defaults are others.
        response_formats: types of response_format, besides "text".
        continues: whether it continues a text, which is not a turn of a conversation.
        one_call_at_a_time: whether parallel_tool_calls=False can be asked of it.
    """

    sampling: frozenset[str]
    always_sent: frozenset[str]
    response_formats: frozenset[str]
    continues: bool
    one_call_at_a_time: bool


class Service(Protocol):
    """A client for one model of a service. Safe to use from several threads.

    `timeout` is in seconds, for the request and for each wait for more of its answer. What a method raises of `errors`
    is translated by `error_of`.

    Attributes:
        title: the service's name, for messages.
        base_url: where it is.
        errors: what the client raises, and what reading an answer raises that is not as the protocol says.
    """

    title: str
    base_url: str
    abilities: Abilities
    errors: tuple[type[Exception], ...]

    def complete(self, call: RemoteCall, timeout: float) -> list[Completion]:
        """The n answers."""

    def stream(self, call: RemoteCall, timeout: float) -> Generator[Chunk, None, None]:
        """The one answer as it comes. The request is sent before this returns; closing it ends the connection."""

    def embed(self, texts: Sequence[str], timeout: float) -> tuple[NDArray[np.float32], int]:
        """[len(texts), dim], for as many texts as `embed_batch`, and their tokens; 0 where the service counts none."""

    @property
    def embed_batch(self) -> int:
        """Texts that one request may embed."""

    def error_of(self, error: Exception) -> ProviderError:
        """What one of `errors` means. The message has no key in it."""

    def close(self) -> None: ...

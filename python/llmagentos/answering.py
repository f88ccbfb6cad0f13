"""What answers the calls of an `LLM`: an engine in this process (`calls`) or a service (`providers`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from llmagentos.completion import Chunk
    from llmagentos.sampling_params import SamplingParams

Options = Mapping[str, Any]


class Answering(Protocol):
    """Arguments, results and errors are those of `LLM`'s methods of the same names."""

    def generate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any: ...
    async def agenerate(self, prompts: Any, params: SamplingParams | None, options: Options) -> Any: ...
    def chat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any: ...
    async def achat(self, messages: Any, params: SamplingParams | None, options: Options) -> Any: ...
    def stream(self, prompt: Any, params: SamplingParams | None, options: Options) -> Iterator[Chunk]: ...
    def astream(self, prompt: Any, params: SamplingParams | None, options: Options) -> AsyncIterator[Chunk]: ...

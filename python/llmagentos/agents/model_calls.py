"""One answer of a model, piece by piece where the model can stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from llmagentos.completion import Completion, ToolCallDelta, Usage
from llmagentos.errors import InvalidRequestError, LLMAgentOSError, shown
from llmagentos.sampling_params import SamplingParams
from llmagentos.tools.threads import in_thread

DEFAULT_MAX_TOKENS = 1024  # of an answer


@runtime_checkable
class ChatModel(Protocol):
    """What agents need of a model: an `LLM`, or anything with its `chat`.

    `astream` and `achat`, as `LLM` has them, are used where there are such; `chat` runs in a thread.
    """

    @property
    def chat(self) -> Callable[..., Any]:
        """From messages, params and options to a `Completion`."""


@dataclass(slots=True)
class Response:
    """What the model answered.

    Attributes:
        calls: id, name and arguments of each call, the latter as the model wrote them.
    """

    text: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=lambda: Usage(0, 0))


def checked_model(model: object) -> ChatModel:
    """A model, or the `LLM` of that name.

    Raises:
        InvalidRequestError: it is neither; and as `LLM` for a name.
    """
    if isinstance(model, str):
        from llmagentos.llm import LLM

        return LLM(model)
    if not isinstance(model, ChatModel):
        raise InvalidRequestError(
            f"model must be an LLM, a model's name, or have an LLM's chat(), not {type(model).__name__}"
        )
    return model


def default_params(model: ChatModel) -> SamplingParams | None:
    """How a model samples where nobody says: its own way, in answers of bounded length if it runs here.

    Small models may repeat themselves until their context is full; a service ends its answers by itself.
    """
    own = getattr(model, "default_params", None)
    runs_here = getattr(getattr(model, "info", None), "context_length", None) is not None
    return replace(own, max_tokens=DEFAULT_MAX_TOKENS) if runs_here and isinstance(own, SamplingParams) else None


async def respond(
    model: ChatModel, messages: Sequence[Mapping[str, Any]], params: SamplingParams | None, options: Mapping[str, Any]
) -> AsyncGenerator[str | Response, None]:
    """Pieces of the answer's text, and then the whole answer. Closing the iterator cancels the request."""
    stream = getattr(model, "astream", None)
    if stream is not None:
        response = Response()
        pieces: dict[int, ToolCallDelta] = {}
        async with aclosing(stream(messages, params, **options)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    response.text += chunk.text
                    yield chunk.text
                _join(pieces, chunk.tool_calls)
                response.finish_reason = chunk.finish_reason or response.finish_reason
                response.usage = chunk.usage or response.usage
        # Of an answer that was cut, the last call may be cut as well.
        if response.finish_reason == "tool_calls":
            response.calls = [(piece.id or "", piece.name or "", piece.arguments) for piece in pieces.values()]
        yield response
        return
    chat = getattr(model, "achat", None)
    completion: Any = await (
        in_thread(lambda: model.chat(messages, params, **options))
        if chat is None
        else chat(messages, params, **options)
    )
    if not isinstance(completion, Completion):
        raise LLMAgentOSError(f"the model's chat() must give a Completion, not {shown(completion)}")
    if completion.text:
        yield completion.text
    written = [(call.id, call.name, call.arguments) for call in completion.tool_calls]
    yield Response(completion.text, written, completion.finish_reason, completion.usage)


def _join(pieces: dict[int, ToolCallDelta], deltas: Iterable[ToolCallDelta]) -> None:
    for delta in deltas:
        begun = pieces.get(delta.index)
        pieces[delta.index] = (
            delta
            if begun is None
            else ToolCallDelta(begun.index, begun.id, begun.name, begun.arguments + delta.arguments)
        )

"""A model that answers by a script: for tests of agents that need no model, no network and no luck."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llmagentos.completion import Chunk, Completion, FinishReason, ToolCall, ToolCallDelta, Usage
from llmagentos.errors import LLMAgentOSError, shown
from llmagentos.sampling_params import SamplingParams


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call that the model makes.

    Attributes:
        arguments: an object, or text as it is, which may be no JSON.
        id: None takes one that tells the answer's number and the call's.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None


Step: TypeAlias = (
    "str | ScriptedCall | Sequence[str | ScriptedCall] | Exception | Callable[[Sequence[Mapping[str, Any]]], Step]"
)


@dataclass(frozen=True, slots=True)
class ScriptedRequest:
    """What the model was asked.

    Attributes:
        options: tools, response_format and the like.
    """

    messages: list[dict[str, Any]]
    params: SamplingParams | None
    options: dict[str, Any]

    @property
    def tool_names(self) -> list[str]:
        """Of the tools that the model was told of."""
        return [tool["function"]["name"] for tool in self.options.get("tools") or ()]


class ScriptedModel:
    """Gives the answers of a script, one after the other.

    A step is a text, a `ScriptedCall`, a list of both, an exception to raise, or a function from the messages to one of
    these.

    Attributes:
        requests: what it was asked so far.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = list(steps)
        self.requests: list[ScriptedRequest] = []

    def chat(
        self, messages: Sequence[Mapping[str, Any]], params: SamplingParams | None = None, **options: Any
    ) -> Completion:
        """The next answer.

        Raises:
            LLMAgentOSError: the script is over.
        """
        text, calls = self._next(messages, params, options)
        usage = self._usage(messages, text, calls)
        return Completion(text, [], None, "tool_calls" if calls else "stop", usage, tool_calls=calls)

    async def achat(
        self, messages: Sequence[Mapping[str, Any]], params: SamplingParams | None = None, **options: Any
    ) -> Completion:
        """`chat` for asyncio."""
        return self.chat(messages, params, **options)

    async def astream(
        self, messages: Sequence[Mapping[str, Any]], params: SamplingParams | None = None, **options: Any
    ) -> AsyncIterator[Chunk]:
        """The next answer, word by word, and then its calls."""
        text, calls = self._next(messages, params, options)
        for piece in re.findall(r"\s*\S+|\s+$", text):
            yield Chunk(piece, 0, None, None, None)
        deltas = tuple(ToolCallDelta(index, call.id, call.name, call.arguments) for index, call in enumerate(calls))
        reason: FinishReason = "tool_calls" if calls else "stop"
        yield Chunk("", 0, None, reason, self._usage(messages, text, calls), deltas)

    def _next(
        self, messages: Sequence[Mapping[str, Any]], params: SamplingParams | None, options: dict[str, Any]
    ) -> tuple[str, list[ToolCall]]:
        number = len(self.requests)
        copied = json.loads(json.dumps([dict(message) for message in messages]))
        self.requests.append(ScriptedRequest(copied, params, options))
        if number >= len(self._steps):
            raise LLMAgentOSError(f"the script has no answer {number + 1}: it has {len(self._steps)}")
        step = self._steps[number]
        while callable(step):
            step = step(copied)
        if isinstance(step, Exception):
            raise step
        parts = [step] if isinstance(step, (str, ScriptedCall)) else list(step)
        text = "".join(part for part in parts if isinstance(part, str))
        calls = [part for part in parts if isinstance(part, ScriptedCall)]
        if len(calls) + sum(isinstance(part, str) for part in parts) < len(parts):
            raise LLMAgentOSError(f"step {number + 1} of the script is {shown(step)}, which is no answer")
        return text, [_call(call, f"s{number:04d}c{index:03d}") for index, call in enumerate(calls)]

    def _usage(self, messages: Sequence[Mapping[str, Any]], text: str, calls: Sequence[ToolCall]) -> Usage:
        """Words, for want of tokens."""
        n_prompt = sum(len(str(message.get("content", "")).split()) for message in messages)
        return Usage(n_prompt, len(text.split()) + sum(len(call.arguments.split()) for call in calls))


def _call(call: ScriptedCall, id: str) -> ToolCall:
    is_text = isinstance(call.arguments, str)
    arguments = str(call.arguments) if is_text else json.dumps(call.arguments)
    try:
        parsed = json.loads(arguments)
    except ValueError:
        parsed = None
    return ToolCall(call.id or id, call.name, arguments, parsed if isinstance(parsed, dict) else {})

"""A summary in place of a conversation's older turns, written by a model and kept in the session."""

from __future__ import annotations

from collections.abc import Sequence

from llmagentos.agents.conversation import Turn, turn_starts, turns_of
from llmagentos.agents.memory.view import Memory, View, whole_view
from llmagentos.agents.model_calls import ChatModel, Response, respond
from llmagentos.agents.records import Summary
from llmagentos.agents.session import Session
from llmagentos.errors import InvalidRequestError
from llmagentos.sampling_params import SamplingParams


class SummaryMemory(Memory):
    """Has the older turns summarised once there are more than `max_turns`, and shows the summary and the newest turns.

    The summary is a record of the session: it is made once, and the turns that it stands for stay there too.

    Args:
        max_turns: from this many on, older turns are summarised.
        keep_turns: the newest ones, which are shown as they were.
        model: that writes summaries; None takes the agent's.
        max_tokens: of a summary.

    Raises:
        InvalidRequestError: numbers that leave nothing to do.
    """

    def __init__(
        self, max_turns: int = 12, keep_turns: int = 4, model: ChatModel | None = None, max_tokens: int = 256
    ) -> None:
        if not 1 <= keep_turns <= max_turns or max_tokens < 1:
            raise InvalidRequestError(
                f"keep_turns={keep_turns}, max_turns={max_turns}, max_tokens={max_tokens} are not valid: "
                "keep_turns must be from 1 to max_turns, max_tokens at least 1"
            )
        self._max_turns, self._keep_turns = max_turns, keep_turns
        self._model = model
        self._params = SamplingParams(temperature=0.0, max_tokens=max_tokens)

    async def view(self, session: Session, model: ChatModel, /) -> View:
        summary, turns = turns_of(session.records)
        if len(turns) <= self._max_turns:
            return whole_view(session)
        older = turns[: -self._keep_turns]
        response = await self._summarised(summary, older, model if self._model is None else self._model)
        text = response.text.strip()
        if not text:
            view = whole_view(session)
            return View(
                view.messages, view.background, (f"no summary of {len(older)} turns was written: all are shown",)
            )
        cut = f", cut at {self._params.max_tokens} tokens" if response.finish_reason == "length" else ""
        start = turn_starts(session.records)[len(older)]
        session.append(Summary(text, start))
        view = whole_view(session)
        return View(view.messages, view.background, (f"{len(older)} turns were summarised{cut}: {text}",))

    async def _summarised(self, summary: str | None, turns: Sequence[Turn], model: ChatModel) -> Response:
        so_far = "" if summary is None else f"Summary of what came before: {summary}\n\n"
        request = (
            "Summarise the conversation for somebody who goes on with it. Keep names, numbers, decisions, and what is "
            f"still open. Write the summary only.\n\n{so_far}{written(turns)}"
        )
        response = Response()
        async for piece in respond(model, [{"role": "user", "content": request}], self._params, {}):
            if isinstance(piece, Response):
                response = piece
        return response


def written(turns: Sequence[Turn]) -> str:
    """Turns as a text, a message a line."""
    lines = []
    for message in (message for turn in turns for message in turn):
        calls = [
            f"{call['function']['name']} {call['function']['arguments']}" for call in message.get("tool_calls", ())
        ]
        lines.append(f"{message['role']}: {' '.join([message['content'], *calls]).strip()}")
    return "\n".join(lines)

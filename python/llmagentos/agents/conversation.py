"""Records as the messages that a model is shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from llmagentos.agents.records import Answer, Call, CallResult, Correction, Handoff, Record, Summary, UserInput

Message: TypeAlias = "dict[str, Any]"
Turn: TypeAlias = "list[Message]"


def turns_of(records: Sequence[Record]) -> tuple[str | None, list[Turn]]:
    """The summary that stands for the beginning, if there is one, and the messages of each turn after it."""
    summaries = [record for record in records if isinstance(record, Summary)]
    summary = summaries[-1] if summaries else None
    shown = records[summary.n_records :] if summary else records
    results = {record.call_id: record for record in shown if isinstance(record, CallResult)}
    handed_over = _hand_overs(shown)
    turns: list[Turn] = []
    for record in shown:
        if isinstance(record, UserInput):
            turns.append([{"role": "user", "content": record.text}])
        elif isinstance(record, Answer):
            turns[-1] += _answered(record, results, handed_over)
        elif isinstance(record, Correction):
            turns[-1].append({"role": "user", "content": record.text})
    return (summary.text if summary else None), turns


def turn_starts(records: Sequence[Record]) -> list[int]:
    """Where in the records the turns begin that `turns_of` shows."""
    summaries = [record.n_records for record in records if isinstance(record, Summary)]
    start = summaries[-1] if summaries else 0
    return [index for index, record in enumerate(records) if index >= start and isinstance(record, UserInput)]


def _hand_overs(records: Sequence[Record]) -> set[str]:
    """Ids of the calls that handed the conversation over. Who has it now has no such tool, and might repeat them."""
    return {
        one.call_id for one, after in pairwise(records) if isinstance(one, CallResult) and isinstance(after, Handoff)
    }


def _answered(answer: Answer, results: Mapping[str, CallResult], left_out: Collection[str]) -> list[Message]:
    """The answer, and the results of its calls in the order of the calls, whichever came first."""
    message: Message = {"role": "assistant", "content": answer.text}
    names = {call.name for call in answer.calls if call.id in left_out}  # some models call the same twice
    calls = [call for call in answer.calls if call.name not in names]
    if not calls:
        return [message] if answer.text or not answer.calls else []
    message["tool_calls"] = [_call(call) for call in calls]
    answered = [results[call.id] for call in calls if call.id in results]
    return [message, *({"role": "tool", "tool_call_id": one.call_id, "content": one.text} for one in answered)]


def _call(call: Call) -> dict[str, Any]:
    # What is no JSON object cannot be shown as a call; its result says what was wrong.
    arguments = call.arguments if isinstance(_parsed(call.arguments), dict) else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return None

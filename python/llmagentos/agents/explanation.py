"""Why an agent did what it did, from what is written down: what each answer of the model was based on."""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos.agents.output import FINAL_ANSWER
from llmagentos.agents.records import Answer, CallResult, Correction, Handoff, Record, TurnEnded, UserInput
from llmagentos.agents.session import Session

MAX_TEXT = 200  # characters of a text in the printed form


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One answer of the model; or an end without one, such as results that are the answer.

    Attributes:
        agent: that asked the model.
        because: what was new to the model since the answer before it: the observation, results, corrections.
        memory: what it was shown besides, or not shown, of what came before.
        action: what it did: calls of tools, or what it said.
    """

    agent: str
    because: tuple[str, ...]
    memory: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps of a turn. As text, one line for each thing.

    Attributes:
        ended: how the turn ended; None where it has not.
    """

    steps: tuple[ExplainedStep, ...]
    ended: str | None

    def __str__(self) -> str:
        lines: list[str] = []
        for number, step in enumerate(self.steps, 1):
            lines += [f"{number}. {step.agent}: {step.action}"]
            lines += [f"   because of {reason}" for reason in step.because]
            lines += [f"   with memory: {note}" for note in step.memory]
        return "\n".join([*lines, f"The turn {'has not ended' if self.ended is None else f'ended: {self.ended}'}."])


def explanation_of(session: Session) -> Explanation:
    """Of the last turn."""
    turn = session.turn
    calls = {call.id: call for record in turn if isinstance(record, Answer) for call in record.calls}
    steps: list[ExplainedStep] = []
    because: list[str] = []
    for record in turn:
        if isinstance(record, Answer):
            steps.append(ExplainedStep(record.agent, tuple(because), record.seen, _action(record)))
            because = []
        elif isinstance(record, CallResult):
            call = calls[record.call_id]
            if call.name != FINAL_ANSWER or record.outcome != "ok":  # which is the answer, and nothing comes of it
                because.append(f"the result of {call.name} {call.arguments} ({record.outcome}): {_short(record.text)}")
        elif isinstance(record, TurnEnded) and because and steps:  # without asking the model again
            done = f"says: {_short(record.text)}" if record.status == "done" else f"stops ({record.status})"
            steps.append(ExplainedStep(steps[-1].agent, tuple(because), (), done))
        elif (reason := _reason(record)) is not None:
            because.append(reason)
    ended = next((record.status for record in turn if isinstance(record, TurnEnded)), None)
    return Explanation(tuple(steps), ended)


def _reason(record: Record) -> str | None:
    if isinstance(record, UserInput):
        return f"the observation: {_short(record.text)}"
    if isinstance(record, Correction):
        return f"a correction: {_short(record.text)}"
    return f"a hand-over to {record.agent}" if isinstance(record, Handoff) else None


def _action(answer: Answer) -> str:
    calls = [f"calls {call.name} {_short(call.arguments)}" for call in answer.calls]
    return "; ".join([*([f"says: {_short(answer.text)}"] if answer.text else []), *calls]) or "says nothing"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 3]}..."

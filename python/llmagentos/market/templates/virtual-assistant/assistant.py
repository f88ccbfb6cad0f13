"""The assistant: reads a sentence, does what it asks, and asks before it takes anything away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from agenda import Agenda, day_name, sentence, span, times
from commands import Command, expression_of, read_command
from kinds import Reader, kind_of
from notebook import Notebook
from phrases import read_when

from llmagentos import Agent
from llmagentos.agents.cycle import text_of
from llmagentos.agents.sensors import Observation
from llmagentos.errors import LLMAgentOSError
from llmagentos.tools import calculator
from llmagentos.tools.todo import Todo, TodoList
from llmagentos.tools.words import ENGLISH_STOP_WORDS, without_stop_words, words

HELP = """I keep your calendar, to-do list and notes, and calculate. For example:
  What is on tomorrow?   Am I free on Friday at 10?   Add dentist on Tuesday at 9:30 for 45 minutes
  Move the dentist to Thursday   Cancel the dentist   When is the dentist?
  Remind me to buy milk by Friday   What is to do?   Done with milk
  Note that the spare key is at Anna's   What did I note about the key?
  What is 19% of 250?   How many days until Christmas?   What time is it in Tokyo?
Say exit to leave."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that is done once the person says yes."""

    question: str
    do: Callable[[], str]


class Assistant(Agent):
    """Does what one person says, sentence by sentence.

    Args:
        clock: gives the present moment.
        reader: a model that tells what a sentence may be that no rule reads; None takes its form for it.
        options: `sensor` and `actuator`, as `Agent` takes them.
    """

    def __init__(
        self,
        agenda: Agenda,
        todos: TodoList,
        notes: Notebook,
        clock: Callable[[], datetime],
        reader: Reader | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._agenda, self._todos, self._notes, self._clock, self._reader = agenda, todos, notes, clock, reader
        self._proposal: Proposal | None = None
        self._unfinished: Command | None = None  # an event without a day
        self._actions: Mapping[str, Callable[[Command], str]] = {
            "agenda": self._tell_agenda,
            "free": self._tell_free,
            "add_event": self._add_event,
            "find_event": self._find_event,
            "move_event": self._move_event,
            "remove_event": self._remove_event,
            "add_todo": self._add_todo,
            "list_todos": self._list_todos,
            "complete_todo": self._complete_todo,
            "remove_todo": self._remove_todo,
            "add_note": self._add_note,
            "find_note": self._find_note,
            "calculate": lambda command: f"{command.text} = {calculator(expression=expression_of(command.text) or '')}",
            "repeat": lambda _: (
                "I keep single events only. One that repeats, add in another calendar program; I tell of it then."
            ),
            "clock": self._tell_time,
            "days_until": self._days_until,
            "weekday": lambda command: f"{day_name(command.when.day or self._now.date())}.",
            "help": lambda _: HELP,
            "greeting": lambda _: f"Hello! It is {self._now:%H:%M} on {day_name(self._now.date())}. What can I do?",
            "thanks": lambda _: "You are welcome.",
            "farewell": lambda _: "Goodbye.",
            "yes": lambda _: "Yes to what? I had asked nothing.",
            "no": lambda _: "All right.",
            "unknown": self._guess,
        }

    @property
    def _now(self) -> datetime:
        return self._clock()

    def decide(self, observation: Observation) -> Command:
        text = text_of(observation)
        command = read_command(text, self._now.date())
        if self._unfinished is not None:
            when = read_when(text, self._now.date())
            if when.day is not None and not when.rest.strip(" .!"):
                known = self._unfinished.when
                when = replace(when, time=when.time or known.time, minutes=when.minutes or known.minutes)
                return replace(self._unfinished, when=when)
        return command

    def act(self, action: Command) -> dict[str, Any]:
        proposal, self._proposal, self._unfinished = self._proposal, None, None
        try:
            if proposal is not None and action.action in ("yes", "no"):
                return {"text": proposal.do() if action.action == "yes" else "All right, I leave it as it is."}
            return {"text": self._actions[action.action](action)}
        except LLMAgentOSError as error:
            return {"text": f"That did not work: {error}."}

    def _propose(self, question: str, do: Callable[[], str]) -> str:
        self._proposal = Proposal(question, do)
        return f"{question} (yes or no)"

    # Calendar

    def _tell_agenda(self, command: Command) -> str:
        first, n_days = command.when.day or self._now.date(), command.when.n_days if command.when.day else 7
        told = self._agenda.told(first, n_days)
        last = first.toordinal() + n_days - 1
        due = [todo for todo in self._todos.entries() if todo.due is not None and todo.due.toordinal() <= last]
        listed = "\n".join(f"  {_entry(todo)}" for todo in due)
        parts = [told or f"Nothing is in the calendar {'then' if n_days > 1 else f'for {day_name(first)}'}."]
        return "\n".join([*parts, *([f"To do by then:\n{listed}"] if listed else [])])

    def _tell_free(self, command: Command) -> str:
        day = command.when.day or self._now.date()
        if command.when.time is None:
            spans = self._agenda.free(day)
            return f"On {day_name(day)} you are free from {times(spans)}." if spans else f"{day_name(day)} is full."
        start, end = self._agenda.span_of(command.when, self._now)
        taken = self._agenda.between(start, end)
        if not taken:
            return f"Yes, {span(start, end)} is free."
        return f"No, there is {'; '.join(map(sentence, taken))}."

    def _add_event(self, command: Command) -> str:
        if not command.text:
            return "What should I put into the calendar?"
        if command.when.day is None and command.when.time is None:
            self._unfinished = command
            return f"On which day, and at what time: {command.text}?"
        event, overlapping = self._agenda.add(
            command.text[:1].upper() + command.text[1:], command.when, command.place, self._now
        )
        note = f"\nMind that it overlaps with {'; '.join(map(sentence, overlapping))}." if overlapping else ""
        if self._agenda.is_over(event, self._now):
            note += "\nMind that this is in the past."
        return f"In the calendar: {sentence(event)}.{note}"

    def _find_event(self, command: Command) -> str:
        found = self._agenda.coming(command.text, self._now, command.when.day)
        if found:
            return "\n".join(f"{sentence(event)}." for event in found[: 3 if "next" not in command.text else 1])
        noted = self._notes.answers(command.text)
        told = ["In the calendar of the coming year I find nothing about that."]
        return "\n".join([*told, "Your notes say:", *noted] if noted else told)

    def _move_event(self, command: Command) -> str:
        title, _, target = command.text.rpartition(" to ") if " to " in command.text else (command.text, "", "")
        title = (title or target).removesuffix(" to").strip()
        found = self._agenda.coming(title, self._now) if title else []
        if not found:
            return f"I find nothing about {title!r} in the calendar."
        if command.when.day is None and command.when.time is None:
            return (
                f"To when should I move {sentence(found[0])}? Say it in one sentence, as: move {title} to Friday at 10."
            )
        if self._agenda.repeats(found[0]):
            return f"{found[0].title} repeats, and I change single events only."
        move = self._agenda.moved(found[0], command.when)
        return self._propose(
            f"Move {sentence(found[0])}, to {span(move.start, move.end)}?",
            lambda: f"Moved: {sentence(self._agenda.move(move))}.",
        )

    def _remove_event(self, command: Command) -> str:
        found = self._agenda.coming(command.text, self._now, command.when.day) if command.text else []
        if not found:
            entry = re.sub(r"\s+(task|to-?do|entry|item)$", "", command.text, flags=re.IGNORECASE)
            if command.when.day is None and entry and self._todo(entry) is not None:
                return self._remove_todo(replace(command, text=entry))
            return f"I find nothing about {command.text!r} in the calendar, nor on your list."
        event = found[0]
        all_of_it = " with all its repetitions" if self._agenda.repeats(event) else ""

        def remove() -> str:
            self._agenda.remove(event)
            return f"Removed: {event.title}."

        return self._propose(f"Remove {sentence(event)}{all_of_it}?", remove)

    # To-do list

    def _add_todo(self, command: Command) -> str:
        at = f" ({command.when.time:%H:%M})" if command.when.time is not None else ""
        todo = self._todos.add(command.text.removeprefix("to ") + at, command.when.day)
        due = f", by {day_name(todo.due)}" if todo.due is not None else ""
        return f"On your list: {todo.text}{due}."

    def _list_todos(self, _: Command) -> str:
        return "\n".join(map(_entry, self._todos.entries())) or "Nothing is to do."

    def _complete_todo(self, command: Command) -> str:
        todo = self._todo(command.text)
        if todo is None:
            return f"I find nothing about {command.text!r} on your list."
        self._todos.complete(todo.id)
        n_left = len(self._todos.entries())
        return f"Done: {todo.text}. {n_left} left." if n_left else f"Done: {todo.text}. That was all."

    def _remove_todo(self, command: Command) -> str:
        todo = self._todo(command.text)
        if todo is None:
            return f"I find nothing about {command.text!r} on your list."

        def remove() -> str:
            self._todos.remove(todo.id)
            return f"Removed: {todo.text}."

        return self._propose(f"Remove {todo.text!r} from your list?", remove)

    def _todo(self, text: str) -> Todo | None:
        """The entry of that number, or that has most of the words."""
        entries = self._todos.entries()
        if text.isdigit():
            return next((todo for todo in entries if todo.id == int(text)), None)
        wanted = set(without_stop_words(words(text)))
        shared = [(len(wanted & set(words(todo.text))), -todo.id, todo) for todo in entries]
        n_shared, _, best = max(shared, default=(0, 0, None))
        return best if n_shared and 2 * n_shared >= len(wanted) else None

    # Notes

    def _add_note(self, command: Command) -> str:
        self._notes.add(command.text, self._now.date())
        return f"Noted: {command.text}."

    def _find_note(self, command: Command) -> str:
        return "\n".join(self._notes.find(command.text)) or "Your notes say nothing about that."

    # Dates, times and the rest

    def _tell_time(self, command: Command) -> str:
        if not command.text:
            return f"It is {self._now:%H:%M} on {day_name(self._now.date())}."
        named = "_".join(command.text.lower().split())
        zone = next((one for one in sorted(available_timezones()) if one.lower().rpartition("/")[2] == named), None)
        if zone is None:
            return f"I know no time zone of {command.text!r}. Name a large city, such as Tokyo, New York or Berlin."
        there = self._now.astimezone(ZoneInfo(zone))
        return f"In {zone.rpartition('/')[2].replace('_', ' ')} it is {there:%H:%M} on {day_name(there.date())}."

    def _days_until(self, command: Command) -> str:
        assert command.when.day is not None  # noqa: S101 (the rule gives no command without a day)
        days = (command.when.day - self._now.date()).days
        told = f"{days} days" if days >= 0 else f"{-days} days ago"
        return (
            f"{told}: {day_name(command.when.day)}."
            if days != 1
            else f"One day: it is tomorrow, {day_name(command.when.day)}."
        )

    def _guess(self, command: Command) -> str:
        """What no rule reads: nothing is written before the person says so."""
        if not without_stop_words(words(command.text), ENGLISH_STOP_WORDS):
            return "I did not understand that. Say 'help' for what I can do."
        kind = kind_of(command.text, self._reader)
        if kind == "question":
            if found := self._notes.answers(command.text):
                return "\n".join(["I know only what you have told me. Your notes say:", *found])
            return self._propose(
                "I do not know that, and will not guess. Shall I put it on your to-do list, to look up?",
                lambda: self._add_todo(Command("add_todo", f"look up: {command.text}")),
            )
        if kind == "note":
            return self._propose("Shall I note that?", lambda: self._add_note(command))
        entry = read_when(command.text, self._now.date())
        return self._propose(
            "Shall I put that on your to-do list?", lambda: self._add_todo(Command("add_todo", entry.rest, when=entry))
        )


def _entry(todo: Todo) -> str:
    due = f", by {day_name(todo.due)}" if todo.due is not None else ""
    return f"{todo.id}. {todo.text}{due}"

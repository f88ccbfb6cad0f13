"""What sentences ask for."""

from __future__ import annotations

from datetime import date

import pytest
from commands import expression_of, read_command

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "action", "about"),
    [
        ("What's on today?", "agenda", None),
        ("what do I have next week", "agenda", None),
        ("show me my calendar", "agenda", None),
        ("what's my week look like", "agenda", None),
        ("what is the date today", "clock", ""),
        ("Book a table at Luigi's for Friday 7pm", "add_event", "table"),
        ("Water the plants every Monday", "repeat", None),
        ("Am I free on Thursday at 10?", "free", None),
        ("Add dentist tomorrow at 9:30 for 45 minutes", "add_event", "dentist"),
        ("Schedule a meeting with Bob on Friday at 14:00", "add_event", "meeting with Bob"),
        ("Lunch with Ann on Wednesday at noon", "add_event", "Lunch with Ann"),
        ("When is the dentist?", "find_event", "dentist"),
        ("Move the dentist to Thursday", "move_event", "dentist to"),
        ("Cancel the dentist", "remove_event", "dentist"),
        ("remind me to buy milk by Friday", "add_todo", "buy milk"),
        ("I need to call the plumber", "add_todo", "call the plumber"),
        ("Add eggs to my shopping list", "add_todo", "eggs"),
        ("What is left to do?", "list_todos", None),
        ("Show my to-do list", "list_todos", None),
        ("done with milk", "complete_todo", "milk"),
        ("I bought milk", "complete_todo", "bought milk"),
        ("Remove eggs from my list", "remove_todo", "eggs"),
        ("Note that the spare key is at Anna's", "add_note", "the spare key is at Anna's"),
        ("What did I note about the key?", "find_note", "the key"),
        ("What is 17.5% of 240?", "calculate", "17.5% of 240"),
        ("15 plus 27", "calculate", "15 plus 27"),
        ("how much is (3 + 4) * 2", "calculate", "(3 + 4) * 2"),
        ("80 + 19%", "calculate", "80 + 19%"),
        ("square root of 144", "calculate", "square root of 144"),
        ("How many days until christmas?", "days_until", None),
        ("What day of the week is 14 July?", "weekday", None),
        ("What time is it in New York?", "clock", "New York"),
        ("what time is it", "clock", ""),
        ("help", "help", None),
        ("yes please", "yes", None),
        ("No, thanks", "no", None),
        ("Who won the world cup in 1998?", "unknown", None),
        ("What is the weather on Friday?", "unknown", None),
        ("What time is the dentist?", "find_event", "dentist"),
        ("I have a meeting with Bob on Friday at 10", "add_event", "meeting with Bob"),
        ("The boiler makes a strange noise", "unknown", None),
    ],
)
def test_commands(text: str, action: str, about: str | None) -> None:
    command = read_command(text, TODAY)
    assert command.action == action
    assert about is None or command.text == about


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("17.5% of 240", "17.5/100* 240"),
        ("15 plus 27", "15 + 27"),
        ("80 + 19%", "80*(1+19/100)"),
        ("square root of 144", "sqrt(144)"),
        ("1,250 x 3", "1250*3"),
        ("12 divided by 5", "12 / 5"),
        ("555-0101 is Bob", None),
        ("2026-03-02", None),
        ("four", None),
    ],
)
def test_arithmetic_in_words(text: str, expression: str | None) -> None:
    assert expression_of(text) == expression


def test_an_event_has_a_place() -> None:
    command = read_command("Add dentist tomorrow at 9:30 at Elm Street 4", TODAY)
    assert (command.text, command.place) == ("dentist", "Elm Street 4")

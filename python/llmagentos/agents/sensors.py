"""Where an agent's observations come from, and where its actions go."""

from __future__ import annotations

import asyncio
import atexit
import queue
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

from llmagentos.errors import InvalidRequestError, shown

Observation: TypeAlias = "Mapping[str, Any]"
Sensor: TypeAlias = "Callable[[], Any]"  # an observation, text, or None at the end; or an awaitable of it


def sensor_of(source: Any) -> Sensor:
    """A sensor that reads a source.

    Args:
        source: None for the terminal, or lines from a pipe; a function; a queue, which None ends; or anything to
            iterate over. Texts become observations {"text": ...}.

    Raises:
        InvalidRequestError: it is none of these.
    """
    if source is None:
        return _read_terminal
    if isinstance(source, (queue.Queue, queue.SimpleQueue, asyncio.Queue)):
        return source.get
    if callable(source):
        given: Sensor = source
        return given
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise InvalidRequestError(
            f"sensor={shown(source)} is not valid: it must be None, a function, a queue or a list of observations"
        )
    items = iter(source)
    return lambda: next(items, None)


def observed(value: Any) -> Observation | None:
    """What a sensor gave, as an observation; None at the end.

    Raises:
        InvalidRequestError: it is no text and no dict.
    """
    if value is None or isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        return {"text": value}
    raise InvalidRequestError(f"an observation must be a dict, a text, or None at the end, not {shown(value)}")


def _read_terminal() -> str | None:
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if is_terminal:
        import readline  # noqa: F401  (gives input() line editing and history)

        _keep_terminal()
    try:
        return input("> " if is_terminal else "")
    except EOFError:
        return None


@cache
def _keep_terminal() -> None:
    """Has the terminal at the end of the process as it is now.

    Where a thread waits for a line then, as in `arun` after Ctrl-C, it would be left without echo.
    """
    try:
        import termios
    except ImportError:  # Windows, which has no such state
        return
    descriptor = sys.stdin.fileno()
    atexit.register(termios.tcsetattr, descriptor, termios.TCSADRAIN, termios.tcgetattr(descriptor))


def print_action(action: Any) -> None:
    """The default actuator: prints the action's text, or the action where it has none. Nothing is done about None."""
    if action is not None:
        text = action.get("text", action) if isinstance(action, Mapping) else action
        print(text, flush=True)  # noqa: T201  (it is what this actuator does)


def ask_person(name: str, arguments: str) -> bool:
    """Asks at the terminal whether a tool may be called. Without a terminal nobody can say so, and it may not."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    _keep_terminal()
    try:
        return input(f"Allow {name} {arguments}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False

"""Plain functions of tools for asyncio, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmagentos.errors import ToolError
from llmagentos.own_thread import in_own_thread


async def in_thread(function: Callable[..., Any], **given: Any) -> Any:
    """What the function returns; see `in_own_thread`.

    Raises:
        ToolError: the function tried to end the process, or let a StopIteration out.
        Exception: whatever the function raises.
    """

    def run() -> Any:
        try:
            return function(**given)
        except BaseException as error:
            told = holdable(error)
            if told is error:
                raise
            raise told from error

    return await in_own_thread(run)


def holdable(error: BaseException) -> Exception:
    """The error as whoever called a tool can handle it, and no function's decision to end the process."""
    if isinstance(error, StopIteration):
        return ToolError(f"StopIteration: {error}")
    return error if isinstance(error, Exception) else ToolError(f"it tried to end the process: {type(error).__name__}")

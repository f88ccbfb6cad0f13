"""One call of a tool: its time limit, its retries, and its result as text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from llmagentos.agents.nesting import NestingError, is_nested
from llmagentos.agents.own_loop import going_on
from llmagentos.agents.records import Outcome
from llmagentos.agents.texts import as_unicode
from llmagentos.errors import ToolError
from llmagentos.tools.threads import in_thread
from llmagentos.tools.tool import Tool

MAX_ITEMS = 10_000  # of a result that is an iterator

_LOGGER = logging.getLogger(__name__)


async def run_tool(
    tool: Tool, arguments: str, idempotency_key: str, on_retry: Callable[[str, int], None]
) -> tuple[Outcome, str]:
    """What came of a call, as the model is to be told. What the tool raises is told too, never raised.

    Args:
        on_retry: told why an attempt failed that is made again, and which it was, from 1.
    """
    attempt = 1
    while True:
        outcome, text = await _attempt(tool, arguments, idempotency_key)
        # A tool that is out of time may still be at work; only a repeatable one is started beside it.
        may_retry = outcome == "error" or (outcome == "timeout" and tool.is_repeatable)
        if not may_retry or attempt > tool.retries:
            return outcome, text
        on_retry(text, attempt)
        attempt += 1


async def _attempt(tool: Tool, arguments: str, idempotency_key: str) -> tuple[Outcome, str]:
    task = asyncio.ensure_future(_result(tool, arguments, idempotency_key))
    try:
        done, _ = await asyncio.wait({task}, timeout=tool.timeout)
    except asyncio.CancelledError:  # of the run
        await _stop(task, tool)
        raise
    if not done:
        how = "" if await _stop(task, tool) else ", does not stop, and was left behind"
        done_or_not = "it may or may not have done its work"
        return "timeout", f"{tool.name} gave no result in {tool.timeout:g} seconds{how}; {done_or_not}"
    if task.cancelled():  # by the tool itself
        return "error", f"{tool.name} was cancelled"
    try:
        return "ok", task.result()
    except NestingError as error:
        if is_nested():  # the outermost run tells its model: if all did, each might try again, times those inside of it
            raise
        return "error", str(error)
    except ToolError as error:
        return "error", _told(error)
    except Exception as error:  # noqa: BLE001  (tools are anybody's code)
        return "error", f"{type(error).__name__}: {_told(error)}"


async def _result(tool: Tool, arguments: str, idempotency_key: str) -> str:
    value = await tool.acall(arguments, idempotency_key=idempotency_key)
    # Making a text of it runs what the tool gave, which may take its time as well.
    if value is None:
        return "done"
    return value if isinstance(value, str) else await in_thread(_written, value=value)


async def _stop(task: asyncio.Task[Any], tool: Tool) -> bool:
    """Cancels a call, and says whether it has stopped. What it still gives or raises is dropped."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    has_stopped = not await going_on([task], is_in_run=True)
    if not has_stopped:
        _LOGGER.warning("the tool %s does not stop when it is cancelled, and is left behind", tool.name)
    return has_stopped


def _told(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (anybody's code, too)
        return "(it cannot be written)"


def _written(value: Any) -> str:
    """What a tool returned, as JSON, or as Python writes it.

    Raises:
        ToolError: an iterator that gives more than MAX_ITEMS.
        Exception: whatever the value raises.
    """
    from pydantic_core import PydanticSerializationError, to_json

    if isinstance(value, Iterator):
        value = list(islice(value, MAX_ITEMS + 1))
        if len(value) > MAX_ITEMS:
            raise ToolError(f"the result has more than {MAX_ITEMS:,} items, and maybe no end")
    try:
        return to_json(value, fallback=str, inf_nan_mode="constants").decode("utf-8", errors="replace")
    except PydanticSerializationError:  # bytes that are no text, or what holds itself
        return str(value)


def bounded(text: str, limit: int) -> str:
    """The text, or its beginning and what is cut. Halves of characters, which names of files have, are replaced."""
    if len(text) <= limit:
        return as_unicode(text)
    return f"{as_unicode(text[:limit])}\n[cut: the result has {len(text):,} characters, these are the first {limit:,}]"

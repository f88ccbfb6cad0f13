"""Between callers that wait and those that await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

from llmagentos.agents.own_loop import OwnLoop
from llmagentos.errors import InvalidRequestError
from llmagentos.tools.threads import in_thread

_T = TypeVar("_T")


def finished(work: Coroutine[Any, Any, _T], method: str) -> _T:
    """The result of asynchronous work, for callers that are not asynchronous.

    Args:
        method: that was called, for the message.

    Raises:
        InvalidRequestError: it was called inside an event loop, which would stand still.
    """
    if _is_in_loop():
        work.close()
        raise _inside_a_loop(method)
    with OwnLoop() as loop:
        return loop.run(work)


def iterated(items: AsyncGenerator[_T, None], method: str) -> Generator[_T, None, None]:
    """What an asynchronous generator gives, which goes on while this is iterated, and is closed with it.

    Raises:
        InvalidRequestError: as `finished`.
    """
    if _is_in_loop():
        raise _inside_a_loop(method)
    loop = OwnLoop()

    def end() -> None:
        with loop:
            loop.run(items.aclose())

    try:
        while True:
            try:
                yield loop.run(anext(items))
            except StopAsyncIteration:
                return
    finally:
        if _is_in_loop():  # closed or dropped inside of one, whose thread runs no second one
            thread = threading.Thread(target=end, name="llmagentos-close")
            thread.start()
            thread.join()
        else:
            end()


async def awaited(step: Callable[..., Any], *given: Any) -> Any:
    """What a step gives: awaited where it is `async`, else from a thread."""
    if asyncio.iscoroutinefunction(step):
        return await step(*given)
    value = await in_thread(lambda: step(*given))
    return await value if isinstance(value, Coroutine) else value


def plain(value: _T, step: str) -> _T:
    """What a step gave, which is no promise of it.

    Raises:
        InvalidRequestError: the step is asynchronous.
    """
    if isinstance(value, Coroutine):
        value.close()
        raise InvalidRequestError(f"{step} is asynchronous: use `await agent.arun()`")
    return value


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _inside_a_loop(method: str) -> InvalidRequestError:
    return InvalidRequestError(f"{method}() cannot wait inside an event loop: use its asynchronous form, a{method}()")

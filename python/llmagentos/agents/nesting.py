"""Runs inside of runs: agents that are tools of others. How deep they are nested is counted, and has an end."""

from __future__ import annotations

from contextvars import ContextVar

from llmagentos.errors import ToolError

MAX_NESTED_RUNS = 8  # agents that wait for each other, the first one included

# Names of the agents whose runs this one is inside of, the outermost first. Tasks and threads of tools inherit it.
_around: ContextVar[tuple[str, ...]] = ContextVar("llmagentos_runs_around", default=())


class NestingError(ToolError):
    """An agent would run inside of as many others as may wait for each other: most likely it was given itself."""


def enter_run(agent: str) -> None:
    """Counts a run in the context of this task, which is the run's own.

    Raises:
        NestingError: it is nested too deeply.
    """
    around = _around.get()
    if len(around) >= MAX_NESTED_RUNS:
        raise NestingError(
            f"runs of agents are nested more than {MAX_NESTED_RUNS} deep, as where an agent is its own tool: "
            f"{' > '.join((*around, agent))}"
        )
    _around.set((*around, agent))


def n_around() -> int:
    """How many runs this context is inside of."""
    return len(_around.get())


def is_nested() -> bool:
    """Whether the run of this context is inside of another."""
    return n_around() > 1

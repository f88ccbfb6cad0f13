"""Running Python code that a model has written."""

from __future__ import annotations

from llmagentos.tools.bounds import Program
from llmagentos.tools.sandbox.limits import Limits
from llmagentos.tools.tool import Tool, tool


def python_tool(limits: Limits | None = None, *, requires_approval: bool = False) -> Tool:
    """A tool that runs Python in a process of its own, as `run_python` tells.

    Args:
        limits: what a run may use; None takes their defaults.
        requires_approval: whether somebody is asked before each run.
    """
    from llmagentos.tools.sandbox.run import run_python

    bounds = limits or Limits()

    @tool(idempotent=True, requires_approval=requires_approval)
    def python(code: Program) -> str:
        """Run Python code and return what it prints, and the value of an expression in its last line.

        Nothing is kept from one run to the next. There is no network, and there are no files but those that it writes.

        Args:
            code: a whole program.
        """
        return str(run_python(code, bounds))

    return python

"""Scripted conversations with agents and applications, and checks of what they answer.

```
suite.py (a file, validated) -> run.py -> partner.py (whom it talks to) -> reply.py
         checks.py, tool_call_check.py (what a reply must be) <- judge.py (a model's opinion)
```
"""

from llmagentos.agents.evaluation.report import SuiteReport
from llmagentos.agents.evaluation.run import run_suite
from llmagentos.agents.evaluation.suite import Suite, read_suite

__all__ = ["Suite", "SuiteReport", "read_suite", "run_suite"]

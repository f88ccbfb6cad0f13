"""Agents: perceive, decide, act; a loop of model and tools whose state is what is written down.

```
agent.py (what users have) -> loop.py (one turn) -> model_calls.py, tool_runs.py
                                    |
                              session.py, sqlite_session.py: records.py, which is all the state there is
memory/ (what the model is shown)    tracing.py, explanation.py (what happened, and why)
waiting.py, own_loop.py (for callers that are not asynchronous)    nesting.py (runs inside of runs have an end)
```
"""

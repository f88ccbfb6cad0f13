"""Guards: hooks before and after a model and around tools, and the ones that a default install needs.

```
guard.py (what a guard is, how several are asked) <- injection.py, redaction.py, topics.py, judge.py
```
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from llmagentos.safety.guard import Allow as Allow
    from llmagentos.safety.guard import Block as Block
    from llmagentos.safety.guard import Decision as Decision
    from llmagentos.safety.guard import Guard as Guard
    from llmagentos.safety.guard import Replace as Replace
    from llmagentos.safety.injection import InjectionGuard as InjectionGuard
    from llmagentos.safety.judge import JudgeGuard as JudgeGuard
    from llmagentos.safety.redaction import RedactionGuard as RedactionGuard
    from llmagentos.safety.topics import TopicGuard as TopicGuard

_HOMES = {
    "Allow": "guard",
    "Block": "guard",
    "Decision": "guard",
    "Guard": "guard",
    "InjectionGuard": "injection",
    "JudgeGuard": "judge",
    "RedactionGuard": "redaction",
    "Replace": "guard",
    "TopicGuard": "topics",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (a list; the names are those of _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value

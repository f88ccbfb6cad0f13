"""What came of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmagentos.agents.evaluation.reply import Reply


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Attributes:
    check: as the suite writes it.
    fault: what was wrong; None where it passed.
    """

    check: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class TurnReport:
    """Attributes:
    said: by the user, or what was decided in their place.
    reply: None where there was none.
    error: why there was none.
    """

    said: str
    reply: Reply | None
    error: str | None
    seconds: float
    checks: Sequence[CheckReport] = ()

    @property
    def passed(self) -> bool:
        return self.error is None and all(check.fault is None for check in self.checks)


@dataclass(frozen=True, slots=True)
class CaseReport:
    """Attributes:
    turns: up to the first that failed for want of a reply; those after it could not be had.
    n_turns: of the conversation.
    """

    name: str
    turns: Sequence[TurnReport]
    n_turns: int

    @property
    def passed(self) -> bool:
        return len(self.turns) == self.n_turns and all(turn.passed for turn in self.turns)


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What came of each case."""

    cases: Sequence[CaseReport]

    @property
    def passed(self) -> bool:
        return all(case.passed for case in self.cases)

    @property
    def n_passed(self) -> int:
        """Cases that passed."""
        return sum(case.passed for case in self.cases)

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {
            "passed": self.passed,
            "n_cases": len(self.cases),
            "n_passed": self.n_passed,
            "cases": [
                {
                    "name": case.name,
                    "passed": case.passed,
                    "n_turns": case.n_turns,
                    "turns": [{"passed": turn.passed, **asdict(turn)} for turn in case.turns],
                }
                for case in self.cases
            ],
        }

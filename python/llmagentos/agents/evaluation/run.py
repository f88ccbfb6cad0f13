"""Suites run: each conversation from its beginning, turn by turn, each reply checked."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmagentos.agents.evaluation.judge import Judge, JudgeModel
from llmagentos.agents.evaluation.partner import Partner, partner_of
from llmagentos.agents.evaluation.report import CaseReport, CheckReport, SuiteReport, TurnReport
from llmagentos.agents.evaluation.worker import OutOfTime, Worker
from llmagentos.errors import InvalidRequestError, LLMAgentOSError

GRACE = 5.0  # seconds more for what stops by itself when it is out of time

if TYPE_CHECKING:
    from llmagentos.agents.evaluation.reply import Reply
    from llmagentos.agents.evaluation.suite import Case, Suite, Turn


def run_suite(
    suite: Suite,
    target: Any,
    *,
    model: Any = None,
    judge: JudgeModel | None = None,
    on_case: Callable[[CaseReport], object] | None = None,
) -> SuiteReport:
    """Runs all conversations of a suite, one after the other.

    Args:
        target: an `Agent`, or a function or class that makes one, or that makes a function from text to text. It is
            called for each conversation.
        model: that the target is made with; None leaves it to the target.
        judge: the model that answers the suite's `judge` checks.
        on_case: told of each case once it is over.

    Raises:
        InvalidRequestError: the suite needs a judge, and there is none.
    """
    if suite.needs_judge and judge is None:
        raise InvalidRequestError("the suite has checks that a judge must answer, and no judge is named")
    asked = None if judge is None else Judge(judge)
    options = {} if model is None else {"model": model}
    reports: list[CaseReport] = []
    for case in suite.cases:
        report = _run_case(case, target, options, asked, suite.timeout)
        reports.append(report)
        if on_case is not None:
            on_case(report)
    return SuiteReport(tuple(reports))


def _run_case(case: Case, target: Any, options: dict[str, Any], judge: Judge | None, timeout: float) -> CaseReport:
    worker = Worker()
    turns: list[TurnReport] = []
    try:
        partner = _partner(target, options, worker, timeout)
        for turn in case.turns:
            turns.append(_run_turn(turn, partner, worker, judge, timeout))
            if turns[-1].reply is None:
                break
    finally:
        worker.close()
    return CaseReport(case.name, tuple(turns), len(case.turns))


def _partner(target: Any, options: dict[str, Any], worker: Worker, timeout: float) -> Partner:
    """Whom the case is with. What cannot be made is the target's fault, and no case's."""
    try:
        return worker.do(lambda: partner_of(target, options, timeout), None)
    except LLMAgentOSError:
        raise
    except SystemExit:
        raise LLMAgentOSError("the target could not be made: it tried to end the process") from None
    except Exception as error:  # the target is anybody's code
        raise LLMAgentOSError(f"the target could not be made: {_told(error)}") from error


def _run_turn(turn: Turn, partner: Partner, worker: Worker, judge: Judge | None, timeout: float) -> TurnReport:
    started = time.monotonic()
    reply, error = _reply(turn, partner, worker, timeout)
    seconds = time.monotonic() - started
    if reply is None:
        return TurnReport(turn.said, None, error, seconds)
    checks = tuple(CheckReport(str(check), check.fault(turn.said, reply, judge)) for check in turn.expect)
    return TurnReport(turn.said, reply, None, seconds, checks)


def _reply(turn: Turn, partner: Partner, worker: Worker, timeout: float) -> tuple[Reply | None, str | None]:
    """The reply, or why there is none."""

    def asked() -> Reply:
        return partner.decide(turn.approve, turn.reject) if turn.say is None else partner.say(turn.say)

    try:
        return worker.do(asked, timeout + GRACE), None
    except OutOfTime:
        return None, f"no answer in {timeout:g} seconds"
    except LLMAgentOSError as error:
        return None, str(error)
    except SystemExit:
        return None, "it tried to end the process"
    except Exception as error:  # noqa: BLE001  (what is evaluated is anybody's code)
        return None, _told(error)


def _told(error: Exception) -> str:
    """The error, and where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"

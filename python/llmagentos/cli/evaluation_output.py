"""What came of a suite, as a table, as JSON, and as a transcript."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from llmagentos.cli.output import json_of, printable

if TYPE_CHECKING:
    from llmagentos.agents.evaluation.report import SuiteReport, TurnReport

MAX_SAID = 60  # characters of what was said, in the table
_COLUMNS = ("case", "turn", "said", "checks", "result", "seconds")


def print_json(report: SuiteReport) -> None:
    """Prints everything."""
    print(json_of(report.to_json()))


def print_table(report: SuiteReport) -> None:
    """Prints a line for each turn, then what was wrong, then how many passed. In a pipe: fields between tabs."""
    rows = [
        (
            case.name,
            str(number),
            _short(turn.said),
            _counts(turn),
            "pass" if turn.passed else "FAIL",
            f"{turn.seconds:.2f}",
        )
        for case in report.cases
        for number, turn in enumerate(case.turns, 1)
    ]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*_COLUMNS, box=None)
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        Console().print(table)
    else:
        for row in (_COLUMNS, *rows):
            print("\t".join(printable(cell) for cell in row))
    for line in _faults(report):
        print(printable(line))
    print(f"{report.n_passed} of {len(report.cases)} cases passed")


def print_transcript(report: SuiteReport) -> None:
    """Prints the conversations as Markdown: what the user said as quotes, answers as they are."""
    for case in report.cases:
        print(printable(f"## {case.name}\n"))
        for turn in case.turns:
            print(printable("\n".join(f"> {line}" for line in turn.said.splitlines() or [""])), end="\n\n")
            for call in turn.reply.calls if turn.reply else ():
                print(printable(f"*calls {call.name} `{call.arguments}`: {call.outcome or 'waits for a person'}*\n"))
            print(printable(turn.reply.text.strip() if turn.reply else f"*no answer: {turn.error}*"), end="\n\n")
    for line in _faults(report):
        print(printable(line), file=sys.stderr)


def _faults(report: SuiteReport) -> list[str]:
    lines: list[str] = []
    for case in report.cases:
        for number, turn in enumerate(case.turns, 1):
            where = f"{case.name}, turn {number}"
            lines += [f"FAIL {where}: {turn.error}"] if turn.error is not None else []
            lines += [f"FAIL {where}: {one.check}: {one.fault}" for one in turn.checks if one.fault is not None]
        if len(case.turns) < case.n_turns:
            lines.append(f"     {case.name}: {case.n_turns - len(case.turns)} turns after it were not run")
    return lines


def _counts(turn: TurnReport) -> str:
    return f"{sum(check.fault is None for check in turn.checks)}/{len(turn.checks)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SAID else f"{line[: MAX_SAID - 3]}..."

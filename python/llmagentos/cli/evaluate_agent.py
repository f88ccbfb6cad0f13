"""`llmagentos evaluate-agent`: scripted conversations with an agent or an application, and checks of the answers."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmagentos.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmagentos.agents.evaluation.suite import Suite
    from llmagentos.llm import LLM


def register(app: typer.Typer) -> None:
    """Adds `evaluate-agent` to the app."""

    @app.command("evaluate-agent")
    def evaluate_agent(
        suite: Annotated[
            str,
            typer.Argument(
                help="A .toml or .json file, or an application with a suite: a name of `market list`, or ./folder."
            ),
        ],
        target: Annotated[
            str | None,
            typer.Option("--target", help="MODULE:NAME of whom to talk to, in place of the suite's own."),
        ] = None,
        application: Annotated[
            str | None,
            typer.Option(
                "--application", help="Where the target's module is, by name or ./folder; else beside the suite."
            ),
        ] = None,
        case: Annotated[
            list[str] | None, typer.Option("--case", help="Run this case only; may be given several times.")
        ] = None,
        model: Annotated[
            str | None, typer.Option("--model", "-m", help="The model that the target is made with, by name or path.")
        ] = None,
        judge: Annotated[
            str | None, typer.Option("--judge", help="The model that answers `judge` checks, by name or path.")
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print all that was said, called and checked as JSON.")
        ] = False,
        transcript: Annotated[
            bool, typer.Option("--transcript", help="Print the conversations as Markdown, in place of the table.")
        ] = False,
        threads: options.Threads = None,
    ) -> None:
        """Run scripted conversations with an agent or an application, and check its answers.

        Ends with status 1 where a check failed. docs/evaluation.md describes suites.
        """
        from llmagentos.agents.evaluation import run_suite
        from llmagentos.agents.places import object_at
        from llmagentos.cli.evaluation_output import print_json, print_table, print_transcript
        from llmagentos.errors import InvalidRequestError

        if as_json and transcript:
            raise InvalidRequestError("--json and --transcript cannot both be printed")
        read, folder = _read(suite, application)
        chosen = _chosen(read, case or [])
        place = target or chosen.target
        if place is None:
            raise InvalidRequestError(f"{suite} names no target, and --target was not given")
        opened: dict[str, LLM] = {}
        with redirect_stdout(sys.stderr):  # what the target prints is no part of the report
            report = run_suite(
                chosen,
                object_at(place, folder),
                model=_opened(model or chosen.model, opened, threads),
                judge=_opened(judge or chosen.judge, opened, threads) if chosen.needs_judge else None,
                on_case=_show_progress(len(chosen.cases)),
            )
        print_report = print_json if as_json else print_transcript if transcript else print_table
        print_report(report)
        if not report.passed:
            raise typer.Exit(1)


def _show_progress(n_cases: int) -> Callable[[object], None]:
    """What is told of each case that is over: on a terminal, how many of them are."""
    done = 0

    def show(_: object) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\rcase {done}/{n_cases}", end="\n" if done == n_cases else "", file=sys.stderr, flush=True)

    return show


def _read(suite: str, application: str | None) -> tuple[Suite, Path]:
    """The suite, and the folder where its target is looked for."""
    from llmagentos.agents.evaluation.suite import SUITE, read_suite
    from llmagentos.errors import InvalidRequestError
    from llmagentos.market.applications.sources import application_named

    if suite.endswith((".toml", ".json")):
        path = Path(suite)
        folder = path.parent if application is None else application_named(application).folder
        return read_suite(path), folder
    if Path(suite).is_file():
        raise InvalidRequestError(f"{suite} is no suite: these are .toml and .json files")
    if application is not None:
        raise InvalidRequestError(f"--application is for suites that are files, and {suite!r} is an application")
    folder = application_named(suite).folder
    if not (folder / SUITE).is_file():
        raise InvalidRequestError(f"the application {suite!r} has no suite: it would be {folder / SUITE}")
    return read_suite(folder / SUITE), folder


def _chosen(suite: Suite, names: list[str]) -> Suite:
    from llmagentos.errors import InvalidRequestError

    if not names:
        return suite
    known = [case.name for case in suite.cases]
    for name in names:
        if name not in known:
            raise InvalidRequestError(f"the suite has no case {name!r}; it has {', '.join(map(repr, known))}")
    return suite.model_copy(update={"cases": [case for case in suite.cases if case.name in names]})


def _opened(name: str | None, opened: dict[str, LLM], threads: int | None) -> LLM | None:
    """The model of that name, which is opened once."""
    from llmagentos.llm import LLM

    if name is None:
        return None
    if name not in opened:
        opened[name] = LLM(name, threads=threads)
    return opened[name]

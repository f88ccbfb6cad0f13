"""`llmagentos doctor`: what this package sees of the machine, its own parts and its cache."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmagentos.errors import LLMAgentOSError

if TYPE_CHECKING:
    from pathlib import Path

    from llmagentos.market import Entry, FolderEntry, WheelEntry

_SETTINGS = (
    "LLMAGENTOS_HOME",
    "LLMAGENTOS_OFFLINE",
    "LLMAGENTOS_ISA",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
)


def register(app: typer.Typer) -> None:
    """Adds `doctor` to the app."""

    @app.command()
    def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, sizes in bytes.")] = False) -> None:
        """Show the CPU, memory, cache and versions, and check what is installed. Ends with 1 if something is wrong."""
        from llmagentos.cli.output import json_of

        report = diagnose()
        if as_json:
            print(json_of(report))
        else:
            _print(report)
        if report["problems"]:
            raise typer.Exit(1)


def diagnose() -> dict[str, Any]:
    """Everything `doctor` shows, ready for JSON; "problems" lists in words what needs attention."""
    from llmagentos.market.memory import memory

    problems: list[str] = []
    machine = _machine(problems)
    found = memory()
    return {
        "cpu": machine.get("cpu"),
        "usable_cpus": machine.get("usable_cpus"),
        "threads": machine.get("usable_cpus"),
        "isa": machine.get("isa"),
        "isas": machine.get("isas"),
        "memory_total_bytes": found.total,
        "memory_available_bytes": found.available,
        "cache": _cache(problems),
        "versions": _versions(problems),
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "problems": problems,
    }


def _machine(problems: list[str]) -> dict[str, Any]:
    try:
        from llmagentos._core import runtime

        return dict(runtime.machine())
    except ImportError as error:
        problems.append(f"the compiled core cannot be loaded: {error}. Install llmagentos again")
    except LLMAgentOSError as error:
        problems.append(str(error))
    return {}


def _cache(problems: list[str]) -> dict[str, Any]:
    from llmagentos.market import RemoteEntry, WheelEntry, catalogue, home
    from llmagentos.market.cache import ADVICE, home_fault, partial_of, status_of

    fault = home_fault()
    if fault is not None:
        problems.append(fault)
    installed, unfinished = [], []
    for entry in catalogue():
        if isinstance(entry, RemoteEntry):
            continue
        try:
            if (model := _model(entry, problems)) is not None:
                installed.append(model)
            if isinstance(entry, WheelEntry) and status_of(partial_of(entry)) is not None:
                unfinished.append(entry.name)
        except OSError as error:
            problems.append(f"cannot look for {entry.name}: {error.filename}: {error.strerror}. {ADVICE}")
    folder = home()
    return {"path": str(folder), "bytes": _bytes_below(folder), "models": installed, "unfinished": unfinished}


def _model(entry: Entry, problems: list[str]) -> dict[str, Any] | None:
    """The entry's file or folder as the report has it; None where there is none."""
    from llmagentos.market import FolderEntry, HubEntry
    from llmagentos.market.sources import hub_cache

    if isinstance(entry, HubEntry):
        files = hub_cache.files_of(entry.source)
        if files is None:
            return None
        path = hub_cache.cached(entry.source)
        # The hub's blobs are checked against their hashes before they get their names.
        return {
            "name": entry.name,
            "path": str(path),
            "bytes": sum(file.stat().st_size for file in files),
            "checked": True,
        }
    return _folder_model(entry) if isinstance(entry, FolderEntry) else _wheel_model(entry, problems)


def _folder_model(entry: FolderEntry) -> dict[str, Any] | None:
    from llmagentos.market.cache import folder_path_of, has_folder, status_of

    path = folder_path_of(entry)
    if status_of(path) is None:
        return None
    return {"name": entry.name, "path": str(path), "bytes": _bytes_below(path), "checked": has_folder(entry)}


def _wheel_model(entry: WheelEntry, problems: list[str]) -> dict[str, Any] | None:
    from llmagentos.market import cached
    from llmagentos.market.cache import file_fault, path_of, status_of

    path = path_of(entry)
    status = status_of(path)
    if status is None:
        return None
    checked = cached(entry) is not None
    if (fault := file_fault(path)) is not None:
        problems.append(fault)
    elif not checked:
        problems.append(
            f"{path} has the wrong size or was never checked: `llmagentos pull {entry.name}` checks it, and "
            "fetches it anew if need be"
        )
    return {"name": entry.name, "path": str(path), "bytes": status.st_size, "checked": checked}


def _bytes_below(folder: Path) -> int:
    """Of all files that can be seen."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone meanwhile, or not to be seen: a problem that is told of elsewhere
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _versions(problems: list[str]) -> dict[str, str]:
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    try:
        versions["llmagentos"] = importlib.metadata.version("llmagentos")
        requirements = importlib.metadata.requires("llmagentos") or []
    except importlib.metadata.PackageNotFoundError:
        problems.append(
            "llmagentos is imported from a folder and not installed: `pip install .` in its repository installs it"
        )
        requirements = []
    for requirement in requirements:
        name, _, marker = requirement.partition(";")
        name = re.split(r"[^A-Za-z0-9._-]", name.strip(), maxsplit=1)[0]
        if "extra" in marker:
            continue
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if not marker.strip():  # one with a marker may be for another Python
                problems.append(f"{name} is missing: `pip install {name}` installs it")
    return versions


def _lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    from llmagentos.market.progress import format_bytes

    def size(n: int | None) -> str:
        return "unknown" if n is None else format_bytes(n)

    cache, versions = report["cache"], report["versions"]
    lines = [
        ("CPU", f"{report['cpu'] or 'unknown'}"),
        ("threads", f"{report['threads'] or 'unknown'}, one for each CPU this process may use"),
        ("ISA", f"{report['isa'] or 'unknown'} (of {', '.join(report['isas'] or ['none'])})"),
        ("memory", f"{size(report['memory_available_bytes'])} available of {size(report['memory_total_bytes'])}"),
        ("cache", f"{cache['path']} ({size(cache['bytes'])})"),
    ]
    lines += [
        ("model", f"{model['name']}, {size(model['bytes'])}, {'' if model['checked'] else 'not '}checked")
        for model in cache["models"]
    ]
    lines += [("unfinished", f"{name}: `llmagentos pull {name}` goes on") for name in cache["unfinished"]]
    lines += [("version", f"{name} {version}") for name, version in versions.items()]
    lines += [("setting", f"{name}={value}") for name, value in report["settings"].items()]
    lines += [("problem", problem) for problem in report["problems"]] or [("problems", "none")]
    return lines


def _print(report: dict[str, Any]) -> None:
    from llmagentos.cli.output import piped, printable

    lines = _lines(report)
    if not sys.stdout.isatty():
        for label, text in lines:
            print(piped(f"{label}: {text}"))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    previous = ""
    for label, text in lines:
        style = "bold red" if label == "problem" else "bold"
        grid.add_row(Text("" if label == previous else label, style=style), Text(printable(text), overflow="fold"))
        previous = label
    Console().print(grid)

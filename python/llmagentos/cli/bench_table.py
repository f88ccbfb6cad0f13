"""The table that `llmagentos bench` prints: rich on a terminal, lines and tabs in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from llmagentos.cli.output import piped, printable

if TYPE_CHECKING:
    from llmagentos.bench.session import Row, Session
    from llmagentos.bench.sides import Setting
    from llmagentos.formats import Checkpoint

_RIGHT = ("value", "limit", "share", "llama.cpp", "ratio")
_BOUNDS = {"read": "memory", "compute": "products"}


def print_session(session: Session, name: str, setting: Setting, checkpoint: Checkpoint, peer: str | None) -> None:
    """Facts, notes and the table, on standard output."""
    facts = _facts(session, name, setting, checkpoint, peer)
    titles = ["metric", "value", "unit", "limit", "share", "bound by"]
    if peer is not None:
        titles += ["llama.cpp", "ratio", "spread", "setting"]
    rows = [titles, *(_cells(row, peer is not None) for row in session.rows)]
    is_terminal = sys.stdout.isatty()
    for label, text in [*facts, *(("note", note) for note in session.notes)]:
        print(f"{label}: {printable(text)}" if is_terminal else piped(f"{label}: {text}"))
    print()
    if is_terminal:
        _print_table(rows)
        return
    for cells in rows:
        print("\t".join(cells))


def _print_table(rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.text import Text

    titles, console = rows[0], Console()
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(titles))]
    for cells in rows:
        columns = zip(titles, cells, widths, strict=True)
        line = "  ".join(cell.rjust(width) if title in _RIGHT else cell.ljust(width) for title, cell, width in columns)
        # A line that is too long wraps in the terminal: nothing is cut off.
        console.print(Text(line.rstrip(), style="bold" if cells is titles else ""), soft_wrap=True)


def _facts(
    session: Session, name: str, setting: Setting, checkpoint: Checkpoint, peer: str | None
) -> list[tuple[str, str]]:
    from llmagentos.bench.host import machine

    host, limits = machine(), session.limits
    formats = ", ".join(checkpoint.bytes_per_format)
    pinned = "unpinned" if setting.cpus is None else f"on CPU {', '.join(map(str, setting.cpus))}"
    rates = (
        f"{limits.read / 1e9:.1f} GB/s read, {limits.dot / 1e9:.0f} Gop/s 4-bit x 8-bit, "
        f"{limits.fma / 1e9:.0f} GFLOP/s float32"
    )
    threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
    facts = [
        ("model", f"{name}, {checkpoint.n_parameters / 1e6:.0f} M parameters, {formats}"),
        ("machine", f"{host['cpu']}, {host['isa']}, {threads} {pinned}"),
        ("limits", rates),
        ("runs", f"{len(session.runs)}, of them {len(session.good)} undisturbed"),
    ]
    return facts if peer is None else [*facts, ("against", peer)]


def _cells(row: Row, has_peer: bool) -> list[str]:
    speed = row.limit is not None and row.share is not None and row.bound is not None
    cells = [row.metric.name, number(row.value), row.metric.unit]
    cells += [number(row.limit or 0), f"{row.share or 0:.0%}", _BOUNDS[row.bound or "read"]] if speed else ["", "", ""]
    if has_peer and (found := row.comparison):
        spread = f"{min(found.ratios):.2f}..{max(found.ratios):.2f}"
        cells += [number(found.theirs), f"{found.ratio:.2f}", spread, found.peer.removeprefix("llama.cpp, ")]
    return cells


def number(value: float) -> str:
    """Three digits after the point for small values, one for large ones."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"

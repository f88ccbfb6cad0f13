"""The table that `llmagentos bench` prints: rich on a terminal, lines and tabs in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from llmagentos.cli.output import printable

if TYPE_CHECKING:
    from llmagentos.bench.session import Row, Session
    from llmagentos.bench.sides import Setting
    from llmagentos.formats import Checkpoint

_BOUNDS = {"read": "memory", "compute": "products"}


def print_session(session: Session, checkpoint: Checkpoint, setting: Setting, peer: str | None) -> None:
    """Facts, the table, then notes, on standard output."""
    facts = _facts(session, checkpoint, setting, peer)
    titles = ["metric", "value", "unit", "limit", "share", "bound by"]
    if peer is not None:
        titles += ["llama.cpp", "ratio", "spread", "setting"]
    rows = [_cells(row, peer is not None) for row in session.rows]
    notes = [("note", note) for note in session.notes]
    if not sys.stdout.isatty():
        for label, text in [*facts, *notes]:
            print(f"{label}: {text}")
        print()
        for cells in [titles, *rows]:
            print("\t".join(cells))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for label, text in facts:
        console.print(f"{label}: {text}", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(
            title, justify="right" if title in ("value", "limit", "share", "llama.cpp", "ratio") else "left"
        )
    for cells in rows:
        table.add_row(*cells)
    console.print()
    console.print(table)
    for label, text in notes:
        console.print(f"{label}: {text}", style="dim", markup=False, highlight=False)


def _facts(session: Session, checkpoint: Checkpoint, setting: Setting, peer: str | None) -> list[tuple[str, str]]:
    from llmagentos.bench.host import machine

    host, limits = machine(), session.limits
    formats = ", ".join(checkpoint.weight_formats())
    pinned = "unpinned" if setting.cpus is None else f"on CPU {', '.join(map(str, setting.cpus))}"
    rates = (
        f"{limits.read / 1e9:.1f} GB/s read, {limits.dot / 1e9:.0f} Gop/s 4-bit x 8-bit, "
        f"{limits.fma / 1e9:.0f} GFLOP/s float32"
    )
    threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
    facts = [
        ("model", f"{printable(checkpoint.name)}, {checkpoint.n_parameters() / 1e6:.0f} M parameters, {formats}"),
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

"""A session as JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
from dataclasses import asdict
from typing import Any

from llmagentos.bench.host import machine
from llmagentos.bench.session import Row, Session
from llmagentos.bench.sides import OURS, Setting
from llmagentos.formats import Checkpoint


def as_json(
    session: Session, name: str, setting: Setting, checkpoint: Checkpoint, rounds: int, peer: str | None
) -> dict[str, Any]:
    """What `llmagentos bench --json` writes. Rates are per second, sizes in bytes, memory in MB of 10^6 bytes."""
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "llmagentos": importlib.metadata.version("llmagentos"),
        "peer": peer,
        "machine": machine(),
        "model": {
            "name": name,
            "file": setting.model.name,
            "architecture": checkpoint.architecture,
            "parameters": checkpoint.n_parameters,
            "bytes": checkpoint.weight_bytes,
            "weight_formats": checkpoint.bytes_per_format,
            "context_length": checkpoint.context_length,
        },
        "threads": setting.threads,
        "cpus": None if setting.cpus is None else list(setting.cpus),
        "new_tokens": setting.new_tokens,
        "repeats": rounds,
        "limits": asdict(session.limits),
        "metrics": [_metric(row, session) for row in session.rows],
        "notes": session.notes,
    }


def _metric(row: Row, session: Session) -> dict[str, Any]:
    result: dict[str, Any] = {
        "metric": row.metric.name,
        "unit": row.metric.unit,
        "higher_is_better": row.metric.higher_is_better,
        "value": row.value,
        "limit": row.limit,
        "bound": row.bound,
        "share": row.share,
        "runs": [
            {
                "side": run.side,
                "round": run.round,
                "value": run.value,
                "probes": run.probes,
                "good": run in session.good,
            }
            for run in session.runs
            if run.metric == row.metric
        ],
    }
    if row.comparison is not None:
        found = row.comparison
        result["comparison"] = {
            OURS: found.ours,
            "peer": found.theirs,
            "setting": found.peer,
            "ratio": found.ratio,
            "ratios": found.ratios,
        }
    return result

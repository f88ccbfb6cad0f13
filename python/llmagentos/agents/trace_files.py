"""Traces that `JsonlTrace` wrote, as trees."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmagentos.errors import LLMAgentOSError, shown


@dataclass(slots=True)
class TracedSpan:
    """Something that took time.

    Attributes:
        time: when it began, seconds since 1970.
        seconds: how long it took; None where it has no end: it goes on, or its process was killed.
        error: what ended it, if it did not end well.
    """

    name: str
    time: float
    attributes: dict[str, Any]
    seconds: float | None = None
    error: str | None = None
    children: list[TracedSpan] = field(default_factory=list)


def read_trace(
    path: str | os.PathLike[str], on_broken: Callable[[LLMAgentOSError], object] = lambda _: None
) -> list[TracedSpan]:
    """The runs in a file, in the order in which they began.

    Args:
        on_broken: told of each line that is none of a trace, such as one that a kill or a full disk cut; the others are
            read all the same.

    Raises:
        LLMAgentOSError: no line is one of a trace.
        OSError: the file cannot be read.
    """
    spans: dict[str, TracedSpan] = {}
    roots: list[TracedSpan] = []
    broken: list[LLMAgentOSError] = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        if not line:  # two that found a cut line have ended it
            continue
        try:
            _add(json.loads(line), spans, roots)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text = line.decode("utf-8", errors="replace")
            broken.append(LLMAgentOSError(f"{path}, line {number}: {shown(text.strip())} is no line of a trace"))
    if broken and not spans:
        raise broken[0]
    for error in broken:
        on_broken(error)
    return roots


def _add(line: Mapping[str, Any], spans: dict[str, TracedSpan], roots: list[TracedSpan]) -> None:
    if line["event"] == "start":
        span = spans[line["id"]] = TracedSpan(str(line["name"]), float(line["time"]), dict(line["attributes"]))
        parent = spans.get(line["parent"]) if line["parent"] else None
        (roots if parent is None else parent.children).append(span)
    else:
        span = spans[line["id"]]
        span.seconds, span.error = float(line["seconds"]), line["error"]
        span.attributes.update(line["attributes"])

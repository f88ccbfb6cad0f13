"""Runs as trees of spans: what began when, inside of what, how long it took, and how it ended."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

TRACE_VARIABLE = "LLMAGENTOS_TRACE"


class Span(Protocol):
    """Something that takes time. Spans know their parents, so they may end in another task than they began in."""

    def child(self, name: str, attributes: Mapping[str, Any]) -> Span:
        """Something that begins now, as a part of this."""

    def end(self, attributes: Mapping[str, Any], error: str | None = None) -> None:
        """It is over."""


class JsonlTrace:
    """Writes spans to a file, a JSON object per line, when they begin and when they end.

    What a killed process was about is in the file: spans with a beginning and no end. Any number of processes may write
    to one file. Texts of users, models and tools are among the attributes.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()

    def start(self, name: str, attributes: Mapping[str, Any]) -> Span:
        """Something that begins now, as the root of a tree."""
        return _JsonlSpan(self._write, name, None, attributes)

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, default=str)
        # One write in append mode: lines of several processes do not mix.
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


class _JsonlSpan:
    def __init__(
        self,
        write: Callable[[Mapping[str, Any]], None],
        name: str,
        parent: str | None,
        attributes: Mapping[str, Any],
    ) -> None:
        self._sink = write
        self._id = uuid.uuid4().hex[:16]
        self._began = time.monotonic()
        write(
            {
                "event": "start",
                "id": self._id,
                "parent": parent,
                "name": name,
                "time": time.time(),
                "attributes": dict(attributes),
            }
        )

    def child(self, name: str, attributes: Mapping[str, Any]) -> Span:
        return _JsonlSpan(self._sink, name, self._id, attributes)

    def end(self, attributes: Mapping[str, Any], error: str | None = None) -> None:
        seconds = round(time.monotonic() - self._began, 6)
        line = {"event": "end", "id": self._id, "seconds": seconds, "attributes": dict(attributes), "error": error}
        self._sink(line)


class OpenTelemetryTrace:
    """Hands spans to OpenTelemetry, by whatever provider the program has set up. Texts stay here; figures go.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        from opentelemetry import trace

        self._tracer = trace.get_tracer("llmagentos")

    def start(self, name: str, attributes: Mapping[str, Any]) -> Span:
        """Something that begins now, inside of the program's current span if it has one."""
        return _OpenTelemetrySpan(self._tracer, name, None, attributes)


class _OpenTelemetrySpan:
    def __init__(self, tracer: Any, name: str, parent: Any, attributes: Mapping[str, Any]) -> None:
        from opentelemetry import trace

        self._tracer = tracer
        context = None if parent is None else trace.set_span_in_context(parent)
        self._span = tracer.start_span(f"llmagentos.{name}", context=context, attributes=_figures(attributes))

    def child(self, name: str, attributes: Mapping[str, Any]) -> Span:
        return _OpenTelemetrySpan(self._tracer, name, self._span, attributes)

    def end(self, attributes: Mapping[str, Any], error: str | None = None) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attributes(_figures(attributes))
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, error.split(":")[0]))
        self._span.end()


class _SeveralSpans:
    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans

    def child(self, name: str, attributes: Mapping[str, Any]) -> Span:
        return _SeveralSpans([span.child(name, attributes) for span in self._spans])

    def end(self, attributes: Mapping[str, Any], error: str | None = None) -> None:
        for span in self._spans:
            span.end(attributes, error)


def started(path: str | os.PathLike[str] | None, name: str, attributes: Mapping[str, Any]) -> Span:
    """The root span of a run: in the file, in that of LLMAGENTOS_TRACE where there is no path, and in OpenTelemetry
    where it is installed."""
    path = path or os.environ.get(TRACE_VARIABLE)
    spans = [] if path is None else [JsonlTrace(path).start(name, attributes)]
    with suppress(ImportError):  # it is optional
        spans.append(OpenTelemetryTrace().start(name, attributes))
    return _SeveralSpans(spans)


def _figures(attributes: Mapping[str, Any]) -> dict[str, Any]:
    texts = ("text", "arguments")
    return {
        f"llmagentos.{name}": value
        for name, value in attributes.items()
        if name not in texts and isinstance(value, (str, int, float, bool))
    }

"""Runs as trees of spans: what began when, inside of what, how long it took, and how it ended."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from llmagentos.errors import InvalidRequestError

TRACE_VARIABLE = "LLMAGENTOS_TRACE"

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")


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
        self._has_written = False

    def start(self, name: str, attributes: Mapping[str, Any]) -> Span:
        """Something that begins now, as the root of a tree."""
        return _JsonlSpan(self._write, name, None, attributes)

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, default=str).encode() + b"\n"
        # One write in append mode: lines of several processes do not mix.
        with self._lock, self._path.open("ab", buffering=0) as file:
            if not self._has_written and _ends_within_a_line(self._path):
                text = b"\n" + text
            self._has_written = True
            n_written = file.write(text)
        if n_written != len(text):
            raise OSError(f"{n_written} of {len(text)} bytes were written")


def _ends_within_a_line(path: Path) -> bool:
    """Whether a process was killed, or the disk was full, while the last line of a file was written."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


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


class _RunSpan:
    """A span of a run in each of the ways in which the run is traced.

    Args:
        spans: by the ways.
        failed: ways that the run has given up.
    """

    def __init__(self, spans: Mapping[str, Span], failed: set[str]) -> None:
        self._spans, self._failed = spans, failed

    def child(self, name: str, attributes: Mapping[str, Any]) -> Span:
        begun = {way: partial(span.child, name, attributes) for way, span in self._spans.items()}
        return _RunSpan(_tried(begun, self._failed), self._failed)

    def end(self, attributes: Mapping[str, Any], error: str | None = None) -> None:
        _tried({way: partial(span.end, attributes, error) for way, span in self._spans.items()}, self._failed)


def _tried(ways: Mapping[str, Callable[[], _T]], failed: set[str]) -> dict[str, _T]:
    """What each way gives. What a run does counts more than its trace: a way that fails is told of and given up."""
    given: dict[str, _T] = {}
    for way, write in ways.items():
        if way not in failed:
            try:
                given[way] = write()
            except Exception as error:  # noqa: BLE001  (of the file system, or of whatever exports spans)
                failed.add(way)
                _LOGGER.warning("the rest of a run is missing in the trace %s: %s", way, error)
    return given


def started(path: str | os.PathLike[str] | None, name: str, attributes: Mapping[str, Any]) -> Span:
    """The root span of a run: in the file, in that of LLMAGENTOS_TRACE where there is no path, and in OpenTelemetry
    where it is installed. Its methods and those of its children raise nothing; a trace that fails is logged once.

    Raises:
        InvalidRequestError: the path leads to what is no file, such as a pipe, whose reader the run would wait for.
    """
    path = path or os.environ.get(TRACE_VARIABLE)
    ways: dict[str, Callable[[], Span]] = {}
    if path:
        if os.path.exists(path) and not os.path.isfile(path):
            raise InvalidRequestError(f"the trace {os.fspath(path)!r} is not valid: it is there, and is no file")
        ways[os.fspath(path)] = partial(JsonlTrace(path).start, name, attributes)
    with suppress(ImportError):  # it is optional
        ways["OpenTelemetry"] = partial(OpenTelemetryTrace().start, name, attributes)
    failed: set[str] = set()
    return _RunSpan(_tried(ways, failed), failed)


def _figures(attributes: Mapping[str, Any]) -> dict[str, Any]:
    texts = ("input", "text", "arguments")
    return {
        f"llmagentos.{name}": value
        for name, value in attributes.items()
        if name not in texts and isinstance(value, (str, int, float, bool))
    }

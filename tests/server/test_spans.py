"""Spans of requests for OpenTelemetry."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from llmagentos.errors import LLMAgentOSError
from llmagentos.server.config import ModelConfig, ServerConfig
from llmagentos.server.spans import exporting_provider

from .running import Running, running, until

ASK: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "whisper"}], "temperature": 0}
ASK |= {"max_tokens": 3, "ignore_eos": True}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def traced(models: dict[str, ModelConfig], exporter: InMemorySpanExporter) -> Iterator[Running]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with running(ServerConfig(models=models, otel=True), tracer_provider=provider) as server:
        yield server


def span_of(server: Running, exporter: InMemorySpanExporter, path: str, body: Any, **headers: str) -> ReadableSpan:
    exporter.clear()
    with server.client() as client:
        client.post(path, json=body, headers=headers)
    until(lambda: len(exporter.get_finished_spans()) == 1)
    return exporter.get_finished_spans()[0]


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_request_is_a_span_with_its_figures(traced: Running, exporter: InMemorySpanExporter, is_stream: bool) -> None:
    span = span_of(traced, exporter, "/v1/chat/completions", ASK | {"stream": is_stream})
    facts = dict(span.attributes or {})
    assert (span.name, span.kind) == ("POST /v1/chat/completions", SpanKind.SERVER)
    assert facts["http.route"] == "/v1/chat/completions"
    assert facts["http.response.status_code"] == 200
    assert facts["gen_ai.operation.name"] == "chat"
    assert facts["gen_ai.request.model"] == "tiny"
    assert facts["gen_ai.usage.output_tokens"] == 3
    assert isinstance(facts["gen_ai.usage.input_tokens"], int)
    assert isinstance(facts["llmagentos.time_to_first_token"], float)
    assert "whisper" not in span.to_json()


def test_a_span_is_inside_of_the_clients(traced: Running, exporter: InMemorySpanExporter) -> None:
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    span = span_of(traced, exporter, "/v1/chat/completions", ASK, traceparent=parent)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == ("ab" * 16, "cd" * 8)


def test_a_refusal_is_a_span_too(traced: Running, exporter: InMemorySpanExporter) -> None:
    span = span_of(traced, exporter, "/v1/chat/completions", ASK | {"model": "nobody"})
    assert (span.attributes or {})["http.response.status_code"] == 404
    assert span.status.status_code is StatusCode.UNSET  # the client's fault


def test_those_who_watch_are_no_spans(traced: Running, exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    with traced.client() as client:
        for path in ("/health", "/ready", "/metrics", "/"):
            client.get(path)
        client.post("/tokenize", json={"prompt": "a"})
    until(lambda: bool(exporter.get_finished_spans()))
    assert [span.name for span in exporter.get_finished_spans()] == ["POST /tokenize"]


def test_spans_go_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_address[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        provider = exporting_provider()
        provider.get_tracer("test").start_span("one").end()
        provider.shutdown()
        collector.shutdown()
    (sent,) = ExportTraceServiceRequest.FromString(bodies[0]).resource_spans
    assert sent.scope_spans[0].spans[0].name == "one"
    names = {one.key: one.value.string_value for one in sent.resource.attributes}
    assert names["service.name"] == "llmagentos"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("opentelemetry.exporter"):
            raise ImportError(name=name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(LLMAgentOSError, match=r"llmagentos\[server,trace\]"):
        exporting_provider()

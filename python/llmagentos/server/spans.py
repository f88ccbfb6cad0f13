"""Requests as spans of OpenTelemetry: which route and model, how many tokens, how long to the first. Never texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from llmagentos.errors import LLMAgentOSError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}


def exporting_provider() -> TracerProvider:
    """Sends spans by OTLP over HTTP to where OpenTelemetry's own environment variables say.

    Raises:
        LLMAgentOSError: the extra `trace` is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise LLMAgentOSError(f"traces need {error.name}: pip install 'llmagentos[server,trace]'") from None
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):  # no variable gives it another name
        resource = resource.merge(Resource({SERVICE_NAME: "llmagentos"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class RequestSpans:
    """Begins and ends a span for each request, inside of the client's where it names one (W3C's traceparent).

    Names of attributes are those of OpenTelemetry's conventions for HTTP and for generative AI, where these have one.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("llmagentos.server")

    def begin(self, scope: Scope) -> Any:
        """The span of a request that has just come."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        names = (b"traceparent", b"tracestate")
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in names}
        parent = TraceContextTextMapPropagator().extract(carrier)
        return self._tracer.start_span(scope["method"], parent, SpanKind.SERVER)

    def end(self, span: Any, route: str, scope: Scope, status: int) -> None:
        """The request is over.

        Args:
            route: its template.
            status: of HTTP; 499 where the client has left.
        """
        from opentelemetry.trace import Status, StatusCode

        state = scope["state"]
        span.update_name(f"{scope['method']} {route}")
        facts = {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "llmagentos.request_id": state["request_id"],
            "gen_ai.operation.name": _OPERATIONS.get(route),
            "gen_ai.request.model": state.get("model"),
            "llmagentos.time_to_first_token": state.get("first_token_seconds"),
            "llmagentos.total_tokens": state.get("n_tokens"),
        }
        if (usage := state.get("usage")) is not None:
            facts["gen_ai.usage.input_tokens"] = usage.prompt_tokens
            facts["gen_ai.usage.output_tokens"] = usage.completion_tokens
            facts["llmagentos.cached_tokens"] = usage.cached_tokens
        span.set_attributes({name: value for name, value in facts.items() if value is not None})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

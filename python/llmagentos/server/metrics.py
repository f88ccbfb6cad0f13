"""What Prometheus may ask: counters and latencies of requests and of the engines."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from llmagentos.completion import Usage
    from llmagentos.engine.statistics import EngineStats, Event

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """All metrics of a server.

    Args:
        stats: statistics of the loaded models, by name, when they are asked for.
    """

    def __init__(self, stats: Callable[[], Mapping[str, EngineStats]]) -> None:
        self._registry = CollectorRegistry()
        self.in_flight = Gauge("llmagentos_http_requests_in_flight", "Requests under way.", registry=self._registry)
        self._requests = Counter(
            "llmagentos_http_requests", "Requests, by route and status.", ["route", "status"], registry=self._registry
        )
        self._durations = self._histogram("http_request", "From a request's headers to its end.", ["route"], _SECONDS)
        self._queue = self._histogram("queue", "From a request's arrival to its first step.", ["model"], _SECONDS)
        self._first = self._histogram(
            "time_to_first_token", "From a request's arrival to its first token.", ["model"], _SECONDS
        )
        self._between = self._histogram(
            "inter_token", "Between two tokens of a request, on its average.", ["model"], _TOKEN_SECONDS
        )
        self._service_tokens = Counter(
            "llmagentos_service_tokens",
            "Tokens of services, as they count them.",
            ["model", "kind"],
            registry=self._registry,
        )
        self._engines = _EngineCollector(stats)
        self._registry.register(self._engines)

    def _histogram(self, name: str, text: str, labels: list[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"llmagentos_{name}_seconds", text, labels, buckets=buckets, registry=self._registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request has ended."""
        self._requests.labels(route, str(status)).inc()
        self._durations.labels(route).observe(seconds)

    def service_call(self, model: str, usage: Usage, first_token: float | None) -> None:
        """A call to a service has ended; first_token is in seconds, and None where nothing was streamed."""
        self._service_tokens.labels(model, "prompt").inc(usage.prompt_tokens)
        self._service_tokens.labels(model, "generated").inc(usage.completion_tokens)
        if first_token is not None:
            self._first.labels(model).observe(first_token)

    def keep(self, model: str, stats: EngineStats) -> None:
        """A model is unloaded: what it has counted goes on from there when it is loaded again."""
        self._engines.kept.setdefault(model, collections.Counter()).update(_totals(stats))

    def observer(self, model: str) -> Callable[[Event], None]:
        """What a model's events go to; called by the thread that runs its steps."""
        queue, first, between = (one.labels(model) for one in (self._queue, self._first, self._between))
        arrived: dict[int, float] = {}
        begun: dict[int, float] = {}

        def observe(event: Event) -> None:
            if event.kind == "queued":
                arrived[event.request] = event.time
            elif event.kind == "started" and event.n_output == 0 and event.request in arrived:
                queue.observe(event.time - arrived[event.request])
            elif event.kind == "first_token":
                begun[event.request] = event.time
                if event.request in arrived:
                    first.observe(event.time - arrived[event.request])
            elif event.kind == "ended":
                arrived.pop(event.request, None)
                at = begun.pop(event.request, None)
                if at is not None and event.n_output > 1:
                    between.observe((event.time - at) / (event.n_output - 1))

        return observe

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


_GAUGES = {
    "requests_waiting": ("Requests in the queue.", "n_waiting"),
    "requests_running": ("Requests under way.", "n_running"),
    "kv_blocks": ("Blocks of the KV cache.", "n_blocks"),
    "kv_blocks_used": ("Blocks owned by running requests.", "n_blocks_used"),
    "kv_blocks_cached": ("Blocks kept for reuse.", "n_blocks_cached"),
    "tokens_per_second": ("Tokens generated in the last ten seconds.", "tokens_per_second"),
}
_COUNTERS = {
    "steps": ("Steps run.", "n_steps"),
    "preemptions": ("Running requests put back into the queue.", "n_preemptions"),
    "prompt_tokens": ("Tokens of prompts.", "prompt_tokens"),
    "prompt_tokens_cached": ("Tokens of prompts found in the prefix cache.", "cached_tokens"),
    "computed_tokens": ("Tokens that the model ran on.", "computed_tokens"),
    "generated_tokens": ("Tokens generated.", "generated_tokens"),
    "drafted_tokens": ("Tokens guessed ahead.", "drafted_tokens"),
    "accepted_tokens": ("Guesses that were right.", "accepted_tokens"),
}


# By metric and reason, which is "" but for requests that ended.
Totals: TypeAlias = "collections.Counter[tuple[str, str]]"


def _totals(stats: EngineStats) -> Totals:
    totals = collections.Counter({(name, ""): getattr(stats, field) for name, (_, field) in _COUNTERS.items()})
    totals.update({("requests_ended", reason): n for reason, n in stats.ended.items()})
    return totals


class _EngineCollector(Collector):
    """Statistics that the engines keep anyway, read when they are asked for.

    Attributes:
        kept: what was counted by models that are unloaded since.
    """

    def __init__(self, stats: Callable[[], Mapping[str, EngineStats]]) -> None:
        self._stats = stats
        self.kept: dict[str, Totals] = {}

    def collect(self) -> Iterable[Metric]:
        models = self._stats()
        for name, (text, field) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"llmagentos_{name}", text, labels=["model"])
            for model, stats in models.items():
                gauge.add_metric([model], getattr(stats, field))
            yield gauge
        totals = {model: self.kept.get(model, collections.Counter()).copy() for model in [*self.kept, *models]}
        for model, stats in models.items():
            totals[model].update(_totals(stats))
        for name, (text, _) in _COUNTERS.items():
            counter = CounterMetricFamily(f"llmagentos_{name}", text, labels=["model"])
            for model, counted in totals.items():
                counter.add_metric([model], counted[name, ""])
            yield counter
        ended = CounterMetricFamily(
            "llmagentos_requests_ended", "Requests by how they ended.", labels=["model", "reason"]
        )
        for model, counted in totals.items():
            for (_, reason), n in counted.items():
                if reason:
                    ended.add_metric([model, reason], n)
        yield ended

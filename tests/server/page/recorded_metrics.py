"""A server's metrics in Prometheus' text format."""

from __future__ import annotations


def metrics(generated: int, running: int, model: str = "small") -> str:
    label = f'{{model="{model}"}}'
    buckets = {"0.1": generated // 2, "0.2": generated, "+Inf": generated}
    lines = [
        "# HELP llmagentos_generated_tokens_total Tokens generated.",
        "# TYPE llmagentos_generated_tokens_total counter",
        f"llmagentos_generated_tokens_total{label} {generated}.0",
        f"llmagentos_requests_running{label} {running}.0",
        f"llmagentos_requests_waiting{label} 0.0",
        *(
            f'llmagentos_inter_token_seconds_bucket{{le="{bound}",model="{model}"}} {count}.0'
            for bound, count in buckets.items()
        ),
        f'llmagentos_http_requests_total{{route="/v1/x",status="200"}} {generated // 10}.0',
    ]
    return "\n".join(lines) + "\n"

"""The ways to run one prompt that must not change its logits: options of logits_of."""

from __future__ import annotations

from typing import Any

SPLITS: dict[str, dict[str, Any]] = {
    "alone": {"chunk": 512},
    "in chunks of 1": {"chunk": 1},
    "in chunks of 13": {"chunk": 13},
    "in chunks of 128": {"chunk": 128},
    "on 2 threads": {"threads": 2},
    "on 3 threads": {"threads": 3},
    "beside 7 others": {"companions": 7},
    "beside 7 others, in chunks of 13, on 2 threads": {"companions": 7, "chunk": 13, "threads": 2},
    "aside, beside 2 others, in chunks of 128, on 2 threads": {
        "aside": True,
        "companions": 2,
        "chunk": 128,
        "threads": 2,
    },
}
REPEATED_TOKENS = 200


def repeated_kv_dtypes(name: str) -> tuple[str, ...]:
    """The caches that a tiny model is repeated with: f16, and int8 for one of each architecture."""
    return ("f16", "int8") if name in ("llama_q4_1", "gemma3_q8_0") else ("f16",)

"""Decoders that were saved without their head, as embedding models are."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import Case

from . import gemma3n, gpt2, granite, llama, opt


def _headless(family: str, config: dict[str, Any], checks: str, config_class: str = "", **options: Any) -> Case:
    name = f"{family.lower()}-without-head"
    return Case(name, f"{family}Model", config_class or f"{family}Config", config, checks, kind="encoder", **options)


CASES = [
    _headless("Mistral", llama.SMALL | {"sliding_window": 24}, "a window in all layers"),
    _headless("Qwen3", llama.SMALL, "norms of q and k", dtype="float32"),
    _headless("GPT2", gpt2.SMALL, "learned positions"),
    _headless(
        "OPT", opt.SMALL | {"do_layer_norm_before": False, "word_embed_proj_dim": 16}, "vectors of another width"
    ),
    _headless("Gemma2", llama.SMALL | {"sliding_window": 24}, "no bound on vectors"),
    _headless(
        "Gemma3Text",
        {key: value for key, value in llama.SMALL.items() if key != "num_hidden_layers"}
        | {"num_hidden_layers": 2, "sliding_window": 24},
        "no bound on vectors",
    ),
    _headless("Gemma3nText", gemma3n.GEMMA3N, "no bound on vectors"),
    _headless("Granite", llama.SMALL | granite.MULTIPLIERS, "vectors are not scaled as logits are"),
]

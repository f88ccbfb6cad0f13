"""Both real models on the first tokens of the oracle's text, with the fastest kernels here; the full comparison is
tests/acceptance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmagentos.market import resolve

from .logits import logits_of

pytestmark = pytest.mark.model

ORACLES = Path(__file__).parents[1] / "oracles" / "models"
N_TOKENS = 640  # past Gemma's sliding window of 512


@pytest.mark.parametrize(("oracle", "model"), [("smollm2", "smollm2-135m-instruct"), ("gemma3", "gemma-3-270m")])
def test_the_first_640_tokens_agree_with_transformers(oracle: str, model: str) -> None:
    with np.load(ORACLES / f"{oracle}.npz") as stored:
        expected = {name: stored[name] for name in stored.files}
    ids = expected["token_ids"][0, :N_TOKENS]
    logits = logits_of(resolve(model), ids, chunk=128, threads=2, kv_dtype="f16")
    peak = logits.max(axis=1)
    logsumexp = peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1, dtype=np.float64))

    agree = logits.argmax(axis=1) == expected["argmax"][0, :N_TOKENS]
    assert agree.mean() >= 0.95
    chosen = logits[np.arange(N_TOKENS - 1), ids[1:]] - logsumexp[:-1]
    ratio = np.exp(float(expected["next_logprob"][0, : N_TOKENS - 1].mean() - chosen.mean()))
    assert abs(ratio - 1) < 0.01  # perplexity; 0.3 % over the whole text

    divergences = []
    for (window, row), top_ids, top_logits in zip(
        expected["sample_positions"], expected["top_ids"], expected["top_logits"], strict=True
    ):
        if window == 0 and row < N_TOKENS:  # KL over the reference's 256 likeliest tokens and the rest as one
            p_log = top_logits - expected["logsumexp"][0, row]
            q_log = logits[row, top_ids] - logsumexp[row]
            p_rest, q_rest = max(1e-12, 1 - np.exp(p_log).sum()), max(1e-12, 1 - np.exp(q_log).sum())
            divergences.append((np.exp(p_log) * (p_log - q_log)).sum() + p_rest * np.log(p_rest / q_rest))
    assert len(divergences) > 20
    assert np.mean(divergences) < 1e-2

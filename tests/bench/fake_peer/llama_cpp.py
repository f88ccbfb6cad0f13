"""As much of llama-cpp-python as peer_llamacpp.py calls: it checks batches and computes nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__version__ = "0.0.fake"
N_VOCAB = 300


def llama_print_system_info() -> bytes:
    return b"CPU : SSE3 = 0 | AVX2 = 1 | AMX_INT8 = 1 | "


def llama_log_callback(function: Any) -> Any:
    return function


def llama_model_load_from_file(path: bytes, params: Any) -> Any:
    return None if b"missing" in path else SimpleNamespace()


def llama_context_default_params() -> Any:
    return SimpleNamespace()


def llama_init_from_model(model: Any, params: Any) -> Any:
    assert params.n_threads == params.n_threads_batch == 1
    assert params.flash_attn_type in (0, 1)
    return SimpleNamespace(lengths=[0] * params.n_seq_max, most=params.n_ctx // params.n_seq_max)


def llama_batch_init(n: int, embd: int, n_seq_max: int) -> Any:
    batch = SimpleNamespace(n_tokens=0, seq_id=[[0] for _ in range(n)])
    for name in ("token", "pos", "n_seq_id", "logits"):
        setattr(batch, name, [0] * n)
    return batch


def llama_decode(context: Any, batch: Any) -> int:
    for i in range(batch.n_tokens):
        sequence = batch.seq_id[i][0]
        assert 0 <= batch.token[i] < N_VOCAB
        assert batch.pos[i] == context.lengths[sequence]
        context.lengths[sequence] += 1
    assert max(context.lengths) <= context.most
    return 0


def llama_memory_clear(context: Any, data: bool) -> None:
    context.lengths = [0] * len(context.lengths)


def llama_vocab_n_tokens(vocab: Any) -> int:
    return N_VOCAB


def llama_get_memory(context: Any) -> Any:
    return context


def _nothing(*_: Any) -> None:
    return None


llama_log_set = llama_backend_init = llama_model_default_params = llama_model_get_vocab = _nothing
llama_free = llama_batch_free = llama_synchronize = _nothing
llama_sampler_init_greedy = llama_sampler_sample = _nothing

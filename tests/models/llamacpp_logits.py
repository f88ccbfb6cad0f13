"""llama.cpp's logits of a GGUF file; a program that needs llama-cpp-python and numpy, and nothing of this package.

    python llamacpp_logits.py MODEL.gguf TOKENS.npy N OUT.npz

`logits` [n, vocab] of the tokens, then `greedy` [N], the ids that follow most likely. With N = 0 `embedding` [n, width]
stands in place of both: the rows of a model that makes vectors.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as api

F32 = 0  # ggml's number of the type
UNPOOLED = 0


@api.llama_log_callback
def log(_: int, text: bytes, __: Any) -> None:
    sys.stderr.write(text.decode())


def open_context(path: Path, n_tokens: int, *, embeds: bool) -> Any:
    api.llama_backend_init()
    api.llama_log_set(log, None)
    model = api.llama_model_load_from_file(str(path).encode(), api.llama_model_default_params())
    if not model:
        raise SystemExit(f"llama.cpp cannot load {path}")
    params = api.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = n_tokens
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = F32
    params.flash_attn_type = 0
    params.embeddings = embeds
    if embeds:
        params.pooling_type = UNPOOLED
    context = api.llama_init_from_model(model, params)
    if not context:
        raise SystemExit(f"llama.cpp cannot run {path}")
    return model, context


def run(context: Any, ids: np.ndarray, first: int) -> None:
    batch = api.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids):
        batch.token[i] = int(token)
        batch.pos[i] = first + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = 1
    if api.llama_decode(context, batch) != 0:
        raise SystemExit("llama_decode failed")
    api.llama_batch_free(batch)


def main() -> None:
    path, ids, n_new, out = Path(sys.argv[1]), np.load(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    model, context = open_context(path, len(ids) + n_new, embeds=n_new == 0)
    run(context, ids, 0)
    if n_new == 0:
        width = api.llama_model_n_embd(model)
        rows = [np.ctypeslib.as_array(api.llama_get_embeddings_ith(context, i), (width,)) for i in range(len(ids))]
        np.savez(out, embedding=np.stack(rows))
        return
    n_vocab = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
    logits = np.ctypeslib.as_array(api.llama_get_logits(context), shape=(len(ids), n_vocab)).copy()
    last, greedy = logits[-1], list[int]()
    for step in range(n_new):
        greedy.append(int(last.argmax()))
        run(context, np.array(greedy[-1:]), len(ids) + step)
        last = np.ctypeslib.as_array(api.llama_get_logits(context), shape=(n_vocab,))
    np.savez(out, logits=logits, greedy=np.array(greedy))


if __name__ == "__main__":
    main()

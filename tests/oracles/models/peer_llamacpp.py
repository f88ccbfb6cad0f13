"""llama.cpp's part of the oracles of the real models; needs llama-cpp-python and numpy.

    python peer_llamacpp.py tokenize   MODEL.gguf --out TOKENS.npz
    python peer_llamacpp.py divergence MODEL.gguf --reference FOLDER --out NAME.llamacpp.json

`tokenize` writes the ids of text.txt and prompts.txt (vocabulary only, special tokens parsed). `divergence` runs
the model over the windows of FOLDER, as written by make_real.py, and records its distance to the reference.
"""

from __future__ import annotations

import argparse
import ctypes
import json
from pathlib import Path

import llama_cpp
import numpy as np
from divergence import Divergence
from llama_cpp import llama_cpp as api
from reference import Reference

HERE = Path(__file__).parent
BATCH = 512
THREADS = 2


def load_model(path: Path, *, vocab_only: bool) -> object:
    api.llama_backend_init()
    params = api.llama_model_default_params()
    params.vocab_only = vocab_only
    model = api.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise SystemExit(f"llama.cpp cannot load {path}")
    return model


def tokenize(model: object, text: str) -> np.ndarray:
    vocab = api.llama_model_get_vocab(model)
    raw = text.encode()
    ids = (ctypes.c_int32 * (len(raw) + 8))()
    n = api.llama_tokenize(vocab, raw, len(raw), ids, len(ids), True, True)
    if n < 0:
        raise SystemExit("llama.cpp needs more room for the ids than the text has bytes")
    return np.array(ids[:n], dtype=np.int32)


def write_tokens(path: Path, out: Path) -> None:
    model = load_model(path, vocab_only=True)
    prompts = [json.loads(line) for line in (HERE / "prompts.txt").read_text().splitlines()]
    arrays = {f"prompt{i}": tokenize(model, prompt) for i, prompt in enumerate(prompts)}
    vocab = api.llama_model_get_vocab(model)
    bos = api.llama_vocab_bos(vocab) if api.llama_vocab_get_add_bos(vocab) else -1
    text = tokenize(model, (HERE / "text.txt").read_text())
    np.savez_compressed(out, text=text, bos=bos, n_prompts=len(prompts), **arrays)


def window_logits(model: object, vocab_size: int, ids: np.ndarray):  # type: ignore[no-untyped-def]
    """Yields (first row, logits [n, vocab]) of one window, in batches of 512, every other setting at its default."""
    params = api.llama_context_default_params()
    params.n_ctx = len(ids)
    params.n_batch = BATCH
    params.n_threads = params.n_threads_batch = THREADS
    context = api.llama_init_from_model(model, params)
    batch = api.llama_batch_init(BATCH, 0, 1)
    for start in range(0, len(ids), BATCH):
        piece = ids[start : start + BATCH]
        batch.n_tokens = len(piece)
        for i, token in enumerate(piece):
            batch.token[i] = int(token)
            batch.pos[i] = start + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = 1
        if api.llama_decode(context, batch) != 0:
            raise SystemExit("llama_decode failed")
        rows = np.ctypeslib.as_array(api.llama_get_logits(context), shape=(len(piece), vocab_size))
        yield start, rows
    api.llama_batch_free(batch)
    api.llama_free(context)


def write_divergence(path: Path, folder: Path, out: Path) -> None:
    reference = Reference(folder)
    model = load_model(path, vocab_only=False)
    total = Divergence()
    for window in range(reference.n_windows):
        for start, rows in window_logits(model, reference.vocab_size, reference.token_ids[window]):
            for at in range(0, len(rows), 64):
                first, last = start + at, start + min(at + 64, len(rows))
                following = reference.next_ids(window, first, last)
                total.add(reference.logits(window, first, last), rows[at : at + 64], following)
        print(f"window {window}: {total.summary()}", flush=True)
    settings = {"threads": THREADS, "n_batch": BATCH, "kv": "f16", "flash_attention": "auto"}
    record = {"peer": f"llama.cpp (llama-cpp-python {llama_cpp.__version__})", "settings": settings, **total.summary()}
    out.write_text(json.dumps(record, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["tokenize", "divergence"])
    parser.add_argument("model", type=Path)
    parser.add_argument("--reference", type=Path, help="the folder written by make_real.py")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.action == "tokenize":
        write_tokens(arguments.model, arguments.out)
    else:
        write_divergence(arguments.model, arguments.reference, arguments.out)


if __name__ == "__main__":
    main()

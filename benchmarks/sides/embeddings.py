"""Texts per second of one side. usage: embeddings.py SIDE MODEL THREADS KIND N [--repeats N]

SIDE is ours, sentence-transformers or onnxruntime; MODEL is a folder, which for onnxruntime holds model.onnx
(benchmarks/convert_to_onnx.py). Each side gets the texts as strings, and times tokenising them as well.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = (
    "harbour,morning,boat,gulls,water,noon,catch,quay,cook,family,town,afternoon,net,stone,child,shell,lighthouse,pier,"
    "lamp,oil,year,grid,museum,room,gallery,island,the,a,of,and,in,to,was,is,over,under,with,old,new,clear,bright"
)
PEER_BATCH = 32  # sentence-transformers' own


def sentences(n: int) -> list[str]:
    """Of 4 to 60 words, most of them short."""
    random_words = random.Random(7)
    return [
        " ".join(random_words.choices(WORDS.split(","), k=round(4 * 15 ** random_words.random()))) for _ in range(n)
    ]


def ours(model: str, threads: int) -> Callable[[list[str]], Any]:
    from llmagentos import LLM

    return LLM(model, threads=threads).embed


def sentence_transformers(model: str, threads: int) -> Callable[[list[str]], Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(model, device="cpu")
    return lambda texts: encoder.encode(texts, batch_size=PEER_BATCH)


def onnxruntime(model: str, threads: int) -> Callable[[list[str]], Any]:
    """Batches of texts of about one length, mean pooling and normalisation, as sentence-transformers does it."""
    import numpy as np
    import onnxruntime as runtime
    from tokenizers import Tokenizer

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(str(Path(model) / "model.onnx"), options)
    tokenizer = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding()

    def embed(texts: list[str]) -> Any:
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        pooled = {}
        for begin in range(0, len(texts), PEER_BATCH):
            indices = order[begin : begin + PEER_BATCH]
            encodings = tokenizer.encode_batch([texts[i] for i in indices])
            ids = np.array([encoding.ids for encoding in encodings], np.int64)
            mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
            given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            rows = session.run(None, given)[0]
            means = (rows * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            pooled |= dict(zip(indices, means / np.linalg.norm(means, axis=1, keepdims=True), strict=True))
        return np.stack([pooled[i] for i in range(len(texts))])

    return embed


SIDES = {"ours": ours, "sentence-transformers": sentence_transformers, "onnxruntime": onnxruntime}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("model")
    parser.add_argument("threads", type=int)
    parser.add_argument("kind", choices=["embed"])
    parser.add_argument("n", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    embed, texts = SIDES[options.side](options.model, options.threads), sentences(options.n)
    embed(texts)

    def measure() -> float:
        began = time.perf_counter()
        embed(texts)
        return len(texts) / (time.perf_counter() - began)

    print(json.dumps({"value": statistics.median(measure() for _ in range(options.repeats))}))


if __name__ == "__main__":
    main()

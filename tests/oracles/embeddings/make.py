"""What sentence-transformers makes of some texts with all-MiniLM-L6-v2, in float32.

    python tests/oracles/embeddings/make.py FOLDER

FOLDER is the model's (`llmagentos pull all-minilm-l6-v2` prints it). Needs sentence-transformers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

TEXTS = Path(__file__).with_name("texts.txt")


def main() -> None:
    model = SentenceTransformer(sys.argv[1], device="cpu")
    texts = TEXTS.read_text(encoding="utf-8").split("\n")
    vectors = model.encode(texts, batch_size=4)
    lengths = np.array([len(model.tokenizer(text, truncation=True, max_length=256)["input_ids"]) for text in texts])
    np.savez_compressed(Path(__file__).with_name("all-minilm-l6-v2.npz"), vectors=vectors, lengths=lengths)


if __name__ == "__main__":
    main()

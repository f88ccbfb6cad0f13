"""Records the token ids of llama.cpp, and of transformers for Gemma, on the lines of lines.py.

    python tests/oracles/tokenize/make_oracles.py llama.cpp SMOLLM2.gguf GEMMA.gguf      (with llama-cpp-python)
    python tests/oracles/tokenize/make_oracles.py transformers GEMMA.gguf                (with transformers, gguf)
    python tests/oracles/tokenize/make_oracles.py splitting SMOLLM2.gguf                 (with llama-cpp-python, gguf)

Each writes .json.gz files beside this script: {"source": ..., "ids": [[...] per line], ...}. `splitting` gives the
SmolLM2 vocabulary other values of tokenizer.ggml.pre and records what llama.cpp then does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lines import make_lines

HERE = Path(__file__).parent
PRE_NAMES = [
    "default", "gpt-2", "starcoder", "falcon", "llama-bpe", "dbrx", "qwen2", "qwen35", "seed-coder", "bailingmoe",
    "minicpm5", "deepseek-v3", "deepseek-llm", "deepseek-coder", "poro-chat", "viking", "tekken", "gpt-4o",
]  # fmt: skip


def write(name: str, record: dict[str, Any]) -> None:
    data = json.dumps({"lines_sha256": lines_digest(), **record}, separators=(",", ":")).encode()
    (HERE / f"{name}.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


def lines_digest() -> str:
    return hashlib.sha256("\0".join(make_lines()).encode()).hexdigest()


def load_llama(path: str) -> Any:
    from llama_cpp import Llama

    return Llama(model_path=path, vocab_only=True, verbose=False)


def llama_ids(model: Any) -> list[list[int]]:
    return [model.tokenize(line.encode(), add_bos=False, special=True) for line in make_lines()]


def record_llama(name: str, path: str) -> None:
    import llama_cpp

    model = load_llama(path)
    vocab = llama_cpp.llama_model_get_vocab(model.model)
    n_vocab = llama_cpp.llama_vocab_n_tokens(vocab)
    write(
        name,
        {
            "source": f"llama-cpp-python {version('llama-cpp-python')}",
            "ids": llama_ids(model),
            "plain_ids": [model.tokenize(line.encode(), add_bos=False, special=False) for line in make_lines()[::10]],
            "with_specials": [
                model.tokenize(line.encode(), add_bos=True, special=True) for line in make_lines()[::100]
            ],
            "end_ids": [i for i in range(n_vocab) if llama_cpp.llama_vocab_is_eog(vocab, i)],
        },
    )


def record_transformers(path: str) -> None:
    from transformers import AutoTokenizer

    file = Path(path)
    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
    ids = [tokenizer(line, add_special_tokens=False)["input_ids"] for line in make_lines()]
    write("gemma3-transformers", {"source": f"transformers {version('transformers')}", "ids": ids})


def record_splitting(path: str) -> None:
    """One digest per line keeps the file small: 8 hex digits of the SHA-256 of the ids as JSON."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    fields = []
    for key, field in GGUFReader(path).fields.items():
        if not key.startswith("GGUF.") and key not in ("general.architecture", "tokenizer.ggml.pre"):
            sub_type = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            fields.append((key, field.contents(), field.types[0], sub_type))
    record: dict[str, Any] = {"source": f"llama-cpp-python {version('llama-cpp-python')}", "digests": {}}
    for pre in PRE_NAMES:
        with tempfile.TemporaryDirectory() as folder:
            target = str(Path(folder) / "vocabulary.gguf")
            writer = GGUFWriter(target, "llama")
            for field in fields:
                writer.add_key_value(*field)
            writer.add_string("tokenizer.ggml.pre", pre)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.close()
            record["digests"][pre] = "".join(ids_digest(ids) for ids in llama_ids(load_llama(target)))
    write("splitting", record)


def ids_digest(ids: list[int]) -> str:
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:8]


if __name__ == "__main__":
    what, paths = sys.argv[1], sys.argv[2:]
    if what == "llama.cpp":
        record_llama("smollm2-llamacpp", paths[0])
        record_llama("gemma3-llamacpp", paths[1])
    elif what == "transformers":
        record_transformers(paths[0])
    elif what == "splitting":
        record_splitting(paths[0])
    else:
        raise SystemExit(f"unknown oracle {what!r}: llama.cpp, transformers or splitting")

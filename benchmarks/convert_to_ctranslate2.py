"""A GGUF model of the Llama family as CTranslate2 reads it, in int8, from the same dequantised weights.

usage: python benchmarks/convert_to_ctranslate2.py MODEL.gguf FOLDER

Needs ctranslate2, torch, transformers and gguf; weights come through tests/oracles/models/gguf_to_transformers.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import gguf
from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "oracles" / "models"))
import gguf_to_transformers


def texts(reader: gguf.GGUFReader, key: str) -> list[str]:
    field = reader.fields[f"tokenizer.ggml.{key}"]
    return [bytes(field.parts[i]).decode() for i in field.data]


def save_tokenizer(reader: gguf.GGUFReader, folder: Path) -> None:
    """The vocabulary in the file's order; how it splits text does not matter to what is timed."""
    tokens = texts(reader, "tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in texts(reader, "merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = {
        f"{name}_token": tokens[int(reader.fields[f"tokenizer.ggml.{key}_token_id"].contents())]
        for name, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"))
    }
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gguf_to_transformers.load(arguments.model).save_pretrained(folder)
        save_tokenizer(gguf.GGUFReader(arguments.model), Path(folder))
        TransformersConverter(folder).convert(str(arguments.folder), quantization="int8", force=True)


if __name__ == "__main__":
    main()

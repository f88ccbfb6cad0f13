"""The tiny encoders of tests/oracles/families with a tokenizer of word pieces, and sentence-transformers' files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

DATA = Path(__file__).parent / "oracles" / "families" / "data"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = "the,a,cat,dog,sits,runs,on,in,mat,park,bread,is,baked,oven,what,where,who,does,do,they,eat,fast,slow"
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
PIECES = [
    *SPECIAL,
    *dict.fromkeys([*WORDS.split(","), *LETTERS, "?", ".", "##s", "##ed", "##ing", *(f"##{c}" for c in LETTERS)]),
]
CLS, SEP = 2, 3


def encoder_folder(
    to: Path,
    case: str = "bert-plain",
    *,
    modules: Sequence[str] = (),
    pooling: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    max_length: int | None = None,
    tokenizer: bool = True,
    **fields: Any,
) -> Path:
    """A case's model in the folder `to`, with these of sentence-transformers' modules behind it."""
    to.mkdir(parents=True, exist_ok=True)
    config = json.loads((DATA / case / "config.json").read_text()) | fields
    (to / "config.json").write_text(json.dumps(config))
    (to / "model.safetensors").symlink_to(DATA / case / "model.safetensors")
    if tokenizer:
        save_tokenizer(to / "tokenizer.json", config["vocab_size"])
    if modules:
        entries = [
            {"type": f"sentence_transformers.models.{kind}", "path": "" if i == 0 else f"{i}_{kind}"}
            for i, kind in enumerate(modules)
        ]
        (to / "modules.json").write_text(json.dumps(entries))
        (to / "1_Pooling").mkdir()
        (to / "1_Pooling" / "config.json").write_text(json.dumps(pooling or {"pooling_mode_mean_tokens": True}))
    if settings is not None:
        (to / "config_sentence_transformers.json").write_text(json.dumps(settings))
    if max_length is not None:
        (to / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_length}))
    return to


def save_tokenizer(path: Path, n_vocab: int) -> None:
    """Word pieces as BERT has them, the first `n_vocab` of PIECES."""
    tokenizer = Tokenizer(WordPiece({piece: id for id, piece in enumerate(PIECES[:n_vocab])}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    # As some models' files have it: what their makers cut and padded texts to must not matter.
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(path))

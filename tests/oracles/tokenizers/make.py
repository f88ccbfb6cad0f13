"""Makes small folders of every kind of tokenizer, and records what transformers does with them.

    python tests/oracles/tokenizers/make.py          (with transformers, tokenizers and sentencepiece)

Each folder beside this script gets its tokenizer's files and expected.json.gz: lines of text with the ids that
AutoTokenizer gives them, with special tokens and without, and the text that it makes of the ids.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tokenize"))

from lines import CODE, EMOJI, MARKS, PROSE, SCRIPTS, make_lines  # noqa: E402

N_LINES = 240
TEXT = [*PROSE, *CODE, *SCRIPTS, *EMOJI, *MARKS]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def chosen_lines() -> list[str]:
    lines = make_lines()
    own = [
        "Hello <|im_start|>user\n hi<|im_end|>",
        " <s> a </s>",
        "[CLS] x [SEP][MASK] y",
        "<extra_id_3> <mask>",
        "a  b",
    ]
    return own + lines[:: len(lines) // (N_LINES - len(own))]


def byte_level(folder: Path) -> None:
    """tokenizer.json in the manner of Llama 3: a splitting expression, BOS by a template, chat tokens."""
    made = Tokenizer(models.BPE())
    splitting = r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(splitting), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    train(made, trainers.BpeTrainer, vocab_size=500, special_tokens=special)
    made.add_tokens(["<tool>", "ünïcode"])
    made.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 0)]),
        ]
    )
    save(folder, made, bos_token="<s>", eos_token="<|im_end|>", chat_template=CHAT_TEMPLATE)


def train(made: Tokenizer, trainer: Callable[..., Any], **options: Any) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet() if trainer is trainers.BpeTrainer else []
    made.train_from_iterator(TEXT, trainer(initial_alphabet=alphabet, show_progress=False, **options))


def save(folder: Path, made: Tokenizer, **roles: Any) -> None:
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, **roles).save_pretrained(folder)


KINDS: dict[str, Callable[[Path], None]] = {
    "byte_level": byte_level,
}


def record(folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    lines = chosen_lines()
    ids = [tokenizer(line)["input_ids"] for line in lines]
    plain = [tokenizer(line, add_special_tokens=False)["input_ids"] for line in lines]
    decoded = [tokenizer.decode(one, clean_up_tokenization_spaces=False) for one in plain]
    pair = tokenizer("How are you?", "Fine, thanks.", return_token_type_ids=True)
    expected = {
        "source": f"transformers {transformers.__version__}, {type(tokenizer).__name__}",
        "lines": lines,
        "ids": ids,
        "plain": plain,
        "decoded": decoded,
        "pair": [pair["input_ids"], pair["token_type_ids"]],
        "roles": {name: getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad", "unk")},
        "n_vocab": len(tokenizer),
    }
    data = json.dumps(expected, separators=(",", ":")).encode()
    (folder / "expected.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


def main() -> None:
    for kind in sys.argv[1:] or KINDS:
        folder = HERE / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        KINDS[kind](folder)
        record(folder)


if __name__ == "__main__":
    main()

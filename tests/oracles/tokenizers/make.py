"""Makes small folders of every kind of tokenizer, and records what transformers does with them.

    python tests/oracles/tokenizers/make.py          (with transformers, tokenizers and sentencepiece)

Each folder beside this script gets its tokenizer's files and expected.json.gz: lines of text with the ids that
AutoTokenizer gives them, with special tokens and without, and the text that it makes of the ids.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tokenize"))

from lines import CODE, EMOJI, MARKS, PROSE, SCRIPTS, make_lines  # noqa: E402

N_LINES = 240
TEXT = [*PROSE, *CODE, *SCRIPTS, *EMOJI, *MARKS]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


OWN = [
    "Hello <|im_start|>user\n hi<|im_end|>",
    "<s> a </s>b<unk>",
    "[CLS] x [SEP][MASK] y",
    "<extra_id_3> <mask> z",
    "a  b",
]


def chosen_lines() -> list[str]:
    lines = make_lines()
    return OWN + lines[:: len(lines) // N_LINES]


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


def word_piece_json(folder: Path) -> None:
    """tokenizer.json of BERT's kind."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    train(made, trainers.WordPieceTrainer, vocab_size=600, special_tokens=BERT)
    made.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]",
        "[CLS] $A [SEP] $B:1 [SEP]:1",
        [(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    roles = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    save(folder, made, mask_token="[MASK]", **roles)


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bert(folder: Path) -> None:
    """vocab.txt."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    train(made, trainers.WordPieceTrainer, vocab_size=600, special_tokens=BERT)
    made.model.save(str(folder))
    settings(folder, "BertTokenizer", do_lower_case=True)


def byte_level_files(folder: Path, special: list[str], tokenizer_class: str, **values: Any) -> None:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train(made, trainers.BpeTrainer, vocab_size=500, special_tokens=special)
    made.model.save(str(folder))
    settings(folder, tokenizer_class, **values)


def gpt2(folder: Path) -> None:
    byte_level_files(folder, ["<|endoftext|>"], "GPT2Tokenizer")


def roberta(folder: Path) -> None:
    byte_level_files(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "RobertaTokenizer")


def qwen2(folder: Path) -> None:
    added = {"500": {"content": "<|im_start|>", "special": True}, "501": {"content": "<|im_end|>", "special": True}}
    flags = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    decoder = {id: {**token, **flags} for id, token in added.items()}
    values = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "add_prefix_space": False}
    byte_level_files(folder, ["<|endoftext|>"], "Qwen2Tokenizer", added_tokens_decoder=decoder, **values)


def pieces(folder: Path, name: str, tokenizer_class: str, options: dict[str, Any], **values: Any) -> None:
    """A SentencePiece model under a class's file name."""
    model = io.BytesIO()
    # The normalisation that published models have takes 240 kB: here only what it makes of white space.
    rules = "".join(f"{ord(space):X}\t20\n" for space in "\t\n\r\u00a0\u0085\u2028\u2029\u3000")
    (folder / "rules.tsv").write_text(rules)
    defaults = {
        "vocab_size": 500,
        "model_type": "unigram",
        "character_coverage": 1.0,
        "hard_vocab_limit": False,
        "normalization_rule_tsv": str(folder / "rules.tsv"),
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 2), model_writer=model, minloglevel=2, **{**defaults, **options}
    )
    (folder / "rules.tsv").unlink()
    (folder / name).write_bytes(model.getvalue())
    settings(folder, tokenizer_class, **values)


LLAMA = {
    "model_type": "bpe",
    "vocab_size": 700,
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "normalization_rule_tsv": "",
    "remove_extra_whitespaces": False,
    "character_coverage": 0.98,
}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}


def llama(folder: Path) -> None:
    pieces(folder, "tokenizer.model", "LlamaTokenizer", LLAMA, add_bos_token=True, add_eos_token=False, legacy=False)


def gemma(folder: Path) -> None:
    symbols = ["\n\n", "\t\t", "<table>", "▁▁▁"]
    ids = {
        "pad_id": 0,
        "eos_id": 1,
        "bos_id": 2,
        "unk_id": 3,
        "pad_piece": "<pad>",
        "eos_piece": "<eos>",
        "bos_piece": "<bos>",
    }
    options = {**LLAMA, **ids, "add_dummy_prefix": False, "user_defined_symbols": symbols}
    pieces(folder, "tokenizer.model", "GemmaTokenizer", options, add_bos_token=True, add_eos_token=False)


def t5(folder: Path) -> None:
    pieces(
        folder,
        "spiece.model",
        "T5Tokenizer",
        {**T5, "normalization_rule_name": "nmt_nfkc", "normalization_rule_tsv": ""},
        extra_ids=10,
    )


def pegasus(folder: Path) -> None:
    values = {"mask_token": "<mask_2>", "mask_token_sent": "<mask_1>", "offset": 103}
    pieces(folder, "spiece.model", "PegasusTokenizer", T5, **values)


def xlm_roberta(folder: Path) -> None:
    pieces(folder, "sentencepiece.bpe.model", "XLMRobertaTokenizer", {})


def mbart(folder: Path) -> None:
    pieces(folder, "sentencepiece.bpe.model", "MBartTokenizer", {}, src_lang="de_DE")


def mbart50(folder: Path) -> None:
    pieces(folder, "sentencepiece.bpe.model", "MBart50Tokenizer", {}, src_lang="de_DE")


def camembert(folder: Path) -> None:
    pieces(folder, "sentencepiece.bpe.model", "CamembertTokenizer", {})


def albert(folder: Path) -> None:
    symbols = ["[CLS]", "[SEP]", "[MASK]"]
    ids = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": symbols}
    pieces(folder, "spiece.model", "AlbertTokenizer", ids)


def deberta_v2(folder: Path) -> None:
    ids = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    names = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
    pieces(folder, "spm.model", "DebertaV2Tokenizer", {**ids, **names})


def marian(folder: Path) -> None:
    pieces(folder, "source.spm", "MarianTokenizer", {"vocab_size": 450})
    shutil.copy(folder / "source.spm", folder / "target.spm")
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    texts = [model.id_to_piece(id) for id in reversed(range(3, len(model)))]
    tokens = ["</s>", "<unk>", *texts[:40], ">>fr<<", "▁ziel", *texts[40:], "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({text: id for id, text in enumerate(tokens)}))


def settings(folder: Path, tokenizer_class: str, **values: Any) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class, **values}))


def train(made: Tokenizer, trainer: Callable[..., Any], **options: Any) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet() if trainer is trainers.BpeTrainer else []
    made.train_from_iterator(TEXT, trainer(initial_alphabet=alphabet, show_progress=False, **options))


def save(folder: Path, made: Tokenizer, **roles: Any) -> None:
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, **roles).save_pretrained(folder)


KINDS: dict[str, Callable[[Path], None]] = {
    "byte_level": byte_level,
    "word_piece_json": word_piece_json,
    "bert": bert,
    "gpt2": gpt2,
    "roberta": roberta,
    "qwen2": qwen2,
    "llama": llama,
    "gemma": gemma,
    "t5": t5,
    "pegasus": pegasus,
    "xlm_roberta": xlm_roberta,
    "mbart": mbart,
    "mbart50": mbart50,
    "camembert": camembert,
    "albert": albert,
    "deberta_v2": deberta_v2,
    "marian": marian,
}


def faithful_lines(folder: Path, tokenizer: Any) -> list[str]:
    """Lines on which transformers gives the pieces that SentencePiece itself gives.

    transformers rebuilds some classes with other rules for white space and accents than their models were trained with.
    Lines with special tokens, which SentencePiece does not know, are kept where the class splits off white space.
    """
    lines = chosen_lines()
    models_there = [file for file in folder.iterdir() if file.suffix in (".model", ".spm")]
    if not models_there or folder.name == "llama":  # which puts no space before one that begins a text: so do we
        return lines
    if folder.name == "albert":  # which rewrites texts first, and splits at any white space
        return [line for line in lines if not any(character in line for character in ["▁", *map(chr, range(32))])]
    if folder.name == "marian":  # where the `tokenizers` package normalises this as one character
        lines = [line for line in lines if "\u00a0\u200d" not in line]
    model = sentencepiece.SentencePieceProcessor(model_file=str(models_there[0]))
    own = OWN if folder.name not in ("mbart50", "pegasus", "gemma", "marian") else []

    def pieces_of(line: str) -> list[str]:
        ids = model.encode(line)
        return [tokenizer.unk_token if id == model.unk_id() else model.id_to_piece(id) for id in ids]

    def tokens_of(line: str) -> list[str]:
        return tokenizer.convert_ids_to_tokens(tokenizer(line, add_special_tokens=False)["input_ids"])

    return [line for line in lines if line in own or pieces_of(line) == tokens_of(line)]


def record(folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    lines = faithful_lines(folder, tokenizer)
    print(folder.name, len(lines))
    ids = [tokenizer(line)["input_ids"] for line in lines]
    plain = [tokenizer(line, add_special_tokens=False)["input_ids"] for line in lines]
    decoded = [tokenizer.decode(one, clean_up_tokenization_spaces=False) for one in plain]
    if folder.name == "marian":  # whose class trims texts, and puts spaces around unknown tokens
        decoded = [text if text == line.strip() else None for line, text in zip(lines, decoded, strict=True)]
    pair = tokenizer("How are you?", "Fine, thanks.", return_token_type_ids=True)
    expected = {
        "source": f"transformers {transformers.__version__}, {type(tokenizer).__name__}",
        "lines": lines,
        "ids": ids,
        "plain": plain,
        "decoded": decoded,
        "pair": None if folder.name == "marian" else [pair["input_ids"], pair["token_type_ids"]],
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

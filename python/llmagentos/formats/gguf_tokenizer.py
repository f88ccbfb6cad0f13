"""A folder's tokenizer as GGUF's tokenizer.* keys: byte-level BPE as "gpt2", merges with byte fallback as "llama".

What GGUF cannot say, or this build could not read back, is an error: another tokenizer would be another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagentos.errors import ModelFormatError, UnsupportedModelError
from llmagentos.formats.gguf_pre import pre_name
from llmagentos.formats.gguf_writer import GgufValue
from llmagentos.formats.hf_folder import read_json

# GGUF's token types.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
_SPACE = "\u2581"
_ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding", "sep": "seperator", "mask": "mask"}
_OTHER_FILES = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """Token texts by id, the added ones among them, and the model that splits and merges."""

    path: Path
    model: Mapping[str, Any]
    texts: list[str]
    types: list[int]


def gguf_tokenizer(folder: Path, n_vocab: int) -> dict[str, GgufValue]:
    """The keys; for a folder without a tokenizer, the one that says so.

    Args:
        n_vocab: rows of the model's embedding; ids without a token get a text of their own and are marked as unused.

    Raises:
        UnsupportedModelError: a tokenizer of another kind, or one with an option that GGUF does not have.
        ModelFormatError: the tokenizer's files are broken.
    """
    path = folder / "tokenizer.json"
    if not path.exists():
        others = [name for name in _OTHER_FILES if (folder / name).exists()]
        if others:
            raise _unsupported(folder, f"its tokenizer is in {others[0]}; GGUF files are made from tokenizer.json")
        return {"tokenizer.ggml.model": GgufValue("string", "none")}
    tokenizer = read_json(path)
    model = tokenizer.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), (dict, list)):
        raise ModelFormatError(f"{path} has no model with a vocabulary", str(path))
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind != "BPE" or not isinstance(model["vocab"], dict):
        raise _unsupported(folder, f"GGUF files of tokenizers of type {kind} are not made by this build")
    vocabulary = _vocabulary(path, tokenizer, model, n_vocab)
    made = _merged_by_score(tokenizer, vocabulary) if model.get("byte_fallback") else _byte_level(tokenizer, vocabulary)
    return made | _special_tokens(folder, tokenizer, vocabulary)


def _vocabulary(path: Path, tokenizer: Mapping[str, Any], model: Mapping[str, Any], n_vocab: int) -> _Vocabulary:
    texts = [f"[PAD{id}]" for id in range(n_vocab)]
    types = [UNUSED] * n_vocab
    tokens: list[tuple[Any, Any, int]] = [(text, id, NORMAL) for text, id in model["vocab"].items()]
    tokens += [
        (token.get("content"), token.get("id"), CONTROL if token.get("special") else USER_DEFINED)
        for token in tokenizer.get("added_tokens") or []
    ]
    for text, id, kind in tokens:
        if not isinstance(text, str) or not isinstance(id, int) or not 0 <= id < n_vocab:
            raise ModelFormatError(f"{path}: token {text!r} has id {id!r} in a vocabulary of {n_vocab}", str(path))
        texts[id], types[id] = text, kind
    return _Vocabulary(path, model, texts, types)


def _byte_level(tokenizer: Mapping[str, Any], vocabulary: _Vocabulary) -> dict[str, GgufValue]:
    path, model = vocabulary.path, vocabulary.model
    for option in ("unk_token", "continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(option) and model[option] not in vocabulary.model["vocab"]:
            raise _unsupported(path, f"GGUF has no {option} for byte-level BPE, it is {model[option]!r}")
    normalizer = (tokenizer.get("normalizer") or {}).get("type")
    if normalizer not in (None, "NFC"):  # GGUF's readers take text as it is; NFC is what nearly all text is in
        raise _unsupported(path, f"GGUF has no normalizer {normalizer} for byte-level BPE")
    pre = pre_name(tokenizer.get("pre_tokenizer"), bool(model.get("ignore_merges")))
    if pre is None:
        raise _unsupported(path, f"this build has no name for how it splits text: {tokenizer.get('pre_tokenizer')}")
    return {
        "tokenizer.ggml.model": GgufValue("string", "gpt2"),
        "tokenizer.ggml.pre": GgufValue("string", pre),
        "tokenizer.ggml.tokens": GgufValue("string", vocabulary.texts),
        "tokenizer.ggml.token_type": GgufValue("i32", vocabulary.types),
        "tokenizer.ggml.merges": GgufValue("string", [f"{left} {right}" for left, right in _merges(vocabulary)]),
    }


def _merges(vocabulary: _Vocabulary) -> list[tuple[str, str]]:
    merges = []
    for merge in vocabulary.model.get("merges") or []:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ModelFormatError(f"{vocabulary.path}: {merge!r} is no pair to merge", str(vocabulary.path))
        merges.append((pair[0], pair[1]))
    return merges


def _merged_by_score(tokenizer: Mapping[str, Any], vocabulary: _Vocabulary) -> dict[str, GgufValue]:
    types = list(vocabulary.types)
    for id, text in enumerate(vocabulary.texts):
        if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
            types[id] = BYTE
        elif text == vocabulary.model.get("unk_token"):
            types[id] = UNKNOWN
    return {
        "tokenizer.ggml.model": GgufValue("string", "llama"),
        "tokenizer.ggml.pre": GgufValue("string", "default"),
        "tokenizer.ggml.tokens": GgufValue("string", vocabulary.texts),
        "tokenizer.ggml.scores": GgufValue("f32", _scores(vocabulary)),
        "tokenizer.ggml.token_type": GgufValue("i32", types),
        "tokenizer.ggml.add_space_prefix": GgufValue("bool", _adds_space(tokenizer, vocabulary.path)),
    }


def _scores(vocabulary: _Vocabulary) -> list[float]:
    """Scores that merge in the order of the list of merges.

    GGUF's reader joins neighbours whose text is a token, best score first. That is the list's order where each token's
    merges stand together, and where each way to join two tokens to a third is listed.
    """
    ranks: dict[str, list[int]] = {}
    pairs = _merges(vocabulary)
    for rank, (left, right) in enumerate(pairs):
        ranks.setdefault(left + right, []).append(rank)
    tokens = {text for text, kind in zip(vocabulary.texts, vocabulary.types, strict=True) if kind == NORMAL}
    for text in tokens:
        n_ways = sum(text[:cut] in tokens and text[cut:] in tokens for cut in range(1, len(text)))
        found = ranks.get(text, [])
        if n_ways != len(found) or (found and found[-1] - found[0] >= len(found)):
            raise _unsupported(vocabulary.path, f"its merges are no order of tokens by score (at {text!r})")
    return [-float(ranks[text][0]) if text in ranks else -float(len(pairs)) for text in vocabulary.texts]


def _adds_space(tokenizer: Mapping[str, Any], path: Path) -> bool:
    """Whether a space is put before a text; spaces must become U+2581 in any case."""
    normalizer = tokenizer.get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    kinds = [step.get("type") for step in steps]
    pre = tokenizer.get("pre_tokenizer") or {}
    if pre.get("type") == "Metaspace" and pre.get("replacement") == _SPACE and kinds == [None]:
        scheme = pre.get("prepend_scheme", "always" if pre.get("add_prefix_space", True) else "never")
        return bool(scheme != "never")
    is_escape = steps[-1].get("pattern") == {"String": " "} and steps[-1].get("content") == _SPACE
    # Gemma's pre-tokenizer splits at spaces, of which none is left by then.
    if kinds in (["Prepend", "Replace"], ["Replace"]) and is_escape and pre.get("type") in (None, "Split"):
        return len(kinds) == 2
    raise _unsupported(path, f"GGUF has no normalizer {normalizer} with pre-tokenizer {pre}")


def _special_tokens(folder: Path, tokenizer: Mapping[str, Any], vocabulary: _Vocabulary) -> dict[str, GgufValue]:
    settings_path, config = folder / "tokenizer_config.json", read_json(folder / "config.json")
    settings = read_json(settings_path) if settings_path.exists() else {}
    ids = {text: id for id, text in enumerate(vocabulary.texts)}
    roles: dict[str, int] = {}
    for role in _ROLES:
        token = settings.get(f"{role}_token")
        text = token.get("content") if isinstance(token, dict) else token
        given = config.get(f"{role}_token_id")
        id = ids.get(text) if isinstance(text, str) else given[0] if isinstance(given, list) and given else given
        if isinstance(id, int) and 0 <= id < len(vocabulary.texts):
            roles[role] = id
    first, last = _template(tokenizer)
    if first is None and last is None:
        add_bos, add_eos = bool(settings.get("add_bos_token")), bool(settings.get("add_eos_token"))
    else:
        add_bos, add_eos = bool(first), bool(last)
        roles |= {role: ids[text] for role, text in (("bos", first), ("eos", last)) if text in ids}
    made = {f"tokenizer.ggml.{_ROLES[role]}_token_id": GgufValue("u32", id) for role, id in roles.items()}
    made["tokenizer.ggml.add_bos_token"] = GgufValue("bool", add_bos and "bos" in roles)
    made["tokenizer.ggml.add_eos_token"] = GgufValue("bool", add_eos and "eos" in roles)
    return made


def _template(tokenizer: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The tokens that are put before and after a text, "" for none; None where no template says."""
    processor = tokenizer.get("post_processor") or {}
    for step in processor.get("processors", [processor]):
        if step.get("type") != "TemplateProcessing":
            continue
        pieces = step.get("single") or []
        around = [piece.get("SpecialToken", {}).get("id", "") for piece in pieces]
        places = [index for index, piece in enumerate(pieces) if "Sequence" in piece]
        if len(places) != 1 or places[0] > 1 or len(pieces) - places[0] > 2:
            return None, None
        return "".join(around[: places[0]]), "".join(around[places[0] + 1 :])
    return None, None


def _unsupported(path: Path, reason: str) -> UnsupportedModelError:
    return UnsupportedModelError(f"{path}: {reason}")

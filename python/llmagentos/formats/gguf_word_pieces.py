"""WordPiece tokenizers of GGUF files (tokenizer.ggml.model "bert"), which llama.cpp writes for encoders.

Their tokens begin a word with "▁" and go on without a mark; that is turned back to what the tokenizers package reads.
Texts are lowercased and lose their accents, as llama.cpp does for all of them: files do not say.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos._core.formats import GgufFile
from llmagentos.errors import ModelFormatError
from llmagentos.formats.hf_tokenizer.tokenizer import HfTokenizer

_CONTROL = 3  # of tokenizer.ggml.token_type
# Roles of tokens, the keys of files for them (one is misspelt), and who has the role where a file does not say.
_ROLES = {
    "cls_token": ("cls", "[CLS]"),
    "sep_token": ("seperator", "[SEP]"),
    "unk_token": ("unknown", "[UNK]"),
    "pad_token": ("padding", "[PAD]"),
}


@dataclass(frozen=True, slots=True)
class _Roles:
    """Texts of tokens that have a role. Nothing begins or ends what a model generates: it generates nothing."""

    by_name: dict[str, str]

    def role(self, name: str) -> str | None:
        return self.by_name.get(name)


def word_piece_tokenizer(file: GgufFile) -> HfTokenizer:
    """The file's tokenizer.

    Raises:
        ModelFormatError: the vocabulary is missing or breaks its own rules.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing

    tokens = _tokens(file)
    types = file.array("tokenizer.ggml.token_type") or []
    special = [token for token, kind in zip(tokens, types, strict=False) if kind == _CONTROL]
    roles = {role: _with_role(file, tokens, key, usual) for role, (key, usual) in _ROLES.items()}
    pieces = {_piece(token, special): id for id, token in enumerate(tokens)}
    if len(pieces) != len(tokens):
        raise ModelFormatError(f"{file.path}: {len(tokens) - len(pieces)} tokens are there twice", file.path)
    rules = Tokenizer(WordPiece(pieces, unk_token=roles["unk_token"]))
    rules.add_special_tokens([*dict.fromkeys([*special, *roles.values()])])
    rules.normalizer = BertNormalizer(lowercase=True)
    rules.pre_tokenizer = BertPreTokenizer()
    around = [(roles[role], pieces[roles[role]]) for role in ("cls_token", "sep_token")]
    (begin, _), (end, _) = around
    rules.post_processor = TemplateProcessing(
        single=[begin, "$A", end], pair=[begin, "$A", end, "$B:1", f"{end}:1"], special_tokens=around
    )
    return HfTokenizer(rules, _Roles(roles), len(tokens), end_ids=())


def _tokens(file: GgufFile) -> list[str]:
    tokens = file.array("tokenizer.ggml.tokens")
    if not tokens or not isinstance(tokens[0], str):
        raise ModelFormatError(f"{file.path}: tokenizer.ggml.tokens holds no tokens", file.path)
    return [str(token) for token in tokens]


def _piece(token: str, special: list[str]) -> str:
    if token in special:
        return token
    return token[1:] if token.startswith("▁") else f"##{token}"


def _with_role(file: GgufFile, tokens: list[str], key: str, usual: str) -> str:
    id = file.get(f"tokenizer.ggml.{key}_token_id")
    if id is None and usual in tokens:
        return usual
    if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id < len(tokens):
        raise ModelFormatError(f"{file.path}: tokenizer.ggml.{key}_token_id is {id!r}, which is no token", file.path)
    return tokens[id]

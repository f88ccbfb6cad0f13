"""A tokenizer whose ids are bytes, with four special tokens after them."""

from __future__ import annotations

import re
from collections.abc import Sequence

SPECIAL = {256: "<s>", 257: "</s>", 258: "<|im_start|>", 259: "<|im_end|>"}
_IDS = {text: id for id, text in SPECIAL.items()}
_PATTERN = re.compile("(" + "|".join(map(re.escape, _IDS)) + ")")


class FakeTokenizer:
    n_vocab = 260
    bos_id: int | None = 256
    eos_id: int | None = 257
    pad_id = None
    unk_id = None
    add_eos = False
    end_ids = [257, 259]  # noqa: RUF012

    def __init__(self, add_bos: bool = False) -> None:
        self.add_bos = add_bos

    def encode(self, text: str | bytes, add_special: bool = True, parse_special: bool = True) -> list[int]:
        text = text.decode() if isinstance(text, bytes) else text
        ids = [256] if add_special and self.add_bos else []
        for part in _PATTERN.split(text) if parse_special else [text]:
            ids += [_IDS[part]] if parse_special and part in _IDS else list(part.encode())
        return ids

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> bytes:
        return b"".join(self.token_bytes(id) for id in ids if not (skip_special and self.is_special(id)))

    def token_bytes(self, id: int) -> bytes:
        return SPECIAL[id].encode() if id in SPECIAL else bytes([id])

    def token_text(self, id: int) -> str:
        return self.token_bytes(id).decode(errors="replace")

    def is_special(self, id: int) -> bool:
        return id in SPECIAL

from collections.abc import Sequence

from llmagentos._core.formats import GgufFile

class Tokenizer:
    """The tokenizer of a GGUF file: byte-level BPE ("gpt2") or SPM ("llama"). Safe to use from several threads.

    Token ids are those of llama.cpp for the same file, except where a text is not UTF-8 (its bytes are kept; in BPE
    llama.cpp makes them U+FFFD) and where llama.cpp approximates a splitting expression: cased letters in tekken and
    gpt-4o, ranges that hold spaces in deepseek-llm and deepseek-coder, "~" in deepseek-v3.
    """

    @staticmethod
    def from_gguf(file: GgufFile) -> Tokenizer:
        """Reads the vocabulary in place; the file stays open as long as the tokenizer lives.

        Raises UnsupportedModelError for another kind of tokenizer or an unknown `tokenizer.ggml.pre`, ModelFormatError
        for a vocabulary that breaks its own rules.
        """

    @property
    def n_vocab(self) -> int: ...
    @property
    def bos_id(self) -> int | None: ...
    @property
    def eos_id(self) -> int | None: ...
    @property
    def pad_id(self) -> int | None: ...
    @property
    def unk_id(self) -> int | None: ...
    @property
    def add_bos(self) -> bool:
        """Whether `encode(add_special=True)` puts BOS first."""
    @property
    def add_eos(self) -> bool:
        """Whether `encode(add_special=True)` puts EOS last."""
    @property
    def end_ids(self) -> list[int]:
        """Every id that ends a generation, ascending."""

    def encode(self, text: str | bytes, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """The ids of a text.

        `parse_special`: control tokens written out in the text ("<|im_end|>") become those tokens; user-defined tokens
        always do. A byte for which a BPE vocabulary has no token is left out, as the models' own tokenizers do.
        Raises InvalidRequestError for a str with a lone surrogate and for 1 GiB of text or more.
        """

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> bytes:
        """The bytes of the ids; not valid UTF-8 where they end inside a character.

        Where the tokenizer puts a space before a text (SPM), one leading space is taken off the first text token; no
        other space is touched. Raises InvalidRequestError for an id outside the vocabulary.
        """

    def token_bytes(self, id: int) -> bytes:
        """The bytes one id adds in the middle of a text."""

    def token_text(self, id: int) -> str:
        """The vocabulary's entry as it stands in the file ("Ġhello"); not UTF-8: surrogate escapes."""

    def is_special(self, id: int) -> bool:
        """Control and unknown tokens: not part of the text a model writes."""

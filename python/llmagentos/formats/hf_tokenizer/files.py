"""Which files of a folder hold its tokenizer, and what they need to become one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.errors import LLMAgentOSError, ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.files import read_file
from llmagentos.formats.hf_tokenizer.marian import marian_rules
from llmagentos.formats.hf_tokenizer.sentencepiece_rules import sentencepiece_rules
from llmagentos.formats.hf_tokenizer.settings import Settings
from llmagentos.formats.hf_tokenizer.special_tokens import add_tokens, keep_to_flags
from llmagentos.formats.hf_tokenizer.tokenizer import HfTokenizer, is_fault
from llmagentos.formats.hf_tokenizer.vocabulary_files import byte_level_rules, word_piece_rules

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def open_tokenizer(folder: Path, n_vocab: int, end_ids: Sequence[int]) -> HfTokenizer | None:
    """The tokenizer of a folder, or None where it has none.

    Args:
        n_vocab: rows of the model's embedding.
        end_ids: what the model's configuration says ends a generation.

    Raises:
        ModelFormatError: a file is broken.
        UnsupportedModelError: it needs what this build does not have.
    """
    for name, read in _READERS.items():
        if (folder / name).exists():
            settings = Settings(folder)
            with _broken_means(folder / name):
                rules = read(folder / name, settings)
                _complete(rules, settings)
                return HfTokenizer(rules, settings, n_vocab, end_ids)
    return None


def _read_json(path: Path, _: Settings) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_buffer(read_file(path))


_READERS: dict[str, Callable[[Path, Settings], Tokenizer]] = {
    "tokenizer.json": _read_json,
    "source.spm": marian_rules,
    "tokenizer.model": sentencepiece_rules,
    "spiece.model": sentencepiece_rules,
    "sentencepiece.bpe.model": sentencepiece_rules,
    "spm.model": sentencepiece_rules,
    "vocab.json": byte_level_rules,
    "vocab.txt": word_piece_rules,
}


def _complete(rules: Tokenizer, settings: Settings) -> None:
    """What transformers adds to the rules when it opens them, and nothing that cuts or fills texts up."""
    rules.no_truncation()
    rules.no_padding()
    if hasattr(rules.model, "dropout"):
        rules.model.dropout = None  # random splitting, for training
    add_tokens(rules, settings)
    keep_to_flags(rules, settings)


@contextmanager
def _broken_means(path: Path) -> Iterator[None]:
    """Whatever the package raises on a file is the file's fault."""
    try:
        yield
    except UnsupportedModelError as error:
        raise UnsupportedModelError(f"{path}: {error}") from error
    except LLMAgentOSError:
        raise
    except OSError as error:
        raise ModelNotFoundError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
    except BaseException as error:
        if not is_fault(error):
            raise
        raise ModelFormatError(f"{path}: the tokenizer is broken: {error}", str(path)) from error

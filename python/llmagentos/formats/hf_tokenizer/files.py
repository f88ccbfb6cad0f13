"""Which files of a folder hold its tokenizer, and what they need to become one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmagentos.errors import LLMAgentOSError, ModelFormatError, ModelNotFoundError, UnsupportedModelError
from llmagentos.formats.hf_tokenizer.settings import Added, Settings
from llmagentos.formats.hf_tokenizer.tokenizer import HfTokenizer, puts_around

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

    return Tokenizer.from_buffer(path.read_bytes())


_READERS: dict[str, Callable[[Path, Settings], Tokenizer]] = {
    "tokenizer.json": _read_json,
}


def _complete(rules: Tokenizer, settings: Settings) -> None:
    """What transformers adds to the rules when it opens them, and nothing that cuts or fills texts up."""
    rules.no_truncation()
    rules.no_padding()
    if hasattr(rules.model, "dropout"):
        rules.model.dropout = None  # random splitting, for training
    _add_tokens(rules, settings)
    roles = [settings.role(role) for role in ("bos_token", "eos_token")]
    has = puts_around(rules, *(None if token is None else rules.token_to_id(token) for token in roles))
    asked = settings.flag("add_bos_token"), settings.flag("add_eos_token")
    wanted = tuple(
        now if flag is None else flag and token is not None for now, flag, token in zip(has, asked, roles, strict=True)
    )
    if wanted != has:
        _put_around(rules, *(token if is_wanted else None for token, is_wanted in zip(roles, wanted, strict=True)))


def _add_tokens(rules: Tokenizer, settings: Settings) -> None:
    known = {token.content: token.special for token in rules.get_added_tokens_decoder().values()}
    for id, token in sorted(settings.by_id.items()):
        if token.content not in known:
            _add(rules, token)
            known[token.content] = token.is_special
        found = rules.token_to_id(token.content)
        if found != id:
            raise ValueError(f"token {token.content!r} is to have id {id}, but it has {found}")
    for token in (*settings.roles.values(), *settings.further):
        if not known.get(token.content):
            _add(rules, token)


def _add(rules: Tokenizer, token: Added) -> None:
    from tokenizers import AddedToken

    made = AddedToken(token.content, **token.flags)
    if token.is_special:
        rules.add_special_tokens([made])
    else:
        rules.add_tokens([made])


def _put_around(rules: Tokenizer, bos: str | None, eos: str | None) -> None:
    """Have these tokens around each text."""
    from tokenizers.processors import TemplateProcessing

    def around(part: str, type_id: int) -> list[str]:
        return [f"{token}:{type_id}" for token in (bos, part, eos) if token is not None]

    special = {token: rules.token_to_id(token) for token in (bos, eos) if token is not None}
    rules.post_processor = TemplateProcessing(
        single=around("$A", 0), pair=around("$A", 0) + around("$B", 1), special_tokens=list(special.items())
    )


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
        raise ModelNotFoundError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:
        raise ModelFormatError(f"{path}: the tokenizer is broken: {error}", str(path)) from error

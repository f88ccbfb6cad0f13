"""Names of models on the Hugging Face hub: `hf:org/repo`, a revision of it, or one GGUF file in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagentos.errors import ModelNotFoundError, shown

PREFIX = "hf:"
DEFAULT_REVISION = "main"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_NAME = re.compile(
    rf"hf:(?P<repo>{_PART}/{_PART})"
    r"(?:/(?P<file>[^@:\\]+\.gguf)|:(?P<quantisation>[A-Za-z0-9][A-Za-z0-9_.-]*))?"
    r"(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]*))?",
    re.ASCII,
)
_FORMS = "hf:org/repo, hf:org/repo@revision, hf:org/repo:Q4_K_M or hf:org/repo/file.gguf"


@dataclass(frozen=True, slots=True)
class HubName:
    """What `hf:...` names.

    Attributes:
        repo: "org/repo".
        revision: a branch, a tag or a commit.
        file: the path of a .gguf file in the repository; of several parts, any one.
        quantisation: of the one GGUF file that has it in its name, such as "Q4_K_M". With neither of the two the
            repository holds a model as transformers saves it.
    """

    repo: str
    revision: str = DEFAULT_REVISION
    file: str | None = None
    quantisation: str | None = None

    @property
    def is_gguf(self) -> bool:
        return self.file is not None or self.quantisation is not None

    def __str__(self) -> str:
        inside = f"/{self.file}" if self.file else f":{self.quantisation}" if self.quantisation else ""
        revision = "" if self.revision == DEFAULT_REVISION else f"@{self.revision}"
        return f"{PREFIX}{self.repo}{inside}{revision}"


def is_hub_name(text: str) -> bool:
    """Whether `text` means to be a name on the hub; whether it is well formed is for `parse_hub_name` to say."""
    return text[: len(PREFIX)].lower() == PREFIX


def parse_hub_name(text: str) -> HubName:
    """The parts of `hf:...`.

    Raises:
        ModelNotFoundError: it is not well formed.
    """
    match = _NAME.fullmatch(PREFIX + text.strip()[len(PREFIX) :])
    if match is None or ".." in text or "//" in text:
        raise ModelNotFoundError(f"{shown(text)} names no model on the hub: such a name reads {_FORMS}")
    return HubName(match["repo"], match["revision"] or DEFAULT_REVISION, match["file"], match["quantisation"])

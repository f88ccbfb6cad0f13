"""Names of GGUF files, of which a checkpoint may have several: `x-00001-of-00003.gguf` is the first of three.

Needs nothing but the names, so that a list of models is quickly made.
"""

from __future__ import annotations

import re
from pathlib import Path

_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)")


def part_names(path: str) -> list[str]:
    """The paths of all files, in order, of a checkpoint of which this is one; itself where its name says nothing."""
    found = _PART.search(path)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        return [path]
    return [_PART.sub(f"-{number:05d}-of-{found[2]}", path) for number in range(1, int(found[2]) + 1)]


def model_name(path: Path) -> str:
    """The file's name without what says that it is a part, and without its ending."""
    return Path(_PART.sub("", path.name)).stem


def is_projector(path: str) -> bool:
    """Whether it is what a model sees pictures by, which lies beside it in a file of its own."""
    return path.rpartition("/")[2].lower().startswith("mmproj")


def only_model(folder: Path) -> Path | None:
    """A file of the only GGUF checkpoint in a folder: its first part where there are several. None: none, or more."""
    names = sorted(path.name for path in folder.glob("*.gguf") if not is_projector(path.name))
    return folder / names[0] if len({part_names(name)[0] for name in names}) == 1 else None

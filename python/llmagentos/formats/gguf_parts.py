"""GGUF checkpoints in several files, as llama.cpp splits them: `x-00001-of-00003.gguf` is the first of three.

The first holds the metadata; each says which part it is (split.no), of how many (split.count), and how many tensors all
have together (split.tensors.count).
"""

from __future__ import annotations

from pathlib import Path

from llmagentos._core.formats import GgufFile
from llmagentos.errors import ModelFormatError
from llmagentos.gguf_names import part_names


def open_parts(path: Path) -> list[GgufFile]:
    """All files of the checkpoint that has this file, the first part first.

    Raises:
        ModelNotFoundError: there is no such file.
        ModelFormatError: a part is missing, or belongs to another checkpoint; names its file.
    """
    file = GgufFile(str(path))
    count, index = _number(file, "split.count"), _number(file, "split.no")
    if count < 2:  # 0 in a file that was put together again
        return [file]
    names = part_names(path.name)
    if len(names) != count or index >= count or names[index] != path.name:
        raise _broken(path, f"it says that it is part {index + 1} of {count}, which is not what its name says")
    paths = [path.with_name(name) for name in names]
    for number, part in enumerate(paths, start=1):
        if not part.is_file():
            raise _broken(part, f"there is no such file, which is part {number} of {count} of the model")
    files = [file if part == path else GgufFile(str(part)) for part in paths]
    _check(files, paths)
    return files


def _check(files: list[GgufFile], paths: list[Path]) -> None:
    """That the files are all parts of one checkpoint, and all of its parts."""
    keys = ("split.count", "split.tensors.count")
    first, seen = [_number(files[0], key) for key in keys], set[str]()
    for index, (file, path) in enumerate(zip(files, paths, strict=True)):
        number, found = _number(file, "split.no"), [_number(file, key) for key in keys]
        if number != index or found != first:
            raise _broken(
                path,
                f"it is part {number + 1} of {found[0]} with {found[1]} tensors together, not "
                f"part {index + 1} of {first[0]} with {first[1]}, as {paths[0].name} has it",
            )
        architecture = file.get("general.architecture")
        if architecture not in (None, files[0].get("general.architecture")):
            raise _broken(path, f"it is of a model of architecture {architecture!r}, {paths[0].name} is not")
        names = file.tensor_names()
        again = seen.intersection(names)
        if again:
            raise _broken(path, f"it has tensor {min(again)}, which an earlier part has, too")
        seen.update(names)
    if len(seen) != first[1]:
        raise _broken(paths[0], f"the model has {first[1]} tensors, its {len(files)} parts have {len(seen)}")


def _number(file: GgufFile, key: str) -> int:
    """0 where there is none."""
    value = file.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _broken(Path(file.path), f"{key} must be an integer of 0 or more, it is {value!r}")
    return value


def _broken(path: Path, reason: str) -> ModelFormatError:
    return ModelFormatError(f"{path}: {reason}", str(path))

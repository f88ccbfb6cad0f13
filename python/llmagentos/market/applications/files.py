"""The files of an application, from a folder or an archive, checked before any of them is written anywhere.

All of them are held in memory, which their bound allows.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from llmagentos.errors import ApplicationError, shown
from llmagentos.market.applications.manifest import MANIFEST, Manifest, parse_manifest

Files: TypeAlias = Mapping[str, bytes]  # by their paths, with "/" between the parts

MAX_BYTES = 64 << 20  # of all files of an application together
MAX_FILES = 2000
MAX_PATH = 200  # characters
MAX_PART = 255  # bytes of one part, which is what file systems take
_LEFT_OUT = ("__pycache__", "node_modules")  # and what begins with a dot
_ENTRY = b"PK\1\2"  # what each entry of an archive's directory begins with
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
    NotImplementedError,
    OSError,
)


def read_folder(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """The files of an application's folder; hidden ones, caches and what an environment holds are left out.

    Raises:
        ApplicationError: it is no folder, holds a symbolic link or too much, or a file cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ApplicationError(f"{str(folder)!r} is not a folder")
    files: dict[str, bytes] = {}
    total = 0
    for path in _below(root):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or path.is_symlink():
            raise ApplicationError(f"{name} is not a regular file, and an application holds nothing else")
        try:
            total += path.stat().st_size
            _check_size(str(folder), total, len(files) + 1)
            files[name] = path.read_bytes()
        except OSError as error:
            raise ApplicationError(f"{path} cannot be read: {error.strerror}") from None
        _check_path(str(folder), name)
    _check_distinct(str(folder), files)
    return files


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _LEFT_OUT or (path / "pyvenv.cfg").exists():
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        else:
            yield path


def read_archive(where: str, content: bytes) -> dict[str, bytes]:
    """The files of a zip archive; one folder around all of them is left out.

    Args:
        where: what errors call it.

    Raises:
        ApplicationError: it is broken or holds too much, a path that leads elsewhere, or what is no regular file.
    """
    files: dict[str, bytes] = {}
    if content.count(_ENTRY) > 10 * MAX_FILES:  # before each becomes an object; folders and nested archives count here
        _check_size(where, 0, content.count(_ENTRY))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [info for info in archive.infolist() if not info.filename.endswith("/")]
            _check_size(where, sum(info.file_size for info in members), len(members))
            for info in members:
                _check_member(where, info)
            _check_distinct(where, [info.filename for info in members])
            for info in members:
                with archive.open(info) as member:
                    # No more than was counted: without a number all there is is unpacked at once.
                    files[info.filename] = member.read(info.file_size)
    except _BROKEN as error:
        raise ApplicationError(f"{where} cannot be read as a zip archive: {error}") from None
    tops = {name.partition("/")[0] for name in files}
    if len(tops) == 1 and MANIFEST not in files:
        top = f"{tops.pop()}/"
        files = {name.removeprefix(top): value for name, value in files.items()}
    return files


def _check_member(where: str, info: zipfile.ZipInfo) -> None:
    _check_path(where, info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ApplicationError(f"{where} has {shown(info.filename)}, which is no regular file; nothing of it was kept")
    if info.compress_type not in _METHODS or info.flag_bits & 1:
        raise ApplicationError(f"{where} has {shown(info.filename)} compressed or encrypted in a way that is not read")


def _check_size(where: str, n_bytes: int, n_files: int) -> None:
    if n_bytes > MAX_BYTES or n_files > MAX_FILES:
        raise ApplicationError(f"{where} holds more than an application may: {MAX_FILES} files, {MAX_BYTES:,} bytes")


def _check_path(where: str, name: str) -> None:
    parts = name.split("/")
    is_odd = any(character in '\\:*?"<>|' for character in name) or not name.isprintable()
    is_long = len(name) > MAX_PATH or any(len(part.encode(errors="replace")) > MAX_PART for part in parts)
    # A dot or space at a part's end is lost on some systems; "." and ".." are among them.
    if is_odd or is_long or any(not part or part[-1] in ". " for part in parts):
        raise ApplicationError(f"{where} has a file at {shown(name)}, which is no path an application may use")


def _check_distinct(where: str, names: Iterable[str]) -> None:
    """Refuses paths that are one file to some file system, which may tell neither case nor Unicode's forms apart."""
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFC", name).casefold()
        if plain in seen:
            other = seen[plain]
            clash = "twice" if other == name else f"and {shown(other)}, which are one file on some systems"
            raise ApplicationError(f"{where} has {shown(name)} {clash}; nothing of it was kept")
        seen[plain] = name
    for name in seen.values():
        for folder in PurePosixPath(name).parents:
            folder_name = unicodedata.normalize("NFC", str(folder)).casefold()
            if folder_name in seen:
                raise ApplicationError(
                    f"{where} has {shown(seen[folder_name])} as a file and as a folder; nothing of it was kept"
                )


def manifest_in(where: str, files: Files) -> Manifest:
    """The application's manifest.

    Raises:
        ApplicationError: there is none, or the file that it starts is missing.
        InvalidRequestError: it is malformed.
    """
    if MANIFEST not in files:
        raise ApplicationError(f"{where} is no application: it has no {MANIFEST}")
    try:
        text = files[MANIFEST].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApplicationError(f"{where}: {MANIFEST} is not UTF-8: byte {error.start} is not") from None
    manifest = parse_manifest(f"{where}: {MANIFEST}", text)
    if manifest.entry not in files:
        raise ApplicationError(f"{where} has no {manifest.entry}, which it says it starts with")
    return manifest


def sha256_of(files: Files) -> str:
    """Of what all files are called and hash to, in order of their paths."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def write_archive(files: Files, path: Path) -> None:
    """Writes a zip archive of the files, the same bytes each time. Atomic."""
    temporary = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])
    os.replace(temporary, path)


def write_folder(files: Files, folder: Path) -> None:
    """Writes the files below a folder that is empty or not there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

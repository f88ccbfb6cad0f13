"""Files below one folder, and no others: every path is walked from the folder's descriptor, a component at a time.

The system call that opens a component follows no symbolic link, so nothing that changes meanwhile leads out either.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmagentos.errors import InvalidRequestError, ToolError, shown

MAX_DEPTH = 32  # folders below the root that are listed
_REASONS = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of it is not a folder, or a symbolic link, which is not followed",
    errno.ELOOP: "it is a symbolic link, which is not followed",
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "it exists already",
    errno.EACCES: "permission denied",
    errno.ENAMETOOLONG: "it is too long",
}


class Root:
    """The folder that tools may read.

    Paths are relative to it, with "/" between their parts; "." is the folder itself.

    Raises:
        InvalidRequestError: the path is no folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise InvalidRequestError(f"{str(folder)!r} is not a folder")

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """All bytes of a file.

        Raises:
            ToolError: it leads out of the root, is no regular file, or is larger than `max_bytes`.
        """
        with self._opened(path, os.O_RDONLY | os.O_NONBLOCK) as fd:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ToolError(f"{shown(path)} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no regular file'}")
            with os.fdopen(os.dup(fd), "rb") as file:
                # The size that is said may be wrong, as it is for files in /proc, or change.
                content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise ToolError(f"{shown(path)} has {max(status.st_size, len(content)):,} bytes, more than {max_bytes:,}")
        return content

    def read_text(self, path: str, max_bytes: int) -> str:
        """A file of UTF-8; a byte order mark is left out, and lines end in a newline.

        Raises:
            ToolError: as `read_bytes`, or it is no such text.
        """
        try:
            text = self.read_bytes(path, max_bytes).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ToolError(f"{shown(path)} is not UTF-8 text: byte {error.start} is not") from None
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def exists(self, path: str) -> bool:
        """Whether there is something at the path, a symbolic link that leads nowhere included.

        Raises:
            ToolError: it leads out of the root, or its folder cannot be opened.
        """
        parts = _parts(path)
        with self._opened("/".join(parts[:-1]), os.O_RDONLY | os.O_DIRECTORY) as fd:
            try:
                os.stat(parts[-1] if parts else ".", dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def write_new(self, path: str, content: bytes) -> None:
        """Writes a file that is not there yet, in a folder that is.

        Raises:
            ToolError: it leads out of the root, exists, or cannot be written.
        """
        if not _parts(path):
            raise ToolError(f"{shown(path)} is a folder")
        with self._opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd, os.fdopen(os.dup(fd), "wb") as file:
            try:
                file.write(content)
            except OSError as error:
                raise ToolError(f"{shown(path)} cannot be written: {error.strerror}") from None

    def walk(self, folder: str = ".") -> Iterator[tuple[str, os.stat_result]]:
        """Regular files below a folder, in order of their paths; hidden ones and symbolic links are left out.

        Raises:
            ToolError: it leads out of the root, or is no folder.
        """
        with self._opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
            prefix = "/".join(_parts(folder))
            yield from _files_below(fd, f"{prefix}/" if prefix else "", MAX_DEPTH)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """A descriptor of the file, closed afterwards."""
        parts = _parts(path)
        try:
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            for part in parts[:-1]:
                fd = _step(fd, part, os.O_RDONLY | os.O_DIRECTORY)
            if parts:
                fd = _step(fd, parts[-1], flags)
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror)
            raise ToolError(f"{shown(path)} cannot be opened: {reason}") from None
        try:
            yield fd
        finally:
            os.close(fd)


def _parts(path: str) -> list[str]:
    """A path's components, none of which leads anywhere but down.

    Raises:
        ToolError: it is absolute, has a "..", or what no path can have.
    """
    try:
        is_path = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_path = False
    if not is_path:
        raise ToolError(f"{shown(path)} is not a path")
    if path.startswith("/"):
        raise ToolError(f"{shown(path)} is absolute; paths are relative to the folder that may be read")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ToolError(f"{shown(path)} leads up with '..', which is not allowed")
    return parts


def _step(folder: int, name: str, flags: int) -> int:
    """Opens a name in a folder, whose descriptor it closes."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    finally:
        os.close(folder)


def _files_below(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in names:
        if name.startswith("."):
            continue
        try:
            if not is_folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield f"{prefix}{name}", status
            elif depth > 0:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    yield from _files_below(inner, f"{prefix}{name}/", depth - 1)
                finally:
                    os.close(inner)
        except OSError:  # gone meanwhile, or not for us to read
            continue

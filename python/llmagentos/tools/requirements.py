"""Packages that only some tools need: the extra `tools`."""

from __future__ import annotations

import importlib
from typing import Any

from llmagentos.errors import ToolError


def required(module: str) -> Any:
    """The module.

    Raises:
        ToolError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ToolError(f"{error}; this tool needs the extra packages: pip install 'llmagentos[tools]'") from None

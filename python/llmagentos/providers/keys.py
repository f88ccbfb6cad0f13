"""API keys: read from the environment, sent to the service they are for, and kept out of every message."""

from __future__ import annotations

import os
from collections.abc import Sequence

from llmagentos.errors import ProviderError


def key_from(variables: Sequence[str]) -> str | None:
    """The key in the first of these variables that is set; None where none is.

    Raises:
        ProviderError: what a variable holds cannot be sent as a key; names the variable, not the value.
    """
    for variable in variables:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise ProviderError(f"{variable} holds no API key: a key has neither spaces nor characters beyond ASCII")
        if key:
            return key
    return None


def needed_key(variables: Sequence[str], model: str) -> str:
    """Like `key_from`.

    Raises:
        ProviderError: there is none; names the variables.
    """
    key = key_from(variables)
    if key is None:
        raise ProviderError(f"{model} needs an API key: set the environment variable {' or '.join(variables)}")
    return key


def without_key(text: str, key: str | None) -> str:
    """A service's message, in which the key is not repeated."""
    return text if not key else text.replace(key, "***")

"""API keys as they are made."""

from __future__ import annotations

import hashlib
import secrets

_PREFIX = "sk-llmagentos-"


def new_key() -> tuple[str, str]:
    """A key of 256 random bits, and the SHA-256 of it that a keys file has."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()

"""Texts that a grammar takes, drawn at random, byte by byte."""

from __future__ import annotations

from random import Random

import numpy as np

from .acceptance_of_text import END_IDS, constraint_for

_STRUCTURE = frozenset(b'"\\{}[],:0123456789.eE+-')


def random_text(grammar: str, seed: int, max_bytes: int = 300) -> str | None:
    """One text, or None where it was still going on after `max_bytes`.

    What JSON is made of is drawn more often than letters, and what ends a value more often the longer the text is.
    """
    constraint, draw, written = constraint_for(grammar), Random(seed), bytearray()
    while len(written) < max_bytes:
        allowed = np.flatnonzero(np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")).tolist()
        assert constraint.error is None, f"{constraint.error} after {bytes(written)!r}"
        assert allowed, f"nothing may follow {bytes(written)!r}"
        hurry = 20 ** (3 * len(written) / max_bytes)
        weights = [
            30 * hurry if id in END_IDS else hurry if id in b'"}]' else 1 if id in _STRUCTURE else 0.02
            for id in allowed
        ]
        token_id = draw.choices(allowed, weights)[0]
        if token_id in END_IDS:
            return written.decode()
        assert constraint.accept(token_id)
        written.append(token_id)
        if constraint.is_complete:
            return written.decode()
    return None


def _weight(token_id: int, hurry: float) -> float:
    if token_id in END_IDS:
        return 30 * hurry
    return hurry if token_id in b'"}]' else 1 if token_id in _STRUCTURE else 0.02

"""What is wrong with one request's row of logits costs that request alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

_T = TypeVar("_T")
OrError: TypeAlias = _T | Exception


def each_alone(n: int, compute: Callable[[Sequence[int]], Sequence[_T]]) -> list[OrError[_T]]:
    """The n results of `compute(range(n))`; where that fails, each index's own result or error.

    Args:
        compute: gives the results of some of the n indices. None may depend on which others are asked for together.
    """
    try:
        return list(compute(range(n)))
    except Exception:  # noqa: BLE001  (the error of the index at fault comes again below)
        return [_one(index, compute) for index in range(n)]


def _one(index: int, compute: Callable[[Sequence[int]], Sequence[_T]]) -> OrError[_T]:
    try:
        return compute([index])[0]
    except Exception as error:  # noqa: BLE001  (for whoever asked for this one)
        return error

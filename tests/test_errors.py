"""Errors travel: between processes they are pickled."""

from __future__ import annotations

import inspect
import pickle

import pytest

from llmagentos import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_pickles(kind: type[Exception]) -> None:
    arguments = ("too long", 12, 8) if kind is errors.ContextLengthError else ("something",)
    error = kind(*arguments)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)

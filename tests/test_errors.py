"""Errors travel: between processes they are pickled."""

from __future__ import annotations

import inspect
import pickle

import pytest

from llmagentos import errors
from llmagentos.errors import MAX_SHOWN, shown

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_pickles(kind: type[Exception]) -> None:
    arguments = ("too long", 12, 8) if kind is errors.ContextLengthError else ("something",)
    error = kind(*arguments)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_value_is_shown_in_few_words() -> None:
    assert shown("a\n") == r"'a\n'"
    assert shown(10**50) == str(10**50)
    assert shown(10**400) == "1" + "0" * (MAX_SHOWN - 4) + "..."
    assert shown(10**5000) == "<int with too many digits to write>"

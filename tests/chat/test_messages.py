from __future__ import annotations

from typing import Any

import pytest

from llmagentos.chat.messages import checked_messages
from llmagentos.errors import InvalidRequestError

OK = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages is empty"),
        ("hi", "not str"),
        ([OK, "hi"], r"messages\[1\] must be a dict"),
        ([OK, {"content": "hi"}], r"messages\[1\] has no 'role'"),
        ([{"role": "user"}], r"messages\[0\] has no 'content'"),
        ([{"role": "robot", "content": ""}], r"messages\[0\].role='robot'"),
        ([{"role": "user", "content": None}], r"messages\[0\].content must be"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], r"messages\[0\].content\[0\] is not a text part"),
        ([{**OK, "tool_calls": []}], r"messages\[0\] has 'tool_calls'"),
    ],
)
def test_what_is_wrong_is_named(messages: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        checked_messages(messages)


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert checked_messages([{"role": "user", "content": parts}]) == [{"role": "user", "content": "ab"}]

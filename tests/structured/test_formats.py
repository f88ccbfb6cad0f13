"""Texts of a format are those that Python's own readers take."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from llmagentos.structured.formats import MAX_HOSTNAME

from .acceptance_of_text import schema_grammar, takes_value
from .random_walk import random_text

_RFC3339_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)", re.IGNORECASE)


def read_time(text: str) -> Any:
    assert _RFC3339_TIME.fullmatch(text)
    return datetime.time.fromisoformat(_with_six_places(text))


def read_date_time(text: str) -> Any:
    date, _, time = text.partition(text[10])
    assert _RFC3339_TIME.fullmatch(time)
    return datetime.datetime.fromisoformat(f"{date}T{_with_six_places(time)}")


def _with_six_places(text: str) -> str:
    """As Python 3.10 reads it."""
    text = re.sub(r"\.(\d+)", lambda found: "." + found[1][:6].ljust(6, "0"), text)
    return re.sub("[zZ]", "+00:00", text)


READERS: dict[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "time": read_time,
    "date-time": read_date_time,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uuid": uuid.UUID,
}


@pytest.mark.parametrize("name", READERS)
def test_texts_drawn_at_random_are_read(name: str) -> None:
    grammar = schema_grammar({"type": "string", "format": name})
    for seed in range(60):
        text = random_text(grammar, seed)
        assert text is not None
        assert READERS[name](json.loads(text)) is not None


@pytest.mark.parametrize(
    ("name", "valid", "invalid"),
    [
        (
            "date",
            ["2024-02-29", "2000-02-29", "0400-02-29", "0004-02-29", "2023-12-31", "0001-01-01"],
            ["2023-02-29", "1900-02-29", "2023-02-30", "2023-04-31", "0000-01-01", "0000-02-29", "0100-02-29"],
        ),
        ("time", ["23:59:59Z", "00:00:00z", "08:30:00.123456789+23:59"], ["23:59:60Z", "24:00:00Z", "08:30:00+24:00"]),
        (
            "date-time",
            ["2024-02-29T12:00:00Z", "2023-01-01t12:00:00.5-05:00"],
            ["1998-12-31T23:59:60Z", "2023-02-29T12:00:00Z", "2023-01-01 12:00:00Z"],
        ),
        (
            "ipv6",
            [
                *("::", "::1", "1::", "::ffff:1.2.3.4", "64:ff9b::192.0.2.33", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"),
                *("::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "fe80::a:b"),
            ],
            ["1:2:3:4:5:6:7:8:9", "::ffff:1.2.3.256", "1::2::3", ":::", "1:2:3:4:5:6:7:1.2.3.4", "::1%eth0", "1:2"],
        ),
        ("hostname", ["a.b-c.de", "a" * 63], ["a" * 64, "-a", ".".join(["a" * 61] * 5)]),
    ],
)
def test_corners(name: str, valid: list[str], invalid: list[str]) -> None:
    schema = {"type": "string", "format": name}
    assert [text for text in valid if not takes_value(schema, text)] == []
    assert [text for text in invalid if takes_value(schema, text)] == []


def test_a_pattern_beside_a_format_is_kept() -> None:
    schema = {"type": "string", "format": "date", "pattern": "^2024", "allOf": [{"pattern": "-29$"}]}
    assert takes_value(schema, "2024-02-29")
    assert not takes_value(schema, "2023-01-29")
    assert not takes_value(schema, "2024-02-28")


def test_a_hostnames_length_is_bounded() -> None:
    longest = ".".join(["a" * 49] * 5)
    assert len(longest) < MAX_HOSTNAME
    assert takes_value({"format": "hostname"}, longest)

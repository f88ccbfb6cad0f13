"""Suites: what files may say, and what errors name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmagentos.agents.evaluation.suite import read_suite
from llmagentos.errors import InvalidRequestError

GOOD = """
target = "main:conversation"
timeout = 5

[[cases]]
name = "returns"

[[cases.turns]]
say = "How long?"
expect = [
  { contains = "30 days", ignore_case = true },
  { tool_call = "look_up", arguments = { n = 1 }, times = 1 },
  { schema = { type = "object" } },
]

[[cases.turns]]
approve = ["pay"]
"""


def _read(tmp_path: Path, text: str, name: str = "suite.toml"):
    path = tmp_path / name
    path.write_text(text)
    return read_suite(path)


def test_toml_and_json_are_the_same_suite(tmp_path: Path) -> None:
    suite = _read(tmp_path, GOOD)
    assert (suite.target, suite.timeout, suite.needs_judge) == ("main:conversation", 5, False)
    first, second = suite.cases[0].turns
    assert [str(check) for check in first.expect] == [
        'contains = ["30 days"], ignore_case = true',
        'tool_call = "look_up", arguments = {"n": 1}, times = 1',
        'schema = {"type": "object"}',
    ]
    assert second.said == "(approve: pay)"
    values = suite.model_dump(exclude_unset=True, by_alias=True)
    assert _read(tmp_path, json.dumps(values), "suite.json") == suite


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "returns"', 'name = ""', r"cases\[0\].name: String should have at least 1 character"),
        ("timeout = 5", "timeout = 0", r"timeout: Input should be greater than 0"),
        ("timeout = 5", "timout = 5", r"timout: Extra inputs"),
        (
            '"30 days"',
            '"30 days", regex = "x"',
            r"cases\[0\].turns\[0\].expect\[0\]: a check is a table with exactly one",
        ),
        ('contains = "30 days"', 'has = "30 days"', r"expect\[0\]: a check is a table with exactly one of exact"),
        ('contains = "30 days"', 'contains = ""', r"expect\[0\].contains\[0\]: String should have"),
        ('contains = "30 days"', "contains = []", r"expect\[0\].contains: List should have"),
        ('contains = "30 days"', "contains = 30", r"expect\[0\].contains: Input should be a valid list"),
        ('contains = "30 days"', "regex = '('", r"expect\[0\].regex: it is no regular expression: "),
        ("times = 1", "times = -1", r"expect\[1\].times: "),
        ("times = 1", "time = 1", r"expect\[1\].time: Extra inputs"),
        ("times = 1", "outcome = 'good'", r"expect\[1\].outcome: "),
        ("{ n = 1 }", "{ n = 2024-01-01 }", r"expect\[1\].arguments.n"),
        ("times = 1", "arguments_schema = { type = 3 }", r"expect\[1\].arguments_schema: the JSON schema of arguments"),
        ('{ type = "object" }', "{ type = 3 }", r"expect\[2\].schema: the JSON schema of the check is not valid"),
        ('approve = ["pay"]', "", r"cases\[0\].turns\[1\]: a turn has either 'say', or"),
        ('approve = ["pay"]', 'approve = ["pay"]\nsay = "x"', r"cases\[0\].turns\[1\]: a turn has either"),
        (
            'approve = ["pay"]',
            'say = "x"\n[[cases]]\nname = "returns"\nturns = [{ say = "y" }]',
            "2 cases have the name",
        ),
        ("[[cases]]", "[[cases", "not TOML"),
    ],
)
def test_errors_name_the_place_and_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidRequestError, match=rf"suite\.toml: .*{message}"):
        _read(tmp_path, GOOD.replace(old, new, 1))


def test_files_that_are_no_suites_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"must end with \.toml or \.json"):
        _read(tmp_path, GOOD, "suite.yaml")
    for text, message in (
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "should be"),
        ('{"cases": []}', "cases: "),
    ):
        with pytest.raises(InvalidRequestError, match=rf"suite\.json: .*{message}"):
            _read(tmp_path, text, "suite.json")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(InvalidRequestError, match="not UTF-8: byte 0"):
        read_suite(tmp_path / "bytes.toml")

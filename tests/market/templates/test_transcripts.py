"""The conversations in docs/applications are what the applications say, on the default model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmagentos.llm import DEFAULT_MODEL
from llmagentos.market.applications.sources import application_named

PAGES = Path(__file__).parents[3] / "docs" / "applications"
SESSION = Path(__file__).with_name("session.py")
# What a model makes up may differ where kernels round otherwise.
MADE_UP = {"game": {"Do you like to dance?"}, "summarise": {"in words"}}


def transcript(name: str) -> list[tuple[str, str]]:
    """What is said on an application's page, and what is answered."""
    (block,) = re.findall(
        r"^```text\n(.*?)^```$", (PAGES / f"{name}.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    turns = re.split(r"^> ", block, flags=re.MULTILINE)[1:]
    return [(said, answer.strip("\n")) for said, _, answer in (turn.partition("\n") for turn in turns)]


def answers(name: str, said: list[str]) -> list[str]:
    """What the application answers."""
    command = [sys.executable, str(SESSION), str(application_named(name).folder), DEFAULT_MODEL]
    ended = subprocess.run(command, input="\n".join(said), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.model
@pytest.mark.parametrize("name", ["customer-service", "virtual-assistant", "game", "education", "medical", "summarise"])
def test_the_conversation_on_the_page_is_the_application_s(name: str) -> None:
    turns = transcript(name)
    assert len(turns) >= 20
    for (said, shown), answer in zip(turns, answers(name, [said for said, _ in turns]), strict=True):
        if said in MADE_UP.get(name, ()):
            assert answer
        else:
            assert answer == shown, said

"""How well the default model finds the entries that are meant: the questions of the application's own tests."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from llmagentos.market.applications.sources import application_named

PROGRAM = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from answers import Knowledge, read_entries
from main import FOLDER, reader_of
from test_answers import outcomes
print(json.dumps(outcomes(Knowledge(read_entries(FOLDER), reader_of("smollm2-135m-instruct")))))
"""


@pytest.mark.acceptance
def test_the_default_model_answers_most_questions_and_nearly_none_wrongly() -> None:
    command = [sys.executable, "-c", PROGRAM, str(application_named("customer-service").folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    right, wrong, offered = json.loads(ended.stdout)
    assert right >= 50, (right, wrong, offered)
    assert wrong <= 1, (right, wrong, offered)
    assert right + offered >= 65, (right, wrong, offered)

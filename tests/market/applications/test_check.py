"""What keeps an application from being published."""

from __future__ import annotations

import pytest

from llmagentos.market.applications.check import problems
from llmagentos.market.applications.files import read_folder
from llmagentos.market.applications.sources import applications
from llmagentos.tools.catalogue import BUILT_IN

FIT = {
    "app.toml": b'name = "bread"\nversion = "1.0"\ndescription = "Answers questions about bread."\nlicence = "MIT"\n',
    "main.py": b"print('bread')\n",
    "README.md": b"# Bread\n",
    "LICENSE": b"MIT\n",
    "tests/test_main.py": b"def test() -> None: ...\n",
}


def test_what_is_fit_has_no_problems() -> None:
    assert problems("here", FIT, BUILT_IN) == []


def test_built_in_applications_are_fit() -> None:
    for application in applications():
        if application.source == "built in":
            assert problems(application.manifest.name, read_folder(application.folder), BUILT_IN) == []


@pytest.mark.parametrize("missing", ["app.toml", "main.py", "README.md", "LICENSE", "tests/test_main.py"])
def test_files_that_are_missing_are_named(missing: str) -> None:
    (problem,) = problems("here", {name: value for name, value in FIT.items() if name != missing}, BUILT_IN)
    assert missing.partition("/")[0] in problem


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        (b'tools = ["files", "hammer"]\n', "there is no tool named 'hammer'"),
        (
            b'models = ["smollm2-135m-instruct", "no-such-model", "openai:gpt"]\n',
            "the model 'no-such-model' is not known",
        ),
    ],
)
def test_tools_and_models_must_exist(added: bytes, problem: str) -> None:
    assert problems("here", {**FIT, "app.toml": FIT["app.toml"] + added}, BUILT_IN) == [problem]


def test_python_must_be_valid() -> None:
    (problem,) = problems("here", {**FIT, "bad.py": b"def ("}, BUILT_IN)
    assert problem.startswith("bad.py is not valid Python")

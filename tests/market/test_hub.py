"""Fetching from a pretend hub: what is fetched, kept, gone on with, and refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmagentos.errors import ModelFormatError, ModelNotFoundError
from llmagentos.market import cached, pull, resolve
from tests.gguf_splits import split_gguf

from .fake_hub import FakeHub

CONFIG, WEIGHTS = b'{"architectures": ["LlamaForCausalLM"]}', bytes(range(256)) * 40
FOLDER = {
    "README.md": b"about",
    "additional_chat_templates/tool_use.jinja": b"{{ tools }}",
    "config.json": CONFIG,
    "generation_config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "onnx/model.onnx": b"onnx",
    "pytorch_model.bin": b"pickle",
    "sentence_roberta_config.json": b'{"max_seq_length": 8}',
    "tokenizer.json": b"{}" * 600,
    "tokenizer_config.json": b'{"a": 1}',
    "vocab.json": b"{}",
}
NEEDED = FOLDER.keys() - {"README.md", "onnx/model.onnx", "pytorch_model.bin", "vocab.json"}
CONVERSION = "Adding `safetensors` variant of this model"


def quiet(done_bytes: int, total_bytes: int, what: str) -> None:
    pass


def get(name: str, **options: bool) -> Path:
    return pull(name, progress=quiet, **options)


def below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_a_repository_only_what_the_model_needs_is_fetched(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    assert below(folder) == {path: FOLDER[path] for path in NEEDED}
    assert sorted(hub.fetched()) == sorted(NEEDED)
    assert cached("hf:org/tiny") == folder


def test_huggingface_hub_finds_what_was_fetched(hub: FakeHub):
    from huggingface_hub import try_to_load_from_cache

    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    for path in NEEDED:
        assert try_to_load_from_cache("org/tiny", path) == str(folder / path)


def test_a_cached_model_is_used_without_asking_anybody(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    hub.asked.clear()
    hub.put("org/tiny", {**FOLDER, "config.json": b'{"newer": 1}'})
    assert resolve("hf:org/tiny") == folder
    assert hub.asked == []


def test_force_takes_the_newest_commit_and_fetches_what_is_new_in_it(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    old = get("hf:org/tiny")
    hub.asked.clear()
    hub.put("org/tiny", {**FOLDER, "config.json": b'{"newer": 1}'})
    new = get("hf:org/tiny", force=True)
    assert new != old
    assert (new / "config.json").read_bytes() == b'{"newer": 1}'
    assert hub.fetched() == ["config.json"]
    assert cached("hf:org/tiny") == new


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: FakeHub):
    repository = hub.put("org/tiny", FOLDER)
    hub.put("org/tiny", {**FOLDER, "config.json": b'{"old": 1}'}, revision="v1.0")
    folder = get("hf:org/tiny@v1.0")
    assert (folder / "config.json").read_bytes() == b'{"old": 1}'
    assert get(f"hf:org/tiny@{repository.commit('v1.0')}") == folder
    assert cached("hf:org/tiny") is None
    with pytest.raises(ModelNotFoundError, match="org/tiny has no revision v2"):
        get("hf:org/tiny@v2")


def test_shards_are_fetched_by_their_index_and_all_must_be_there(hub: FakeHub):
    shards = {f"model-0000{i}-of-00002.safetensors": WEIGHTS + bytes([i]) for i in (1, 2)}
    index = json.dumps({"weight_map": {f"t{i}": name for i, name in enumerate(shards)}}).encode()
    hub.put("org/big", {"config.json": CONFIG, "model.safetensors.index.json": index, **shards})
    hub.statuses["model-00002-of-00002.safetensors"] = 503
    with pytest.raises(ModelNotFoundError, match=r"answers hf:org/big with 503.* try again later"):
        get("hf:org/big")
    assert cached("hf:org/big") is None
    hub.statuses.clear()
    hub.asked.clear()
    assert set(below(get("hf:org/big"))) == {"config.json", "model.safetensors.index.json", *shards}
    assert hub.fetched() == ["model-00002-of-00002.safetensors"]


def test_shards_may_have_another_name(hub: FakeHub):
    shard = "model.safetensors-00001-of-00001.safetensors"
    index = json.dumps({"weight_map": {"t": shard}}).encode()
    hub.put("org/big", {"config.json": CONFIG, "model.safetensors.index.json": index, shard: WEIGHTS})
    assert set(below(get("hf:org/big"))) == {"config.json", "model.safetensors.index.json", shard}


def test_an_index_beside_whole_weights_is_of_what_was_there_before(hub: FakeHub):
    index = json.dumps({"weight_map": {"t": "model-00001-of-00001.safetensors"}}).encode()
    files = {**FOLDER, "model.safetensors.index.json": index, "model-00001-of-00001.safetensors": WEIGHTS}
    hub.put("org/tiny", files)
    assert "model-00001-of-00001.safetensors" not in below(get("hf:org/tiny"))
    assert cached("hf:org/tiny") is not None


def test_a_connection_that_is_cut_is_taken_up_where_it_broke(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    hub.cuts["model.safetensors"] = 1
    assert (get("hf:org/tiny") / "model.safetensors").read_bytes() == WEIGHTS
    assert any(request.endswith("model.safetensors from 5000") for request in hub.asked)


def test_a_server_that_knows_no_ranges_sends_all_again(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    hub.cuts["model.safetensors"] = 1
    hub.rangeless.add("model.safetensors")
    assert (get("hf:org/tiny") / "model.safetensors").read_bytes() == WEIGHTS
    assert any(request.endswith("model.safetensors from 5000") for request in hub.asked)


def test_a_pull_that_was_killed_goes_on_where_it_stopped(hub: FakeHub, tmp_path: Path):
    hub.put("org/tiny", FOLDER)

    def interrupt(done_bytes: int, total_bytes: int, what: str) -> None:
        if what.endswith("model.safetensors") and done_bytes > total_bytes - len(WEIGHTS) // 2:
            raise KeyboardInterrupt

    hub.cuts["model.safetensors"] = 1
    with pytest.raises(KeyboardInterrupt):
        pull("hf:org/tiny", progress=interrupt)
    (partial,) = (tmp_path / "hub").rglob("*.incomplete")
    assert (n_bytes := partial.stat().st_size) > 0
    assert cached("hf:org/tiny") is None
    hub.asked.clear()
    assert (get("hf:org/tiny") / "model.safetensors").read_bytes() == WEIGHTS
    assert any(request.endswith(f"model.safetensors from {n_bytes}") for request in hub.asked)
    assert set(hub.fetched()) == {f"model.safetensors from {n_bytes}"}
    assert not list((tmp_path / "hub").rglob("*.incomplete"))


def test_bytes_without_the_hash_that_the_hub_says_are_refused(hub: FakeHub, tmp_path: Path):
    hub.put("org/tiny", FOLDER)
    for path in ("config.json", "model.safetensors"):
        hub.damaged = {path}
        with pytest.raises(ModelFormatError, match=f"hf:org/tiny: {path} does not have the hash"):
            get("hf:org/tiny")
        assert cached("hf:org/tiny") is None
    hub.damaged.clear()
    assert get("hf:org/tiny") == cached("hf:org/tiny")


def test_verify_fetches_anew_what_has_changed(hub: FakeHub, caplog):
    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    hub.asked.clear()
    assert get("hf:org/tiny", verify=True) == folder
    assert hub.asked == []
    for path in ("model.safetensors", "tokenizer.json"):
        (folder / path).resolve().write_bytes(b"changed")
        assert get("hf:org/tiny", verify=True) == folder
        assert (folder / path).read_bytes() == FOLDER[path]
        assert hub.fetched() == [path]
        assert f"{folder / path} is damaged" in caplog.text
        hub.asked.clear()


def test_progress_rises_to_the_total_and_says_what_happens(hub: FakeHub):
    hub.put("org/tiny", FOLDER)
    calls: list[tuple[int, int, str]] = []
    pull("hf:org/tiny", progress=lambda *call: calls.append(call))
    total = sum(len(FOLDER[path]) for path in NEEDED)
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)
    assert calls[-1] == (total, total, "hf:org/tiny: fetching model.safetensors")


def test_standard_error_hears_of_it_in_our_lines_alone(hub: FakeHub, capsys):
    hub.put("org/tiny", FOLDER)
    pull("hf:org/tiny")
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("hf:org/tiny: fetching ") for line in err.splitlines())


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("hf:org/gguf/tiny-Q4_K_M.gguf", ["tiny-Q4_K_M.gguf"]),
        ("hf:org/gguf:Q4_K_M", ["tiny-Q4_K_M.gguf"]),
        ("hf:org/gguf:q4_k_m@main", ["tiny-Q4_K_M.gguf"]),
        ("hf:org/gguf:Q8_0", ["Q8_0/tiny-Q8_0-00001-of-00002.gguf", "Q8_0/tiny-Q8_0-00002-of-00002.gguf"]),
    ],
)
def test_a_gguf_file_is_fetched_with_all_its_parts(hub: FakeHub, name: str, files: list[str]):
    others = ("README.md", "tiny-Q4_K_S.gguf", "tiny-IQ4_K_M.gguf", "mmproj-tiny-Q4_K_M.gguf", "mmproj-Q8_0.gguf")
    hub.put("org/gguf", {path: path.encode() for path in (*others, *files)})
    path = get(name)
    assert path.read_bytes() == files[0].encode()
    assert hub.fetched() == files
    hub.asked.clear()
    assert get(name) == path == cached(name)
    assert hub.asked == []


def test_a_model_in_parts_runs_whole(hub: FakeHub, tmp_path: Path):
    from llmagentos import LLM, SamplingParams

    source = Path(__file__).parents[1] / "oracles" / "models" / "tiny" / "llama_f32.gguf"
    parts = split_gguf(source, tmp_path, name="tiny-F32")
    hub.put("org/parts-GGUF", {f"F32/{part.name}": part.read_bytes() for part in parts})
    params = SamplingParams(temperature=0, max_tokens=4)
    with LLM(source, threads=1) as whole:
        expected = whole.generate("Bread", params)
    for name in ("hf:org/parts-GGUF:F32", f"hf:org/parts-GGUF/F32/{parts[1].name}"):
        with LLM(name, threads=1) as llm:
            assert llm.generate("Bread", params) == expected


def test_a_model_on_the_hub_runs_by_its_name_there(hub: FakeHub):
    from llmagentos import LLM, SamplingParams

    model = Path(__file__).parents[1] / "oracles" / "beams" / "flat.gguf"
    hub.put("org/tiny-GGUF", {"tiny-F32.gguf": model.read_bytes()})
    params = SamplingParams(temperature=0, max_tokens=4)
    with LLM("hf:org/tiny-GGUF:F32", threads=1) as llm, LLM(model, threads=1) as local:
        assert llm.info.name == "org/tiny-GGUF"
        assert llm.generate([1, 2], params).token_ids == local.generate([1, 2], params).token_ids


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:org/gguf:Q5_0", r"no GGUF file of org/gguf has Q5_0 in its name; there are a-Q4_0\.gguf, b-Q4_0\.gguf"),
        ("hf:org/gguf:Q4_0", r"may be any of a-Q4_0\.gguf, b-Q4_0\.gguf: name one, as hf:org/gguf/a-Q4_0\.gguf"),
        ("hf:org/gguf/c.gguf", r"has no file c\.gguf; its GGUF files are a-Q4_0\.gguf, b-Q4_0\.gguf"),
        ("hf:org/gguf", r"holds GGUF files: name one, .* There are a-Q4_0\.gguf, b-Q4_0\.gguf"),
        ("hf:org/other", r"it has no config\.json"),
        ("hf:org/bare", r"it has no model\.safetensors or model\.safetensors\.index\.json"),
        ("hf:org/pickles", r"weights only as pickles \(pytorch_model\.bin\), which are not opened: they can run code"),
        ("hf:org/none", r"the hub has no model org/none, or it is private: then set HF_TOKEN"),
        ("hf:none", r"'hf:none' names no model on the hub: such a name reads hf:org/repo, "),
        ("hf:org/../x", "names no model on the hub"),
        ("hf:org/repo/../../x.gguf", "names no model on the hub"),
    ],
)
def test_what_cannot_be_had_is_said_with_what_there_is(hub: FakeHub, name: str, message: str):
    hub.put("org/gguf", {"a-Q4_0.gguf": b"a", "b-Q4_0.gguf": b"b"})
    hub.put("org/other", {"README.md": b""})
    hub.put("org/bare", {"config.json": CONFIG})
    hub.put("org/pickles", {"config.json": CONFIG, "pytorch_model.bin": b"pickle"})
    with pytest.raises(ModelNotFoundError, match=message) as caught:
        get(name)
    assert "\n" not in str(caught.value)
    assert hub.fetched() == []


def test_safetensors_that_the_hubs_converter_offers_are_taken_and_told_of(hub: FakeHub, caplog):
    pickled = {"config.json": CONFIG, "pytorch_model.bin": b"pickle"}
    repository = hub.put("org/pickles", pickled)
    repository.pull_requests = [(3, "SFconvertbot", CONVERSION), (4, "mallory", CONVERSION), (5, "SFconvertbot", "Hi")]
    hub.put("org/pickles", {**pickled, "model.safetensors": WEIGHTS}, revision="refs/pr/3")
    folder = get("hf:org/pickles")
    assert set(below(folder)) == {"config.json", "model.safetensors"}
    assert "refs/pr/3 by SFconvertbot is taken" in caplog.text
    assert cached("hf:org/pickles") == folder


def test_a_private_model_needs_the_token_and_gets_it(hub: FakeHub, monkeypatch):
    hub.put("org/private", FOLDER).requires = "hf_right"
    with pytest.raises(ModelNotFoundError, match=r"it is private: then set HF_TOKEN .* or run `hf auth login`"):
        get("hf:org/private")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ModelNotFoundError, match="or your token may not read it"):
        get("hf:org/private")
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert set(below(get("hf:org/private"))) == NEEDED


def test_a_gated_model_says_to_accept_its_terms(hub: FakeHub, monkeypatch):
    repository = hub.put("org/gated", FOLDER)
    repository.requires, repository.is_gated = "hf_right", True
    with pytest.raises(ModelNotFoundError, match=r"hf:org/gated is gated: accept the terms .* then set HF_TOKEN"):
        get("hf:org/gated")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ModelNotFoundError, match="is gated, and your token is not admitted to it"):
        get("hf:org/gated")
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert set(below(get("hf:org/gated"))) == NEEDED


@pytest.mark.parametrize(("commit", "digest"), [("../evil", "0" * 64), ("0" * 40, "../evil"), ("0" * 40, None)])
def test_what_a_hub_says_never_becomes_a_path_unchecked(hub: FakeHub, monkeypatch, commit: str, digest: str | None):
    files = [SimpleNamespace(rfilename=path, size=1, blob_id=digest, lfs=None) for path in FOLDER]
    answer = SimpleNamespace(sha=commit, siblings=files)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: answer)
    with pytest.raises(ModelNotFoundError, match="the hub does not say which"):
        get("hf:org/tiny")
    assert hub.asked == []


def test_verify_leaves_bytes_that_repositories_share_alone(hub: FakeHub, tmp_path: Path):
    hub.put("org/tiny", FOLDER)
    weights = get("hf:org/tiny") / "model.safetensors"
    blob = weights.resolve()
    shared = blob.rename(tmp_path / "shared")
    blob.symlink_to(shared)
    hub.asked.clear()
    get("hf:org/tiny", verify=True)
    assert hub.asked == []
    shared.write_bytes(b"changed")
    get("hf:org/tiny", verify=True)
    assert weights.read_bytes() == WEIGHTS
    assert shared.read_bytes() == b"changed"


@pytest.mark.parametrize(
    ("status", "message"), [(429, "too many requests"), (500, "try again later"), (403, "refuses")]
)
def test_what_the_hub_answers_is_said_in_one_line(hub: FakeHub, status: int, message: str, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.put("org/tiny", FOLDER)
    hub.statuses["config.json"] = status
    with pytest.raises(ModelNotFoundError, match=message) as caught:
        get("hf:org/tiny")
    assert "\n" not in str(caught.value)


def test_without_a_network_a_cached_model_serves_and_others_say_what_is_wrong(hub: FakeHub, monkeypatch):
    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    assert resolve("hf:org/tiny") == folder
    with pytest.raises(ModelNotFoundError, match=r"cannot be reached: .*refused.*Check the connection.*HF_ENDPOINT"):
        get("hf:org/other")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "LLMAGENTOS_OFFLINE"])
def test_offline_uses_what_is_cached_and_asks_nobody(hub: FakeHub, monkeypatch, variable: str):
    hub.put("org/tiny", FOLDER)
    folder = get("hf:org/tiny")
    hub.asked.clear()
    monkeypatch.setenv("LLMAGENTOS_OFFLINE", "1" if variable == "LLMAGENTOS_OFFLINE" else "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", variable == "HF_HUB_OFFLINE")
    assert get("hf:org/tiny") == folder
    with pytest.raises(ModelNotFoundError, match=rf"hf:org/other is not in .*{variable} forbids fetching it"):
        get("hf:org/other")
    assert hub.asked == []


def test_too_little_space_is_seen_before_anything_is_fetched(hub: FakeHub, monkeypatch):
    hub.put("org/tiny", FOLDER)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(ModelNotFoundError, match=r"no disk space for hf:org/tiny in .*needs .* 1 B are free.*HF_HOME"):
        get("hf:org/tiny")
    assert hub.fetched() == []


def test_a_disk_that_fills_up_is_said(hub: FakeHub, monkeypatch):
    hub.put("org/tiny", FOLDER)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("llmagentos.market.sources.hub.os.fsync", full)
    with pytest.raises(ModelNotFoundError, match=r"no disk space for hf:org/tiny.*the disk filled up.*is kept"):
        get("hf:org/tiny")


def test_the_hubs_own_variables_say_where_it_is_and_what_is_allowed(hub: FakeHub, tmp_path: Path):
    hub.put("org/private", FOLDER).requires = "hf_right"
    variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "own"), "HF_TOKEN": "hf_right"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "llmagentos", "pull", "hf:org/private"]
        environment = {**clean, **variables, **more}
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)

    refused = run(HF_HUB_OFFLINE="1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "HF_HUB_OFFLINE forbids" in refused.stderr
    pulled = run()
    assert pulled.returncode == 0, pulled.stderr
    folder = pulled.stdout.removesuffix("\n")
    assert folder.startswith(str(tmp_path / "own" / "hub"))
    assert set(below(Path(folder))) == NEEDED
    assert run(HF_HUB_OFFLINE="1").stdout.removesuffix("\n") == folder

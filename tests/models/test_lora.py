"""LoRA adapters on tiny random models, against PEFT and transformers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llmagentos import UnsupportedModelError
from llmagentos._core.formats import GgufFile
from llmagentos.backends.protocol import adapters_of
from llmagentos.formats import Checkpoint
from llmagentos.formats.checkpoint import Pooling
from llmagentos.models import open_checkpoint
from llmagentos.models.lora import AdapterBase, open_adapter, read_adapter
from llmagentos.models.lora_merge import merged
from llmagentos.quantization.gguf_file import quantized
from tests.adapter_folders import write_adapter
from tests.oracles.lora.case import CASES

from .adapted import BASES, DATA, AdaptedModel, Ids, Logits, Text, relative_difference
from .encoder_decoders import Runner
from .families import CASES as FAMILY_CASES
from .families import family_engine, greedy
from .llamacpp import TOLERANCE, by_llamacpp
from .test_written_for_llamacpp import NOT_THERE
from .tiny_models import TINY

KINDS = {case.name: FAMILY_CASES[case.base].kind for case in CASES if not case.is_merged}
MERGED = {case.name: FAMILY_CASES[case.base].kind for case in CASES if case.is_merged}
DECODERS = [name for name, kind in KINDS.items() if kind == "decoder"]
ENCODER_DECODERS = [name for name, kind in KINDS.items() if kind == "encoder_decoder"]
ENCODERS = [name for name, kind in KINDS.items() if kind == "encoder"]


def merged_checkpoint(name: str) -> Checkpoint:
    checkpoint = open_checkpoint(BASES[name])
    return merged(checkpoint, read_adapter(DATA / name, AdapterBase.of(checkpoint)))


def expected(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / name / "expected.npz") as stored:
        return dict(stored)


def difference(name: str, found: Logits) -> float:
    oracle = expected(name)
    return relative_difference(found[oracle["rows"]], oracle["logits"])


def pooled(model: AdaptedModel, ids: Ids, adapter: str | None = None) -> Logits:
    """What an encoder makes of one text."""
    n, numbers = len(ids), adapters_of([model.number(adapter)])
    starts, rows, table = np.array([0, n], np.int32), np.array([0], np.int32), np.array([[0, 1, 2]], np.int32)
    return model.executor.run(ids, np.arange(n, dtype=np.int32), starts, table, rows, adapters=numbers)


@pytest.mark.parametrize("isa", ["", "reference"])
@pytest.mark.parametrize("name", DECODERS)
def test_logits_are_those_of_peft(name: str, isa: str) -> None:
    model = AdaptedModel(BASES[name], [DATA / name], isa=isa)
    (found,) = model.logits(Text(expected(name)["token_ids"], name))
    assert difference(name, found) < 1e-4


@pytest.mark.parametrize("name", DECODERS)
def test_merged_weights_give_the_same(name: str) -> None:
    ids = expected(name)["token_ids"]
    (unmerged,) = AdaptedModel(BASES[name], [DATA / name]).logits(Text(ids, name))
    (found,) = AdaptedModel(merged_checkpoint(name)).logits(Text(ids))
    assert relative_difference(found, unmerged) < 2e-5


@pytest.mark.peer
@pytest.mark.parametrize("name", [name for name in DECODERS if BASES[name].name not in NOT_THERE])
def test_llamacpp_answers_alike_with_merged_weights(name: str, tmp_path: Path) -> None:
    """As this package does with the adapter beside the model, and not as without it."""
    ids = expected(name)["token_ids"][:40]
    theirs = by_llamacpp(merged_checkpoint(name), ids, 6, tmp_path)
    adapted, plain = AdaptedModel(BASES[name], [DATA / name]).logits(Text(ids, name), Text(ids))
    assert relative_difference(theirs["logits"], adapted) < 2 * TOLERANCE
    assert relative_difference(plain, adapted) > 10 * TOLERANCE
    with family_engine(tmp_path / "model.gguf", "f32") as engine:
        assert theirs["greedy"].tolist() == greedy(engine, [ids.tolist()], 6)[0]


@pytest.mark.parametrize("name", [name for name, kind in MERGED.items() if kind == "decoder"])
@pytest.mark.parametrize("from_gguf", [False, True])
def test_lengths_and_whole_modules_are_merged(name: str, from_gguf: bool, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(BASES[name])
    if from_gguf:
        quantized(checkpoint, None).write(tmp_path / "base.gguf")
        checkpoint = open_checkpoint(tmp_path / "base.gguf")
    model = merged(checkpoint, read_adapter(DATA / name, AdapterBase.of(checkpoint)))
    (found,) = AdaptedModel(model).logits(Text(expected(name)["token_ids"]))
    assert difference(name, found) < 1e-4
    quantized(model, "f32").write(tmp_path / "merged.gguf")
    (found,) = AdaptedModel(tmp_path / "merged.gguf").logits(Text(expected(name)["token_ids"]))
    assert difference(name, found) < 1e-4


def test_a_trained_classifier_is_merged() -> None:
    oracle = expected("bert-saved")
    assert (
        relative_difference(pooled(AdaptedModel(merged_checkpoint("bert-saved")), oracle["ids"]), oracle["logits"])
        < 1e-4
    )


@pytest.mark.parametrize("name", MERGED)
def test_what_is_for_merging_only_says_so(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=r"merge the adapter: llmagentos quantize"):
        open_adapter(DATA / name, AdapterBase.of(open_checkpoint(BASES[name])))


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_answers_to_a_text_are_those_of_peft(name: str) -> None:
    oracle = expected(name)
    runner = Runner(BASES[name], adapter=open_adapter(DATA / name, AdapterBase.of(open_checkpoint(BASES[name]))))
    texts, answers = [oracle["encoder_ids"].tolist()], [oracle["decoder_ids"].tolist()]
    assert difference(name, runner.logits(texts, answers)[0]) < 1e-4
    assert difference(name, Runner(merged_checkpoint(name)).logits(texts, answers)[0]) < 1e-4


@pytest.mark.parametrize("name", ENCODERS)
def test_vectors_are_those_of_peft(name: str) -> None:
    oracle = expected(name)
    checkpoint = replace(open_checkpoint(BASES[name]), pooling=Pooling("mean"))
    found = pooled(AdaptedModel(checkpoint, [DATA / name]), oracle["ids"], name)
    assert relative_difference(found, oracle["mean"]) < 1e-4


@pytest.mark.parametrize("name", ["llama-all-linear", "llama-head", "phi3-fused", "gpt-neox-grouped", "gpt2-conv"])
def test_the_base_may_be_a_gguf_file(name: str, tmp_path: Path) -> None:
    quantized(open_checkpoint(BASES[name]), None).write(tmp_path / "base.gguf")
    model = AdaptedModel(tmp_path / "base.gguf", [DATA / name])
    (found,) = model.logits(Text(expected(name)["token_ids"], name))
    assert difference(name, found) < 1e-4


@pytest.mark.parametrize("name", ["llama-head", "gpt2-conv"])
def test_merged_weights_go_into_a_gguf_file(name: str, tmp_path: Path) -> None:
    quantized(merged_checkpoint(name), None).write(tmp_path / "merged.gguf")
    (found,) = AdaptedModel(tmp_path / "merged.gguf").logits(Text(expected(name)["token_ids"]))
    assert difference(name, found) < 1e-4


def test_a_changed_gguf_file_keeps_its_keys(tmp_path: Path) -> None:
    source = TINY / "llama_f32.gguf"
    checkpoint = open_checkpoint(source)
    n_rows, n_cols = AdapterBase.of(checkpoint).shapes["blk.0.attn_output.weight"]
    folder = write_adapter(tmp_path / "adapter", {"model.layers.0.self_attn.o_proj": (n_rows, n_cols)})
    changed = merged(checkpoint, read_adapter(folder, AdapterBase.of(checkpoint)))
    quantized(changed, "f32").write(tmp_path / "merged.gguf")
    found, kept = GgufFile(tmp_path / "merged.gguf"), GgufFile(source)
    assert set(kept.keys()) <= {*found.keys(), "general.alignment"}
    assert open_checkpoint(tmp_path / "merged.gguf").tokenizer.encode("a text") == checkpoint.tokenizer.encode("a text")


def test_every_case_has_its_folder_and_every_folder_its_case() -> None:
    assert sorted(case.name for case in CASES) == sorted(path.name for path in DATA.iterdir())


@pytest.mark.oracle
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_peft_still_gives_what_is_kept(name: str, tmp_path: Path) -> None:
    for needed in ("torch", "transformers", "peft"):
        pytest.importorskip(needed)
    command = [sys.executable, "-m", "tests.oracles.lora.make", "--out", str(tmp_path), name]
    subprocess.run(command, check=True, timeout=600, cwd=Path(__file__).parents[2])
    made, kept = tmp_path / name, DATA / name
    assert (made / "adapter_model.safetensors").read_bytes() == (kept / "adapter_model.safetensors").read_bytes()
    with np.load(made / "expected.npz") as new, np.load(kept / "expected.npz") as old:
        assert new.files == old.files
        for key in new.files:
            np.testing.assert_allclose(new[key], old[key], rtol=1e-4, atol=1e-4, err_msg=key)

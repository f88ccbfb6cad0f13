"""Logits of encoder-decoder models: those of transformers, and the same bits however a batch is made up."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagentos import ModelFormatError, UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .encoder_decoders import ENCODER_DECODERS, Runner
from .families import DATA, FamilyOracle, changed_folder, family_oracle


@pytest.fixture(scope="module", params=ENCODER_DECODERS)
def oracle(request: pytest.FixtureRequest) -> FamilyOracle:
    return family_oracle(request.param)


def logits_of(oracle: FamilyOracle, **options: object) -> NDArray[np.float32]:
    ids, decoder_ids = oracle.arrays["encoder_ids"], oracle.arrays["decoder_ids"]
    return Runner(oracle.path, **options).logits([ids], [decoder_ids])[0]  # type: ignore[arg-type]


def difference(oracle: FamilyOracle, logits: NDArray[np.float32]) -> float:
    """max |difference| / max |logit| over the oracle's rows, but for tokens that generation_config.json bans."""
    expected, rows = oracle.arrays["logits"], logits[oracle.arrays["rows"]]
    allowed = rows > -1e5
    assert allowed.mean() > 0.9
    return float(np.abs(rows - expected)[allowed].max() / np.abs(expected).max())


def test_reference_kernels_agree_with_transformers(oracle: FamilyOracle) -> None:
    assert difference(oracle, logits_of(oracle, isa="reference")) < 1e-4


@pytest.mark.parametrize("fuse", [True, False])
def test_the_fastest_kernels_agree_with_transformers(oracle: FamilyOracle, fuse: bool) -> None:
    assert difference(oracle, logits_of(oracle, fuse=fuse)) < 1e-4


def test_a_half_precision_cache_costs_little(oracle: FamilyOracle) -> None:
    assert difference(oracle, logits_of(oracle, kv_dtype="f16")) < 5e-3


def test_bits_depend_on_no_batch_chunk_or_thread(oracle: FamilyOracle) -> None:
    texts = [oracle.arrays[f"prompt.{i}"].tolist() for i in range(3)]
    decoders = [oracle.arrays["decoder_ids"][:n].tolist() for n in (70, 3, 41)]
    together = Runner(oracle.path, kv_dtype="f16", threads=2)
    alone = Runner(oracle.path, kv_dtype="f16")
    expected = [alone.logits([text], [ids])[0] for text, ids in zip(texts, decoders, strict=True)]
    aside = Runner(oracle.path, kv_dtype="f16", threads=2, aside=True)
    for runner, chunk in ((together, 512), (together, 13), (together, 1), (aside, 512), (aside, 13)):
        for found, one in zip(runner.logits(texts, decoders, chunk), expected, strict=True):
            np.testing.assert_array_equal(found, one)


def test_constant_positions_are_those_that_older_folders_have() -> None:
    """Pegasus' folders have them as a tensor; for Marian they are made."""
    made, kept = (open_checkpoint(DATA / name) for name in ("marian-plain", "pegasus-plain"))
    assert made.tensors.spec("position_embd.weight") is not None
    table = made.tensors.blocks("position_embd.weight").view(np.float32)
    stored = kept.tensors.blocks("position_embd.weight").view(np.uint16).astype(np.uint32) << 16
    np.testing.assert_allclose(table, stored.view(np.float32), atol=4e-3)


def test_a_model_must_say_how_answers_begin(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match="neither decoder_start_token_id nor bos_token_id is set"):
        open_checkpoint(changed_folder(DATA / "t5-plain", tmp_path, decoder_start_token_id=None))


def test_a_token_outside_the_vocabulary_cannot_begin_an_answer(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "t5-plain", tmp_path, decoder_start_token_id=83)
    with pytest.raises(ModelFormatError, match=r"decoder_start_token_id is 83, it must be in 0\.\.82"):
        build_graph(open_checkpoint(folder))


def folder_with(setting: str, tmp_path: Path) -> Path:
    """A BART whose generation settings have one more."""
    folder = tmp_path / "model"
    shutil.copytree(DATA / "bart-plain", folder)
    (folder / "generation_config.json").write_text(f'{{"decoder_start_token_id": 2, {setting}}}')
    return folder


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('"encoder_no_repeat_ngram_size": 3', "encoder_no_repeat_ngram_size=3 is not supported"),
        ('"bad_words_ids": [[3, 4]]', "bad_words_ids of several tokens are not supported"),
        ('"renormalize_logits": true, "min_length": 3', "renormalize_logits together with min_length"),
        ('"do_sample": true, "num_beams": 4', "do_sample=True and num_beams=4 together"),
        ('"stop_strings": ["."]', "stop_strings"),
        ('"watermarking_config": {"bias": 2.0}', "watermarking_config"),
    ],
)
def test_generation_settings_that_are_not_built_are_refused(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        open_checkpoint(folder_with(setting, tmp_path))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('"max_length": "20"', "max_length must be an integer"),
        ('"max_length": -3', "max_length must be in 1"),
        ('"num_beams": "4"', "num_beams must be an integer"),
        ('"do_sample": "yes"', "do_sample must be true or false"),
        ('"bad_words_ids": [[83]]', "bad_words_ids must be of ids below 83"),
        ('"bad_words_ids": [["a"]]', "bad_words_ids must be of ids below 83"),
    ],
)
def test_generation_settings_of_the_wrong_type_are_a_broken_file(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=message):
        open_checkpoint(folder_with(setting, tmp_path))

"""Fields that config.json files of published models have besides those that today's transformers writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmagentos import UnsupportedModelError
from llmagentos.models import build_graph, open_checkpoint

from .families import DATA, changed_folder

_GENERATION = {"do_sample": False, "max_length": 20, "num_beams": 1, "temperature": 1.0, "top_k": 50, "top_p": 1.0}
# What transformers 2 wrote of every model.
_OF_VERSION_2 = {
    "finetuning_task": "sst-2",
    "num_labels": 2,
    "num_return_sequences": 1,
    "pruned_heads": {},
    "repetition_penalty": 1.0,
    "torchscript": False,
    "use_bfloat16": False,
}
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "SmolLM2": (
        "llama-plain",
        {"is_llama_config": True, "rope_interleaved": False, "transformers.js_config": {"dtype": "q4"}},
    ),
    "Falcon 3": ("llama-plain", {"activation": "swiglu"}),
    "Vicuna": ("llama-linear", {"max_sequence_length": 2048}),
    "Llama 2": ("llama-plain", {"max_length": 4096, "temperature": 0.9, "top_p": 0.6}),
    "Qwen 3 Coder": ("qwen3moe-plain", {"qkv_bias": False, "use_qk_norm": True, "shared_expert_intermediate_size": 0}),
    "Gemma 3n": (
        "gemma3n-whole",
        {"boi_token_id": 255999, "eoi_token_id": 262144, "boa_token_id": 256000, "eoa_token_id": 262272},
    ),
    "bart-large-cnn": ("bart-older", {"force_bos_token_to_be_generated": True, "normalize_before": False}),
    "distilbart-xsum": (
        "bart-older",
        {"replacing_rate": 0, "student_decoder_layers": [0, 11], "student_encoder_layers": [0, 1]},
    ),
    "BERT, Chinese": (
        "bert-plain",
        {
            "directionality": "bidi",
            "pooler_fc_size": 768,
            "pooler_num_attention_heads": 12,
            "pooler_num_fc_layers": 3,
            "pooler_size_per_head": 128,
            "pooler_type": "first_token_transform",
        },
    ),
    "classifiers of 2019": ("bert-labels", _OF_VERSION_2 | _GENERATION),
    "distilbert-sst-2": ("distilbert-labels", {"finetuning_task": "sst-2", "tie_weights_": True}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_published_models_have_besides_changes_nothing(name: str, tmp_path: Path) -> None:
    case, fields = PUBLISHED[name]
    found, usual = open_checkpoint(changed_folder(DATA / case, tmp_path, **fields)), open_checkpoint(DATA / case)
    build_graph(found)
    assert found.tensors.names() == usual.tensors.names()
    assert found.sampling == usual.sampling


@pytest.mark.parametrize(
    ("case", "field", "value"),
    [
        ("llama-plain", "rope_interleaved", True),
        ("llama-plain", "activation", "gelu"),
        ("bert-plain", "pruned_heads", {"0": [1]}),
        ("qwen3moe-plain", "use_qk_norm", False),
    ],
)
def test_a_value_that_would_change_the_model_is_refused(case: str, field: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=field):
        open_checkpoint(changed_folder(DATA / case, tmp_path, **{field: value}))


def test_the_oldest_form_of_a_forced_first_token_counts(tmp_path: Path) -> None:
    fields = {"forced_bos_token_id": None, "force_bos_token_to_be_generated": True, "bos_token_id": 5}
    checkpoint = open_checkpoint(changed_folder(DATA / "bart-older", tmp_path, **fields))
    assert checkpoint.metadata.integer("decoder_forced_bos_token_id") == 5


def test_how_a_decoder_samples_may_be_in_its_configuration(tmp_path: Path) -> None:
    fields = {"do_sample": True, "temperature": 0.7, "top_p": 0.9}
    checkpoint = open_checkpoint(changed_folder(DATA / "llama-plain", tmp_path, **fields))
    assert checkpoint.sampling == {"temperature": 0.7, "top_p": 0.9}


def test_the_text_part_of_gemma_3_has_the_usual_values_where_its_configuration_is_short(tmp_path: Path) -> None:
    given = open_checkpoint(DATA / "gemma3-pictures")
    short = ("rms_norm_eps", "rope_parameters", "query_pre_attn_scalar", "hidden_activation", "tie_word_embeddings")
    text = json.loads((DATA / "gemma3-pictures" / "config.json").read_text())["text_config"]
    text = {name: value for name, value in text.items() if name not in short}
    found = open_checkpoint(changed_folder(DATA / "gemma3-pictures", tmp_path, text_config=text))
    for key in ("attention.layer_norm_rms_epsilon", "attention.scale", "rope.freq_base", "rope.freq_base_swa"):
        assert found.metadata.number(key) == given.metadata.number(key)


def without(case: str, to: Path, *fields: str, **changed: Any) -> Path:
    """A case's model whose configuration lacks some fields, rather than having null there."""
    folder = changed_folder(DATA / case, to, **changed)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({name: config[name] for name in config if name not in fields}))
    return folder


USUAL: list[tuple[str, str, str, Any]] = [
    ("mistral-window", "sliding_window", "attention.sliding_window", 4096),
    ("ministral-mixed", "sliding_window", "attention.sliding_window", 4096),
    ("gemma2-plain", "sliding_window", "attention.sliding_window", 4096),
    ("gemma2-plain", "attn_logit_softcapping", "attn_logit_softcapping", 50.0),
    ("gemma2-plain", "final_logit_softcapping", "final_logit_softcapping", 30.0),
    ("gemma3-plain", "sliding_window", "attention.sliding_window", 4096),
    ("gemma3n-plain", "final_logit_softcapping", "final_logit_softcapping", 30.0),
    ("gpt_oss-plain", "sliding_window", "attention.sliding_window", 128),
    ("olmo3-ropes", "sliding_window", "attention.sliding_window", 4096),
    ("modernbert-plain", "local_attention", "attention.sliding_window", 128),
    ("llama4-scout", "attention_chunk_size", "attention.sliding_window", 8192),
    ("olmoe-plain", "rms_norm_eps", "attention.layer_norm_rms_epsilon", 1e-5),
    ("deepseek3-plain", "routed_scaling_factor", "expert_weights_scale", 2.5),
    ("m2m100-plain", "activation_function", "feed_forward_activation", "relu"),
]


@pytest.mark.parametrize(("case", "field", "key", "value"), USUAL)
def test_what_a_configuration_leaves_out_is_what_its_class_has(
    case: str, field: str, key: str, value: Any, tmp_path: Path
) -> None:
    checkpoint = open_checkpoint(without(case, tmp_path, field))
    assert checkpoint.metadata.source.get(f"{checkpoint.architecture}.{key}") == value


@pytest.mark.parametrize(
    ("case", "field", "key"), [row[:3] for row in USUAL if row[2] in ("attention.sliding_window", row[1])]
)
def test_null_says_that_there_is_none(case: str, field: str, key: str, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(changed_folder(DATA / case, tmp_path, **{field: None}))
    assert not checkpoint.metadata.source.get(f"{checkpoint.architecture}.{key}")


def test_the_text_part_of_mistral_small_has_the_usual_values_where_its_configuration_is_short(tmp_path: Path) -> None:
    text = json.loads((DATA / "mistral3-pictures" / "config.json").read_text())["text_config"]
    short = {name: value for name, value in text.items() if name not in ("num_attention_heads", "num_key_value_heads")}
    folder = changed_folder(DATA / "mistral3-pictures", tmp_path, text_config=short | {"head_dim": 2})
    metadata = open_checkpoint(folder).metadata
    assert (metadata.integer("attention.head_count"), metadata.integer("attention.head_count_kv")) == (32, 8)

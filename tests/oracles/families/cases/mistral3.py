"""Mistral Small 3.1 and Ministral 3."""

from __future__ import annotations

from tests.oracles.families.case import Case

from .llama import SMALL

YARN = {
    "rope_type": "yarn",
    "type": "yarn",
    "rope_theta": 1000.0,
    "factor": 16.0,
    "original_max_position_embeddings": 16,
    "max_position_embeddings": 256,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}
VISION = {
    "model_type": "pixtral",
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "image_size": 8,
    "patch_size": 4,
    "head_dim": 8,
}

CASES = [
    Case(
        "ministral3-plain",
        "Ministral3ForCausalLM",
        "Ministral3Config",
        SMALL | {"rope_parameters": YARN},
        "queries that grow with their positions, YaRN, tied head",
        dtype="float32",
        refused={"rope_parameters": YARN | {"rope_type": "proportional"}, "layer_types": ["sliding_attention"] * 2},
    ),
    Case(
        "ministral3-window",
        "Ministral3ForCausalLM",
        "Ministral3Config",
        SMALL
        | {"sliding_window": 24, "tie_word_embeddings": False}
        | {"rope_parameters": YARN | {"llama_4_scaling_beta": 0.4, "mscale_all_dim": 0.5, "factor": 4.0}},
        "another growth and magnitude, a window in all layers",
    ),
    Case(
        "mistral3-pictures",
        "Mistral3ForConditionalGeneration",
        "Mistral3Config",
        {
            "text_config": SMALL | {"model_type": "mistral", "tie_word_embeddings": False, "sliding_window": None},
            "vision_config": VISION,
            "tie_word_embeddings": False,
        },
        "Mistral as the text part of a model that sees pictures",
        json={"tie_word_embeddings": None},
    ),
    Case(
        "mistral3-ministral3",
        "Mistral3ForConditionalGeneration",
        "Mistral3Config",
        {
            "text_config": SMALL | {"model_type": "ministral3", "rope_parameters": YARN},
            "vision_config": VISION,
            "tie_word_embeddings": True,
        },
        "Ministral 3 as the text part, tied head",
        refused={"quantization_config": {"quant_method": "bitsandbytes"}},
    ),
]

"""MPNet (Song et al., 2020): BERT's layers without token types, with biases by distance that all layers share."""

from __future__ import annotations

from typing import Any

from llmagentos.models import bert
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import encoder_metadata
from llmagentos.models.hf_tensors import TensorRule, with_biases


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.expect("relative_attention_num_buckets", 32)  # transformers reads 32 of a table, however many it has
    return encoder_metadata(config) | bert.roberta_positions(config)


def _tensors(prefix: str, classifier: dict[str, str]) -> dict[str, TensorRule]:
    layer = prefix + "encoder.layer.{i}."
    return {
        "token_embd.weight": prefix + "embeddings.word_embeddings.weight",
        "position_embd.weight": bert.last_positions(prefix + "embeddings.position_embeddings.weight"),
        "attn_rel_b.weight": prefix + "encoder.relative_attention_bias.weight",
        **with_biases(
            {
                "token_embd_norm": prefix + "embeddings.LayerNorm",
                "blk.{i}.attn_q": layer + "attention.attn.q",
                "blk.{i}.attn_k": layer + "attention.attn.k",
                "blk.{i}.attn_v": layer + "attention.attn.v",
                "blk.{i}.attn_output": layer + "attention.attn.o",
                "blk.{i}.attn_output_norm": layer + "attention.LayerNorm",
                "blk.{i}.ffn_up": layer + "intermediate.dense",
                "blk.{i}.ffn_down": layer + "output.dense",
                "blk.{i}.layer_output_norm": layer + "output.LayerNorm",
                **classifier,
            }
        ),
    }


FAMILY = Family(
    bert.build,
    gguf=("mpnet",),
    hf={
        "MPNetModel": HfForm("mpnet", _metadata, _tensors("", {}), unused=("pooler.",)),
        "MPNetForSequenceClassification": HfForm(
            "mpnet",
            lambda config: _metadata(config) | classifier_metadata(config),
            _tensors("mpnet.", bert.ROBERTA_CLASSIFIER),
        ),
    },
    is_encoder=True,
)

"""DistilBERT (Sanh et al., 2019): BERT's layers, half of them, without token types."""

from __future__ import annotations

from typing import Any

from llmagentos.models import bert
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import ACTIVATIONS
from llmagentos.models.hf_tensors import TensorRule, with_biases


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("sinusoidal_pos_embds", "qa_dropout", "seq_classif_dropout")  # the table is stored all the same
    return {
        "context_length": config.integer("max_position_embeddings", low=1),
        "embedding_length": config.integer("dim", low=1),
        "block_count": config.integer("n_layers", low=1),
        "feed_forward_length": config.integer("hidden_dim", low=1),
        "attention.head_count": config.integer("n_heads", low=1),
        "attention.layer_norm_epsilon": 1e-12,
        "attention.causal": False,
        "hidden_activation": config.choice("activation", ACTIVATIONS, "gelu"),
        "vocab_size": config.integer("vocab_size", low=1),
    }


def _tensors(prefix: str, classifier: dict[str, str]) -> dict[str, TensorRule]:
    layer = prefix + "transformer.layer.{i}."
    return {
        "token_embd.weight": prefix + "embeddings.word_embeddings.weight",
        "position_embd.weight": prefix + "embeddings.position_embeddings.weight",
        **with_biases(
            {
                "token_embd_norm": prefix + "embeddings.LayerNorm",
                "blk.{i}.attn_q": layer + "attention.q_lin",
                "blk.{i}.attn_k": layer + "attention.k_lin",
                "blk.{i}.attn_v": layer + "attention.v_lin",
                "blk.{i}.attn_output": layer + "attention.out_lin",
                "blk.{i}.attn_output_norm": layer + "sa_layer_norm",
                "blk.{i}.ffn_up": layer + "ffn.lin1",
                "blk.{i}.ffn_down": layer + "ffn.lin2",
                "blk.{i}.layer_output_norm": layer + "output_layer_norm",
                **classifier,
            }
        ),
    }


FAMILY = Family(
    bert.build,
    gguf=(),
    hf={
        "DistilBertModel": HfForm("bert", _metadata, _tensors("", {})),
        "DistilBertForSequenceClassification": HfForm(
            "bert",
            lambda config: _metadata(config) | classifier_metadata(config, activation="relu"),
            _tensors("distilbert.", {"cls": "pre_classifier", "cls.output": "classifier"}),
        ),
    },
    is_encoder=True,
)

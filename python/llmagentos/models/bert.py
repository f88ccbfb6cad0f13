"""BERT (Devlin et al., 2018), RoBERTa and XLM-RoBERTa; DistilBERT and MPNet share the layers under other names.

An encoder with a norm after each residual. Positions are learned; MPNet has biases by distance as well.
"""

from __future__ import annotations

from typing import Any

from llmagentos._core.graph import Graph, RelativeBias
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import encoder_metadata
from llmagentos.models.hf_tensors import Rows, TensorRule, with_biases
from llmagentos.models.parts import Parts

MAX_DISTANCE = 128  # MPNet's: from which on all keys share a bucket


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    parts = Parts(checkpoint, g)
    parts.check_bidirectional()
    activation = parts.activation_named("hidden_activation", "gelu")
    bias = None
    if parts.has("attn_rel_b.weight"):
        n_buckets = parts.n_rows("attn_rel_b.weight")
        bias = RelativeBias("attn_rel_b.weight", n_buckets=n_buckets, max_distance=MAX_DISTANCE, is_bidirectional=True)

    x = parts.norm(g.add(parts.embed_with_types(), parts.embed_positions()), "token_embd_norm")
    for i in range(parts.n_layers):
        a = parts.attention(x, i, causal=False, relative_bias=bias)
        x = parts.norm(g.add(x, a), f"blk.{i}.attn_output_norm")
        f = parts.mlp(x, i, activation)
        x = parts.norm(g.add(x, f), f"blk.{i}.layer_output_norm")
    g.set_output(parts.pooled(x))


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("type_vocab_size")  # the tensor says
    return encoder_metadata(config)


def _roberta_metadata(config: HfConfig) -> dict[str, Any]:
    # Positions are counted from behind the padding's.
    return _metadata(config) | roberta_positions(config)


def roberta_positions(config: HfConfig) -> dict[str, Any]:
    """RoBERTa's first position is one past the padding token's id: rows before it are never used."""
    return {"context_length": config.integer("max_position_embeddings", low=1) - config.integer("pad_token_id", 1) - 1}


def last_positions(source: str) -> Rows:
    """As many of the last rows as there are positions."""
    return Rows(source, lambda n, meta: slice(n - meta["context_length"], n))


def _tensors(prefix: str, classifier: dict[str, str]) -> dict[str, TensorRule]:
    layer = prefix + "encoder.layer.{i}."
    return {
        "token_embd.weight": prefix + "embeddings.word_embeddings.weight",
        "position_embd.weight": last_positions(prefix + "embeddings.position_embeddings.weight"),
        "token_types.weight": prefix + "embeddings.token_type_embeddings.weight",
        **with_biases(
            {
                "token_embd_norm": prefix + "embeddings.LayerNorm",
                "blk.{i}.attn_q": layer + "attention.self.query",
                "blk.{i}.attn_k": layer + "attention.self.key",
                "blk.{i}.attn_v": layer + "attention.self.value",
                "blk.{i}.attn_output": layer + "attention.output.dense",
                "blk.{i}.attn_output_norm": layer + "attention.output.LayerNorm",
                "blk.{i}.ffn_up": layer + "intermediate.dense",
                "blk.{i}.ffn_down": layer + "output.dense",
                "blk.{i}.layer_output_norm": layer + "output.LayerNorm",
                **classifier,
            }
        ),
    }


ROBERTA_CLASSIFIER = {"cls": "classifier.dense", "cls.output": "classifier.out_proj"}
_BERT = HfForm("bert", _metadata, _tensors("", {}), prefix="bert.", unused=("pooler.", "bert.pooler."))
_BERT_CLASSIFIER = HfForm(
    "bert",
    lambda config: _metadata(config) | classifier_metadata(config),
    _tensors("bert.", {"cls": "bert.pooler.dense", "cls.output": "classifier"}),
)
_ROBERTA = HfForm("bert", _roberta_metadata, _tensors("", {}), prefix="roberta.", unused=("pooler.", "roberta.pooler."))
_ROBERTA_CLASSIFIER = HfForm(
    "bert",
    lambda config: _roberta_metadata(config) | classifier_metadata(config),
    _tensors("roberta.", ROBERTA_CLASSIFIER),
)

FAMILY = Family(
    build,
    gguf=("bert",),
    hf={
        "BertModel": _BERT,
        "BertForSequenceClassification": _BERT_CLASSIFIER,
        "RobertaModel": _ROBERTA,
        "RobertaForSequenceClassification": _ROBERTA_CLASSIFIER,
        "XLMRobertaModel": _ROBERTA,
        "XLMRobertaForSequenceClassification": _ROBERTA_CLASSIFIER,
    },
    is_encoder=True,
)

"""BERT (Devlin et al., 2018), RoBERTa, XLM-RoBERTa and CamemBERT; DistilBERT and MPNet name the same layers otherwise.

An encoder with a norm after each residual. Positions are learned; MPNet has biases by distance as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmagentos._core.graph import Graph, RelativeBias
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.family import Family, HfForm
from llmagentos.models.hf_classifier import classifier_metadata
from llmagentos.models.hf_config import HfConfig
from llmagentos.models.hf_metadata import encoder_metadata
from llmagentos.models.hf_tensors import Rows, TensorRule, with_biases
from llmagentos.models.layers import norms_after
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
    x = norms_after(
        parts,
        x,
        lambda h, i: parts.attention(h, i, causal=False, relative_bias=bias),
        lambda h, i: parts.mlp(h, i, activation),
    )
    g.set_output(parts.pooled(x))


# What Google's own files have of a layer that nothing here uses.
_OF_THE_FIRST_FILES = (
    "directionality",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
)


def _metadata(config: HfConfig) -> dict[str, Any]:
    config.ignore("type_vocab_size")  # the tensor says
    config.ignore(*_OF_THE_FIRST_FILES)
    return encoder_metadata(config)


def _roberta_metadata(config: HfConfig) -> dict[str, Any]:
    # Positions are counted from behind the padding's.
    return _metadata(config) | roberta_positions(config)


def roberta_positions(config: HfConfig) -> dict[str, Any]:
    """RoBERTa's first position is one past the padding token's id: rows before it are never used."""
    return {"context_length": config.integer("max_position_embeddings", low=1) - config.integer("pad_token_id", 1) - 1}


def _last_positions(source: str) -> Rows:
    """As many of the last rows as there are positions."""
    return Rows(source, lambda n, meta: slice(n - meta["context_length"], n))


def tensors(
    prefix: str, layer: str, names: Sequence[str], classifier: Mapping[str, str] | None = None
) -> dict[str, TensorRule]:
    """Where the values of the embedding and the layers are.

    Args:
        prefix: of all names but the classifier's.
        layer: what follows it in those of a layer, with {i} for the layer.
        names: of a layer's queries, keys, values, output, the norm behind that, the MLP's two matrices, the last norm.
        classifier: names of its tensors by GGUF's.
    """
    in_layer = {f"blk.{{i}}.{part}": prefix + layer + name for part, name in zip(_LAYER_PARTS, names, strict=True)}
    norm = {"token_embd_norm": prefix + "embeddings.LayerNorm"}
    return {
        "token_embd.weight": prefix + "embeddings.word_embeddings.weight",
        "position_embd.weight": _last_positions(prefix + "embeddings.position_embeddings.weight"),
        "token_types.weight": prefix + "embeddings.token_type_embeddings.weight",
        **with_biases(norm | in_layer | dict(classifier or {})),
    }


_LAYER_PARTS = (
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "attn_output_norm",
    "ffn_up",
    "ffn_down",
    "layer_output_norm",
)
LAYER = "encoder.layer.{i}."
_NAMES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
ROBERTA_CLASSIFIER = {"cls": "classifier.dense", "cls.output": "classifier.out_proj"}
# Of BERT's and RoBERTa's poolers, and of their heads for masked tokens.
_UNUSED = ("pooler.", "bert.pooler.", "roberta.pooler.", "cls.", "lm_head.")
_BERT = HfForm("bert", _metadata, tensors("", LAYER, _NAMES), prefix="bert.", unused=_UNUSED)
_BERT_CLASSIFIER = HfForm(
    "bert",
    lambda config: _metadata(config) | classifier_metadata(config),
    tensors("bert.", LAYER, _NAMES, {"cls": "bert.pooler.dense", "cls.output": "classifier"}),
)
_ROBERTA = HfForm("bert", _roberta_metadata, tensors("", LAYER, _NAMES), prefix="roberta.", unused=_UNUSED)
_ROBERTA_CLASSIFIER = HfForm(
    "bert",
    lambda config: _roberta_metadata(config) | classifier_metadata(config),
    tensors("roberta.", LAYER, _NAMES, ROBERTA_CLASSIFIER),
)

FAMILY = Family(
    build,
    gguf=("bert",),
    hf={
        "BertModel": _BERT,
        "BertForMaskedLM": _BERT,
        "BertForSequenceClassification": _BERT_CLASSIFIER,
        "RobertaModel": _ROBERTA,
        "RobertaForMaskedLM": _ROBERTA,
        "RobertaForSequenceClassification": _ROBERTA_CLASSIFIER,
        "XLMRobertaModel": _ROBERTA,
        "XLMRobertaForMaskedLM": _ROBERTA,
        "XLMRobertaForSequenceClassification": _ROBERTA_CLASSIFIER,
        "CamembertModel": _ROBERTA,
        "CamembertForMaskedLM": _ROBERTA,
        "CamembertForSequenceClassification": _ROBERTA_CLASSIFIER,
    },
    is_encoder=True,
)

"""BERT, RoBERTa, XLM-RoBERTa and CamemBERT."""

from __future__ import annotations

from typing import Any

from tests.oracles.families.case import VOCAB, Case

SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 128,
}
LABELS = {0: "good", 1: "bad", 2: "neither"}


def encoder(name: str, model_class: str, checks: str, config: dict[str, Any], **options: Any) -> Case:
    """A case of a class in BERT's manner; classifiers are told by their class."""
    stem = model_class.removesuffix("Model").removesuffix("ForSequenceClassification").removesuffix("ForMaskedLM")
    kind = "classifier" if model_class.endswith("ForSequenceClassification") else "encoder"
    return Case(name, model_class, f"{stem}Config", config, checks, kind=kind, **options)


CASES = [
    encoder(
        "bert-plain",
        "BertModel",
        "learned positions, token types",
        SMALL,
        dtype="float32",
        refused={"position_embedding_type": "relative_key", "is_decoder": True, "hidden_act": "mish"},
    ),
    encoder("bert-relu", "BertModel", "another activation", SMALL | {"hidden_act": "relu", "num_hidden_layers": 3}),
    encoder("bert-mlm", "BertForMaskedLM", "the head for masked tokens left out", SMALL),
    encoder(
        "bert-labels",
        "BertForSequenceClassification",
        "labels by name",
        SMALL | {"id2label": LABELS, "problem_type": "single_label_classification"},
        refused={"problem_type": "ranking"},
    ),
    encoder(
        "bert-cross",
        "BertForSequenceClassification",
        "one score, as cross-encoders have it",
        SMALL | {"num_labels": 1},
        json={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
        refused={"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.ReLU"}},
    ),
    encoder("roberta-plain", "RobertaModel", "positions behind the padding's", SMALL | {"type_vocab_size": 1}),
    encoder("roberta-mlm", "RobertaForMaskedLM", "the head for masked tokens left out", SMALL | {"type_vocab_size": 1}),
    encoder(
        "roberta-labels",
        "RobertaForSequenceClassification",
        "several labels at once",
        SMALL | {"type_vocab_size": 1, "id2label": LABELS, "problem_type": "multi_label_classification"},
    ),
    encoder("xlm-roberta-plain", "XLMRobertaModel", "positions behind the padding's", SMALL | {"type_vocab_size": 1}),
    encoder(
        "xlm-roberta-mlm",
        "XLMRobertaForMaskedLM",
        "the head for masked tokens left out",
        SMALL | {"type_vocab_size": 1},
    ),
    encoder(
        "xlm-roberta-rank",
        "XLMRobertaForSequenceClassification",
        "one score",
        SMALL | {"type_vocab_size": 1, "num_labels": 1},
    ),
    encoder("camembert-plain", "CamembertModel", "positions behind the padding's", SMALL | {"type_vocab_size": 1}),
    encoder(
        "camembert-mlm", "CamembertForMaskedLM", "the head for masked tokens left out", SMALL | {"type_vocab_size": 1}
    ),
    encoder(
        "camembert-labels",
        "CamembertForSequenceClassification",
        "labels by name",
        SMALL | {"type_vocab_size": 1, "id2label": LABELS},
    ),
]

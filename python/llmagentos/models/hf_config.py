"""config.json, with a record of what was read of it: a field that nothing reads must not change the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from llmagentos.errors import ModelFormatError, UnsupportedModelError

_T = TypeVar("_T")
_REQUIRED: Any = object()
_MAX_INT = 2**31 - 1  # what the core's sizes hold
_MAX_NUMBER = 1e30

# Fields that have no effect on inference: names, training, how transformers runs a model, and what the tokenizer and
# generation_config.json say as well. docs/models.md lists them.
WITHOUT_EFFECT = frozenset(
    {
        "_attn_implementation_autoset",
        "_name_or_path",
        "_num_labels",
        "activation_dropout",
        "architectures",
        "attention_dropout",
        "attention_probs_dropout_prob",
        "attn_implementation",
        "attn_pdrop",
        "auto_map",
        "bos_token_id",
        "cache_implementation",
        "chunk_size_feed_forward",
        "classif_dropout",
        "classifier_dropout",
        "decoder_layerdrop",
        "decoder_start_token_id",
        "dropout",
        "dropout_rate",
        "dtype",
        "emb_pdrop",
        "embd_pdrop",
        "embed_dropout",
        "embedding_dropout",
        "encoder_layerdrop",
        "eos_token_id",
        "finetuning_task",
        "forced_eos_token_id",
        "gradient_checkpointing",
        "hidden_dropout",
        "hidden_dropout_prob",
        "id2label",
        "init_std",
        "initializer_cutoff_factor",
        "initializer_factor",
        "initializer_range",
        "is_decoder",
        "is_encoder_decoder",
        "is_llama_config",
        "label2id",
        "layerdrop",
        "max_sequence_length",
        "max_window_layers_note",
        "model_type",
        "neftune_noise_alpha",
        "num_labels",
        "num_return_sequences",
        "output_attentions",
        "output_hidden_states",
        "output_past",
        "output_scores",
        "pad_token_id",
        "prefix",
        "pretraining_tp",
        "problem_type",
        "remove_invalid_values",
        "resid_dropout",
        "resid_pdrop",
        "residual_dropout",
        "return_dict",
        "return_dict_in_generate",
        "save_step",
        "sep_token_id",
        "task_specific_params",
        "tf_legacy_loss",
        "tokenizer_class",
        "torch_dtype",
        "torchscript",
        "transformers.js_config",
        "transformers_version",
        "unk_token_id",
        "unsloth_fixed",
        "unsloth_version",
        "use_bfloat16",
        "use_cache",
        "xla_device",
    }
)
# Options of which only some values are nothing: what they are where a model does not have them.
OFF: Mapping[str, Any] = {
    "add_cross_attention": False,
    "pruned_heads": {},
    "rope_interleaved": False,
    "tie_encoder_decoder": False,
}
_OF_ANOTHER_HEAD = "summary_"  # fields that GPT-2 and its kin have for one of their other classes


class HfConfig:
    """The fields of a configuration. A field that is null counts as absent.

    Args:
        path: of the folder, for errors.

    Raises:
        ModelFormatError: a required field is absent, or one is of another type than asked for, or out of range.
    """

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = {key: value for key, value in values.items() if value is not None}
        self._nulls = values.keys() - self._values.keys()
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """A field of any type."""
        self._read.add(name)
        return self._values.get(name, default)

    def integer(self, name: str, default: Any = _REQUIRED, *, low: int = 0) -> Any:
        """An integer of `low` or more."""
        value = self._typed(name, default, int, "an integer")
        if isinstance(value, int) and not low <= value <= _MAX_INT:
            raise self._wrong(name, f"in {low}..{_MAX_INT}", value)
        return value

    def number(self, name: str, default: Any = _REQUIRED, *, low: float = -_MAX_NUMBER) -> Any:
        """A finite number of `low` or more."""
        value = self._typed(name, default, (int, float), "a number")
        if isinstance(value, (int, float)) and not low <= value <= _MAX_NUMBER:
            raise self._wrong(name, f"in {low:g}..{_MAX_NUMBER:g}", value)
        return float(value) if isinstance(value, int) else value

    def flag(self, name: str, default: bool) -> bool:
        value = self._typed(name, default, bool, "true or false")
        return bool(value)

    def string(self, name: str, default: Any = _REQUIRED) -> Any:
        return self._typed(name, default, str, "a string")

    def object(self, name: str) -> dict[str, Any]:
        """A JSON object; an empty one where there is none."""
        return dict(self._typed(name, {}, dict, "an object"))

    def numbers(self, name: str, default: Any = _REQUIRED) -> Any:
        """A list of finite numbers."""
        return self._list(name, default, (int, float), "numbers")

    def integers(self, name: str, default: Any = _REQUIRED) -> Any:
        """A list of integers."""
        return self._list(name, default, int, "integers")

    def strings(self, name: str, default: Any = _REQUIRED) -> Any:
        """A list of texts."""
        return self._list(name, default, str, "texts")

    def choice(self, name: str, choices: Mapping[Any, _T], default: Any = _REQUIRED) -> _T:
        """What `choices` has for the field's value.

        Raises:
            UnsupportedModelError: another value.
        """
        value = self.get(name, default)
        if value is _REQUIRED:
            raise self._missing(name)
        try:
            return choices[value]
        except (KeyError, TypeError):
            known = ", ".join(repr(choice) for choice in choices)
            raise UnsupportedModelError(f"{self.path}: {name}={value!r} is not supported; these are: {known}") from None

    def expect(self, name: str, *allowed: Any) -> None:
        """That the field, where it is there, has one of these values; it then needs no further reading.

        Raises:
            UnsupportedModelError: another value.
        """
        value = self.get(name, allowed[0])
        if value not in allowed:
            raise UnsupportedModelError(f"{self.path}: {name}={value!r} is not supported for this model")

    def alias(self, name: str, other: str) -> None:
        """A field that has two names: what it is under the other one counts where there is nothing under the first."""
        self.ignore(other)
        if other in self._values:
            self._values.setdefault(name, self._values[other])

    def assume(self, name: str, value: Any, *, unless_null: bool = False) -> None:
        """What a field is where it is absent.

        Args:
            unless_null: whether a null says that there is no such thing.
        """
        if not (unless_null and name in self._nulls):
            self._values.setdefault(name, value)

    def ignore(self, *names: str) -> None:
        """Fields that are without effect on this family's inference."""
        self._read.update(names)

    def check_all_read(self) -> None:
        """Raises UnsupportedModelError where a field that may matter was not read."""
        unread = sorted(
            name
            for name in self._values.keys() - self._read - WITHOUT_EFFECT
            if not name.startswith(_OF_ANOTHER_HEAD) and not (name in OFF and self._values[name] == OFF[name])
        )
        if unread:
            named = ", ".join(f"{name}={self._values[name]!r}" for name in unread[:3])
            more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
            raise UnsupportedModelError(
                f"{self.path}: the configuration sets what this build has no place for: {named}{more}"
            )

    def _typed(self, name: str, default: Any, kind: Any, wanted: str) -> Any:
        value = self.get(name, default)
        if value is _REQUIRED:
            raise self._missing(name)
        if value is default:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._wrong(name, wanted, value)
        return value

    def _list(self, name: str, default: Any, kind: Any, wanted: str) -> Any:
        values = self._typed(name, default, list, f"a list of {wanted}")
        if values is default:
            return default
        for value in values:
            is_kind = isinstance(value, kind) and not isinstance(value, bool)
            if not is_kind or (isinstance(value, (int, float)) and not abs(value) <= _MAX_NUMBER):
                raise self._wrong(name, f"a list of {wanted}", values)
        return list(values)

    def _wrong(self, name: str, wanted: str, value: Any) -> ModelFormatError:
        return ModelFormatError(f"{self.path}: {name} must be {wanted}, it is {value!r}", self.path)

    def _missing(self, name: str) -> ModelFormatError:
        return ModelFormatError(f"{self.path}: config.json has no {name}", self.path)

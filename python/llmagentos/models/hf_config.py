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
        "architectures",
        "attention_dropout",
        "attention_probs_dropout_prob",
        "attn_implementation",
        "attn_pdrop",
        "auto_map",
        "bos_token_id",
        "cache_implementation",
        "chunk_size_feed_forward",
        "classifier_dropout",
        "decoder_start_token_id",
        "dropout",
        "dtype",
        "embd_pdrop",
        "embedding_dropout",
        "eos_token_id",
        "forced_eos_token_id",
        "hidden_dropout",
        "hidden_dropout_prob",
        "id2label",
        "init_std",
        "initializer_cutoff_factor",
        "initializer_factor",
        "initializer_range",
        "is_decoder",
        "is_encoder_decoder",
        "label2id",
        "max_window_layers_note",
        "model_type",
        "output_attentions",
        "output_hidden_states",
        "pad_token_id",
        "pretraining_tp",
        "problem_type",
        "resid_pdrop",
        "residual_dropout",
        "return_dict",
        "sep_token_id",
        "task_specific_params",
        "tokenizer_class",
        "torch_dtype",
        "transformers_version",
        "unsloth_fixed",
        "unsloth_version",
        "use_cache",
    }
)


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
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def names(self) -> list[str]:
        return list(self._values)

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

    def ignore(self, *names: str) -> None:
        """Fields that are without effect on this family's inference."""
        self._read.update(names)

    def check_all_read(self) -> None:
        """Raises UnsupportedModelError where a field that may matter was not read."""
        unread = sorted(self._values.keys() - self._read - WITHOUT_EFFECT)
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

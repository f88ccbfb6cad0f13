"""Which weight format each tensor of a quantised model gets: llama.cpp's mixes, by its names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from llmagentos.errors import InvalidRequestError, shown
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.formats.tensors import BLOCKS, TensorSpec

FLOATS = ("F32", "F16", "BF16")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor is: the `index`-th of its kind of `n` in the model."""

    index: int
    n: int
    architecture: str
    n_queries_per_key: int
    has_importance: bool

    @property
    def is_falcon(self) -> bool:
        return self.architecture == "falcon"

    @property
    def gets_more_bits(self) -> bool:
        """The first and last eighth of the layers, and every third between."""
        first = self.n // 8
        return self.index < first or self.index >= 7 * self.n // 8 or (self.index - first) % 3 == 2


Choice = Callable[[Place], "str | None"]


@dataclass(frozen=True, slots=True)
class Mix:
    """Formats by kind of tensor.

    Attributes:
        file_type: GGUF's general.file_type.
        base: what matrices get for which the mix says nothing else.
        by_kind: by the name's part that tells the kind: the format, or None for the base.
    """

    file_type: int
    base: str
    by_kind: Mapping[str, Choice] = field(default_factory=dict)


def _always(dtype: str) -> Choice:
    return lambda _: dtype


def _unless_falcon(dtype: str, falcon: str | None) -> Choice:
    return lambda place: falcon if place.is_falcon else dtype


def _more_bits(dtype: str) -> Choice:
    return lambda place: dtype if place.gets_more_bits else None


def _down_q4_k_m(place: Place) -> str | None:
    if place.is_falcon:
        return "Q6_K" if place.index < place.n // 16 else "Q5_K" if place.gets_more_bits else None
    return "Q6_K" if place.gets_more_bits else None


def _down_q3_k_m(place: Place) -> str | None:
    if place.index < place.n // 16:
        return "Q5_K"
    return "Q4_K" if not place.is_falcon or place.gets_more_bits else None


def _down_q4_k_s(place: Place) -> str | None:
    return "Q5_K" if not place.is_falcon and place.index < place.n // 8 else None


def _guarded(dtype: str) -> dict[str, Choice]:
    # Scales weighted by importance can go astray in the first layers' down projections: a min of their own holds them.
    return {"ffn_down": lambda place: dtype if place.has_importance and place.index < place.n // 8 else None}


_MIXES: dict[str, Mix] = {
    "f32": Mix(0, "F32"),
    "f16": Mix(1, "F16"),
    "bf16": Mix(32, "BF16"),
    "q8_0": Mix(7, "Q8_0"),
    "q4_0": Mix(2, "Q4_0", _guarded("Q4_1")),
    "q4_1": Mix(3, "Q4_1"),
    "q5_0": Mix(8, "Q5_0", _guarded("Q5_1")),
    "q5_1": Mix(9, "Q5_1"),
    "q6_k": Mix(18, "Q6_K"),
    "q5_k_m": Mix(17, "Q5_K", {"attn_v": _more_bits("Q6_K"), "ffn_down": _more_bits("Q6_K")}),
    "q5_k_s": Mix(16, "Q5_K"),
    "q4_k_m": Mix(15, "Q4_K", {"attn_v": _more_bits("Q6_K"), "ffn_down": _down_q4_k_m}),
    "q4_k_s": Mix(14, "Q4_K", {"attn_v": lambda place: "Q5_K" if place.index < 4 else None, "ffn_down": _down_q4_k_s}),
    "q3_k_l": Mix(
        13,
        "Q3_K",
        {
            "attn_v": _always("Q5_K"),
            "ffn_down": _unless_falcon("Q5_K", "Q4_K"),
            "attn_output": _unless_falcon("Q5_K", "Q4_K"),
        },
    ),
    "q3_k_m": Mix(
        12,
        "Q3_K",
        {
            "attn_v": lambda place: "Q5_K" if place.index < 2 else "Q4_K",
            "ffn_down": _down_q3_k_m,
            "attn_output": _unless_falcon("Q4_K", None),
        },
    ),
    "q3_k_s": Mix(11, "Q3_K"),
    "q2_k": Mix(
        10,
        "Q2_K",
        {
            "attn_v": lambda place: "Q4_K" if place.n_queries_per_key >= 4 else "Q3_K",
            "ffn_down": _always("Q3_K"),
            "attn_output": _unless_falcon("Q3_K", None),
        },
    ),
    "iq4_nl": Mix(
        25,
        "IQ4_NL",
        {
            "attn_v": lambda place: "Q5_K" if place.n_queries_per_key >= 4 else None,
            "ffn_down": lambda place: "Q5_K" if place.index < place.n // 8 and not place.has_importance else None,
        },
    ),
}
_ALIASES = {"q5_k": "q5_k_m", "q4_k": "q4_k_m", "q3_k": "q3_k_m"}
MIXES = tuple(_MIXES)

# Instead of a format whose blocks of 256 do not divide a row: one with blocks of 32.
_NARROW = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
# Matrices that are small and matter much: routers, positions, biases of attention.
_KEPT = re.compile(
    r"_norm\.weight$|ffn_gate_inp|altup|laurel|per_layer_model_proj|attn_rel_b|position_embd|token_types|ssm_conv1d"
)
_FUSED = re.compile(r"attn_(qkv|kv_b)\.weight$")
_LAYER = re.compile(r"blk\.(\d+)\.")
# With eight experts attention is a small part of the model.
_OUTPUT_OF_EIGHT = ("q2_k", "q3_k_s", "q3_k_m", "q4_k_s", "q4_k_m", "iq4_nl")


def mix_named(name: str, argument: str = "quantize", others: Sequence[str] = ()) -> str:
    """The mix's own name, from that or an alias in any case.

    Raises:
        InvalidRequestError: there is none; names `argument`, and besides the mixes `others`, which it takes as well.
    """
    lowered = str(name).lower()
    lowered = _ALIASES.get(lowered, lowered)
    if lowered not in _MIXES:
        raise InvalidRequestError(
            f"{argument}={shown(name)} is not valid: it must be one of {', '.join([*MIXES, *others])}"
        )
    return lowered


def file_type(mix: str) -> int:
    """GGUF's general.file_type of a mix."""
    return _MIXES[mix].file_type


def is_quantizable(name: str, spec: TensorSpec) -> bool:
    """Whether mixes change the tensor: a matrix, or a stack of them, that is not among those that matter too much."""
    return len(spec.shape) > 1 and name.endswith("weight") and not _KEPT.search(name)


def formats_of(checkpoint: Checkpoint, mix: str, *, has_importance: bool = False) -> dict[str, str]:
    """The format of every tensor under a mix; of what is not quantised, F32 where it is a float of another kind.

    It reads the metadata: build the model's graph first where unread options are to be found.

    Args:
        mix: one of MIXES.
        has_importance: whether errors will be weighted.
    """
    specs = {name: spec for name in checkpoint.tensors.names() if (spec := checkpoint.tensors.spec(name)) is not None}
    formats = {name: "F32" if spec.dtype in FLOATS else spec.dtype for name, spec in specs.items()}
    chooser = _Chooser(checkpoint, mix, specs, has_importance)
    # By layer, so that the n-th of a kind is the n-th layer's that has one.
    for name in sorted((name for name in specs if is_quantizable(name, specs[name])), key=_by_layer):
        formats[name] = chooser.choose(name, specs[name].shape[-1])
    return formats


def check_is_float(checkpoint: Checkpoint, formats: Mapping[str, str]) -> None:
    """Raises InvalidRequestError where a matrix would be quantised whose values are rounded already."""
    for name, wanted in formats.items():
        spec = checkpoint.tensors.spec(name)
        if spec is not None and spec.dtype not in FLOATS and wanted != spec.dtype and wanted not in FLOATS:
            raise InvalidRequestError(
                f"{checkpoint.path} is quantised already: {name} is {spec.dtype}, and making it {wanted} would "
                "round it twice"
            )


def _by_layer(name: str) -> tuple[int, str]:
    layer = _LAYER.search(name)
    return (int(layer[1]) if layer else -1, name)


class _Chooser:
    def __init__(self, checkpoint: Checkpoint, mix: str, specs: Mapping[str, TensorSpec], has_importance: bool) -> None:
        self._name, self._mix, self._has_importance = mix, _MIXES[mix], has_importance
        self._architecture = checkpoint.architecture
        self._is_tied = "output.weight" not in specs
        self._n_layers = checkpoint.n_layers
        self._n_experts = checkpoint.metadata.integer("expert_count", 0, low=0)
        self._n_queries_per_key = _queries_per_key(checkpoint)
        self._n_values = sum("attn_v.weight" in name or bool(_FUSED.search(name)) for name in specs)
        self._counts: dict[str, int] = {}

    def choose(self, name: str, n_cols: int) -> str:
        dtype = self._mix.base
        if dtype in FLOATS:
            return dtype
        if name == "output.weight" or (self._is_tied and name == "token_embd.weight"):
            dtype = self._head(n_cols)
        elif name != "token_embd.weight":
            dtype = self._by_kind(name)
        if n_cols % BLOCKS[dtype][0]:
            dtype = _NARROW.get(dtype, "F16")
        return dtype if n_cols % BLOCKS[dtype][0] == 0 else "F16"

    def _head(self, n_cols: int) -> str:
        if self._architecture == "falcon" or n_cols % BLOCKS[self._mix.base][0]:
            return "Q8_0"
        return "Q8_0" if self._mix.base == "Q8_0" else "Q6_K"

    def _by_kind(self, name: str) -> str:
        base, has_eight = self._mix.base, self._n_experts == 8
        if "attn_v.weight" in name or _FUSED.search(name):
            dtype = self._chosen("attn_v", self._next("attn_v", name), self._n_values) or base
            # Of 80 layers with grouped queries, values are a small part.
            if self._n_layers == 80 and self._n_queries_per_key > 1 and dtype in ("Q3_K", "Q4_K"):
                dtype = "Q5_K"
            return "Q8_0" if has_eight else dtype
        if "attn_k.weight" in name and has_eight:
            return "Q8_0"
        if "attn_output.weight" in name and has_eight and self._architecture != "falcon":
            return "Q5_K" if self._name in _OUTPUT_OF_EIGHT else base
        if "attn_output.weight" in name:
            return self._chosen("attn_output", 0, 1) or base
        if "ffn_down" in name:
            return self._chosen("ffn_down", self._next("ffn_down", name), self._n_layers) or base
        return base

    def _chosen(self, kind: str, index: int, n: int) -> str | None:
        choice = self._mix.by_kind.get(kind)
        if choice is None:
            return None
        return choice(Place(index, n, self._architecture, self._n_queries_per_key, self._has_importance))

    def _next(self, kind: str, name: str) -> int:
        """The how-manieth of its kind; of experts, which may be several a layer, the layer."""
        index = self._counts.get(kind, 0)
        self._counts[kind] = index + 1
        layer = _LAYER.search(name)
        return int(layer[1]) if kind == "ffn_down" and self._n_experts > 1 and layer else index


def _queries_per_key(checkpoint: Checkpoint) -> int:
    heads, kv_heads = (_first(checkpoint, f"attention.{name}", 1) for name in ("head_count", "head_count_kv"))
    return heads // kv_heads if kv_heads else 1


def _first(checkpoint: Checkpoint, name: str, default: int) -> int:
    """A number that some files give for each layer."""
    if checkpoint.metadata.is_array(name):
        values = checkpoint.metadata.integers(name)
        return values[0] if values else default
    return checkpoint.metadata.integer(name, default, low=0)

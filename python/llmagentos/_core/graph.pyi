from collections.abc import Sequence
from typing import Literal, TypeAlias

ActivationName: TypeAlias = Literal[
    "silu", "gelu", "gelu_tanh", "gelu_sigmoid", "relu", "relu_squared", "tanh", "sigmoid"
]

class RopeParams:
    """Rotary embedding: pair i of 2 n of a head's elements, from `first` on, turns by position *
    inverse_frequencies[i], i < n.

    `magnitude` is what the rotated elements are multiplied by, too.
    """

    def __init__(
        self,
        inverse_frequencies: Sequence[float],
        *,
        magnitude: float = 1.0,
        pairs: Literal["halves", "adjacent"] = "halves",
        first: int = 0,
    ) -> None: ...

class RelativeBias:
    """T5's position biases: a weight [n_buckets, n_heads] whose rows are chosen by the distance from query to key."""

    def __init__(self, weight: str, *, n_buckets: int, max_distance: int, is_bidirectional: bool) -> None: ...

class Graph:
    """A model as ops over values [rows, width]. Methods add a node and return its value's id.

    Raises InvalidRequestError where shapes do not fit, naming the op. An empty name of a bias stands for none.
    """

    def __init__(self) -> None: ...
    def begin_encoder(self) -> None:
        """Nodes that follow belong to the encoder of an encoder-decoder model."""

    def begin_decoder(self) -> None:
        """Nodes that follow belong to the model itself again."""

    def embed(
        self,
        weight: str,
        n_rows: int,
        width: int,
        by: Literal["token", "position", "type"] = "token",
        offset: int = 0,
        others_first: bool = False,
    ) -> int:
        """Row index + offset of a weight [n_rows, width], where the index is a token's id, position or type.

        With `others_first` an index that has no row takes the first one; otherwise a batch with one is refused.
        """

    def linear(self, x: int, weight: str, out_width: int, bias: str = "") -> int: ...
    def layer_norm(self, x: int, weight: str, bias: str, eps: float, head_dim: int = 0) -> int: ...
    def rms_norm(self, x: int, weight: str, eps: float, head_dim: int = 0) -> int:
        """An empty name of the weight: it only normalises."""

    def rope(self, x: int, head_dim: int, params: RopeParams) -> int: ...
    def attention(
        self,
        q: int,
        k: int | None,
        v: int | None,
        *,
        layer: int,
        n_heads: int,
        n_kv_heads: int,
        head_dim: int,
        scale: float,
        softcap: float = 0.0,
        window: int = 0,
        causal: bool = True,
        alibi_slopes: Sequence[float] = (),
        relative_bias: RelativeBias | None = None,
        sinks: str = "",
        chunk: int = 0,
    ) -> int:
        """Attention over the sequence; keys and values are stored in the cache.

        A window hides keys at its distance and beyond; without `causal`, in both directions. `alibi_slopes` are times
        the distance what is taken from a score. `sinks` names a vector [n_heads] of scores that have no value.
        With a `chunk` positions come in chunks of that many, and a query sees keys of its own one only.
        Without k and v it reads what an attention before it has stored in the same layer.
        """

    def cross_attention(self, q: int, *, layer: int, n_heads: int, n_kv_heads: int, head_dim: int, scale: float) -> int:
        """Attention over what `store_cross` has left in the same layer."""

    def store_cross(self, k: int, v: int, *, layer: int, n_kv_heads: int, head_dim: int) -> None: ...
    def moe(
        self,
        x: int,
        logits: int,
        *,
        gate: str,
        up: str,
        down: str,
        n_experts: int,
        n_used: int,
        hidden: int,
        activation: ActivationName,
        scores: Literal["softmax", "sigmoid"] = "softmax",
        normalised: bool = True,
        scale: float = 1.0,
        n_groups: int = 1,
        n_groups_used: int = 1,
        limit: float = 0.0,
        up_shift: float = 0.0,
        gate_bias: str = "",
        up_bias: str = "",
        down_bias: str = "",
        selection_bias: str = "",
        n_group_scores: int = 2,
        weighs_inputs: bool = False,
    ) -> int:
        """The weighted sum over the experts that each token goes to.

        Args:
            logits: the router's, [n_experts] a row.
            gate, up, down: weights [n_experts, hidden, width], those of `down` [n_experts, width, hidden].
            n_used: experts a token goes to: those of the best scores, of equal ones the first.
            hidden: width inside an expert.
            scores: what the logits are turned to. `normalised`: the chosen ones are divided by their sum. `scale`: of
                the weights that come of it.
            n_groups, n_groups_used: experts come in groups of consecutive ones, of which the best are chosen first, by
                the sum of the best `n_group_scores` of each.
            limit: bound on gate (above) and on up (both sides); 0: none. `up_shift` is added to up after that.
            gate_bias, up_bias, down_bias: vectors, one for each expert.
            selection_bias: a vector [n_experts] that is added to scores for the choice only.
            weighs_inputs: whether the weights are those of what experts read, instead of what they make of it.
        """

    def activation(self, x: int, kind: ActivationName) -> int: ...
    def glu(self, gate: int, up: int, activation: ActivationName) -> int: ...
    def add(self, a: int, b: int) -> int: ...
    def scale(self, x: int, factor: float) -> int: ...
    def scale_rows(self, x: int, factors: int) -> int:
        """Each row of x times the one element of the same row of `factors`."""

    def scale_columns(self, x: int, weight: str) -> int:
        """Each row times a vector."""

    def scale_by_position(self, x: int, *, period: int, slope: float, first: int = 1) -> int:
        """Each row times 1 + slope * log(1 + floor((position + first) / period)); `first` is 0 or 1."""

    def slice_heads(self, x: int, *, n_heads: int, n: int, size: int, first: int = 0, tail: int | None = None) -> int:
        """Of each head of x elements first to first + n - 1, then the row of `tail`, then zeros: `size` in all."""

    def mix(
        self,
        x: int,
        *,
        parts: int,
        constants: Sequence[float] = (),
        coefficients: int | None = None,
        base: int | None = None,
    ) -> int:
        """Sums of the `parts` that each row of x consists of.

        Part o of the result is that of `base`, if any, plus the sum over the parts p of x, each times element
        o * parts + p of the row of `coefficients` plus that of `constants`, of which either may be missing.
        """

    def match_rms(self, x: int, like: int, *, least: float) -> int:
        """Each row scaled to the root mean square of that of `like`; a mean square below `least` counts as that."""

    def excess(self, x: int, deviations: float) -> int:
        """By how much elements exceed their row's mean plus so many of its standard deviations; 0 elsewhere."""

    def softcap(self, x: int, cap: float) -> int: ...
    def clamp(self, x: int, limit: float) -> int: ...
    def select_rows(self, x: int) -> int: ...
    def mean_rows(self, x: int) -> int:
        """For each row asked for, the mean over all rows of its sequence."""

    def set_output(self, logits: int) -> None: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def weights(self) -> list[tuple[str, tuple[int, ...]]]:
        """Name and shape of every weight, outermost dimension first."""

    @property
    def expert_shares(self) -> dict[str, float]:
        """Of the weights that hold all experts of a layer: the part that one token uses."""

    @property
    def looked_up(self) -> set[str]:
        """Weights of which a token needs single rows: embeddings that no linear layer uses too."""

    @property
    def attentions(self) -> list[tuple[int, int, int]]:
        """KV heads, their size and the window (0: all earlier keys) of every attention to the text itself."""

    def n_steps(self, fuse: bool = True) -> int:
        """Steps after compilation: phases between barriers."""

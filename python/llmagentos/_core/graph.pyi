from typing import Literal

class RopeParams:
    """Rotary embedding: the first n_dims elements of a head rotate by position * position_scale * base^(-2i/n_dims)."""

    def __init__(
        self,
        *,
        n_dims: int,
        base: float,
        position_scale: float = 1.0,
        pairs: Literal["halves", "adjacent"] = "halves",
    ) -> None: ...

class Graph:
    """A model as ops over values [rows, width]. Methods add a node and return its value's id.

    Raises InvalidRequestError where shapes do not fit, naming the op.
    """

    def __init__(self) -> None: ...
    def embed(self, weight: str, vocab_size: int, width: int) -> int: ...
    def linear(self, x: int, weight: str, out_width: int) -> int: ...
    def rms_norm(self, x: int, weight: str, eps: float, head_dim: int = 0) -> int: ...
    def rope(self, x: int, head_dim: int, params: RopeParams) -> int: ...
    def attention(
        self,
        q: int,
        k: int,
        v: int,
        *,
        layer: int,
        n_heads: int,
        n_kv_heads: int,
        head_dim: int,
        scale: float,
        softcap: float = 0.0,
        window: int = 0,
    ) -> int: ...
    def glu(self, gate: int, up: int, activation: Literal["silu", "gelu_tanh"]) -> int: ...
    def add(self, a: int, b: int) -> int: ...
    def scale(self, x: int, factor: float) -> int: ...
    def softcap(self, x: int, cap: float) -> int: ...
    def select_rows(self, x: int) -> int: ...
    def set_output(self, logits: int) -> None: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def weights(self) -> list[tuple[str, int, int]]:
        """Name, rows and columns of every weight; a vector is one row."""

    @property
    def attentions(self) -> list[tuple[int, int, int]]:
        """KV heads, their size and the window (0: all earlier keys) of every attention."""

    def n_steps(self, fuse: bool = True) -> int:
        """Steps after compilation: phases between barriers."""

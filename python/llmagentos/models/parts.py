"""The parts that decoders and encoders are put together from.

Sizes are read under GGUF's metadata keys, weights have GGUF's names. A bias, or a norm of queries and keys, is there
where the checkpoint has its tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

from llmagentos._core.graph import Graph, RelativeBias, RopeParams
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint

Activation = Literal["silu", "gelu", "gelu_tanh", "gelu_sigmoid", "relu", "relu_squared", "tanh", "sigmoid"]
_MOST = 2**16  # heads, and elements of one; bounds what is made for each
DENSE = tuple(f"dense_{i}" for i in range(1, 10))  # layers behind the pooling, by their place among the modules


class Parts:
    """Adds a checkpoint's parts to a graph.

    Args:
        stack: the encoder or the decoder of a model that has both: the prefix of its tensors' names.
        one_head_size: whether values must be as long as keys.
        hidden: the attribute; None for what the metadata says of all layers.

    Attributes:
        width: of the residual stream.
        n_heads, n_kv_heads, head_dim: of attention.
        value_dim: of a head's values.
        hidden: width inside the MLPs.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        g: Graph,
        *,
        head_dim: int | None = None,
        stack: Literal["", "enc.", "dec."] = "",
        one_head_size: bool = True,
        hidden: int | None = None,
    ) -> None:
        meta = checkpoint.metadata
        self.checkpoint, self.g, self.meta, self.stack = checkpoint, g, meta, stack
        self.width = meta.integer("embedding_length")
        self.n_layers = checkpoint.n_decoder_layers if stack == "dec." else checkpoint.n_layers
        self.n_heads = meta.integer("attention.head_count", high=_MOST)
        self.n_kv_heads = meta.integer("attention.head_count_kv", self.n_heads)
        usual = head_dim or max(self.width // self.n_heads, 1)
        self.head_dim = meta.integer("attention.key_length", usual, high=_MOST)
        self.hidden = hidden or meta.integer("feed_forward_length")
        self.value_dim = meta.integer("attention.value_length", self.head_dim)
        if one_head_size and self.value_dim != self.head_dim:
            raise UnsupportedModelError(
                f"{checkpoint.path}: heads with keys of {self.head_dim} and values of {self.value_dim} elements "
                "are not supported"
            )
        rms_eps = meta.number("attention.layer_norm_rms_epsilon", None)
        self._is_rms, self._eps = rms_eps is not None, rms_eps or meta.number("attention.layer_norm_epsilon")

    def block(self, layer: int) -> str:
        """What the names of a layer's tensors begin with."""
        return f"{self.stack}blk.{layer}."

    def check_decoding(self) -> None:
        """That an encoder-decoder model says how its answers begin.

        Raises:
            ModelFormatError: it does not, or by tokens that it does not have.
        """
        _ = self.checkpoint.decoding

    def has(self, name: str) -> bool:
        return self.checkpoint.has_tensor(name)

    def n_rows(self, name: str) -> int:
        """The first dimension of a tensor, such as the vocabulary's size.

        Raises:
            UnsupportedModelError: there is no such tensor.
        """
        spec = self.checkpoint.tensors.spec(name)
        if spec is None or not spec.shape:
            raise UnsupportedModelError(
                f"{self.checkpoint.path}: there is no tensor {name}, which the architecture needs"
            )
        return spec.shape[0]

    def embed(self, name: str = "token_embd.weight", width: int | None = None) -> int:
        """Rows of the token embedding, which are as wide as the residual stream unless a width is given."""
        return self.g.embed(name, self.n_rows(name), width or self.width)

    def embed_positions(self, offset: int = 0, name: str = "position_embd.weight") -> int:
        """Learned positions, of which the first is at row `offset`."""
        return self.g.embed(name, self.n_rows(name), self.width, by="position", offset=offset)

    def embed_with_types(self) -> int:
        """Tokens, with the embedding of their type added where the checkpoint has one."""
        name, x = "token_types.weight", self.embed()
        if not self.has(name):
            return x
        return self.g.add(x, self.g.embed(name, self.n_rows(name), self.width, by="type"))

    def linear(self, x: int, name: str, out_width: int) -> int:
        return self.g.linear(x, f"{name}.weight", out_width, self.bias(name))

    def norm(self, x: int, name: str, head_dim: int = 0) -> int:
        """Root-mean-square or layer normalisation, by which epsilon the checkpoint has."""
        if self._is_rms:
            return self.g.rms_norm(x, f"{name}.weight", self._eps, head_dim)
        return self.g.layer_norm(x, f"{name}.weight", self.bias(name), self._eps, head_dim)

    def attention(
        self,
        h: int,
        layer: int,
        *,
        rope: RopeParams | None = None,
        scale: float | None = None,
        window: int = 0,
        softcap: float = 0.0,
        causal: bool = True,
        alibi_slopes: Sequence[float] = (),
        relative_bias: RelativeBias | None = None,
        sinks: str = "",
        clamp: float | None = None,
        chunk: int = 0,
        is_normalised: bool = False,
        query_scale: tuple[int, float, int] | None = None,
    ) -> int:
        """Self-attention with its projections; queries and keys are normalised where the checkpoint has norms for them.

        Args:
            scale: of the scores; None for 1 / sqrt(head_dim).
            clamp: bound on the projections' magnitude.
            chunk: as `Graph.attention` has it.
            is_normalised: whether each head of queries and keys is, without a weight.
            query_scale: period, slope and first position of `Graph.scale_by_position`.
        """
        g, block, size = self.g, self.block(layer), self.head_dim
        q = self.linear(h, block + "attn_q", self.n_heads * size)
        k = self.linear(h, block + "attn_k", self.n_kv_heads * size)
        v = self.linear(h, block + "attn_v", self.n_kv_heads * size)
        if clamp is not None:
            q, k, v = g.clamp(q, clamp), g.clamp(k, clamp), g.clamp(v, clamp)
        q, k = self._head_norm(q, block + "attn_q_norm"), self._head_norm(k, block + "attn_k_norm")
        if is_normalised:
            q, k = g.rms_norm(q, "", self._eps, size), g.rms_norm(k, "", self._eps, size)
        if query_scale is not None:
            q = g.scale_by_position(q, period=query_scale[0], slope=query_scale[1], first=query_scale[2])
        if rope is not None:
            q, k = g.rope(q, size, rope), g.rope(k, size, rope)
        a = g.attention(
            q,
            k,
            v,
            layer=layer if causal else 0,  # what all see is of this batch alone: layers need no place of their own
            n_heads=self.n_heads,
            n_kv_heads=self.n_kv_heads,
            head_dim=size,
            scale=size**-0.5 if scale is None else scale,
            softcap=softcap,
            window=window,
            causal=causal,
            alibi_slopes=list(alibi_slopes),
            relative_bias=relative_bias,
            sinks=sinks,
            chunk=chunk,
        )
        return self.linear(a, block + ("attn_o" if self.stack else "attn_output"), self.width)

    def store_cross(self, encoded: int, layer: int) -> None:
        """The keys and values that a decoder's layer sees of what the encoder made of its input."""
        name, width = f"dec.blk.{layer}.cross_attn_", self.n_kv_heads * self.head_dim
        k, v = self.linear(encoded, name + "k", width), self.linear(encoded, name + "v", width)
        self.g.store_cross(k, v, layer=layer, n_kv_heads=self.n_kv_heads, head_dim=self.head_dim)

    def cross_attention(self, h: int, layer: int, *, scale: float | None = None) -> int:
        """Attention over the encoder's input, with its projections of queries and output."""
        name, size = f"dec.blk.{layer}.cross_attn_", self.head_dim
        a = self.g.cross_attention(
            self.linear(h, name + "q", self.n_heads * size),
            layer=layer,
            n_heads=self.n_heads,
            n_kv_heads=self.n_kv_heads,
            head_dim=size,
            scale=size**-0.5 if scale is None else scale,
        )
        return self.linear(a, name + "o", self.width)

    def gated_mlp(
        self, h: int, layer: int, activation: Activation, *, suffix: str = "", hidden: int | None = None
    ) -> int:
        """down(activation(gate(h)) * up(h)).

        Args:
            suffix: of the weights' names.
            hidden: width inside; None for that of the checkpoint's MLPs.
        """
        block, hidden = f"{self.block(layer)}ffn_", hidden or self.hidden
        gate = self.linear(h, f"{block}gate{suffix}", hidden)
        up = self.linear(h, f"{block}up{suffix}", hidden)
        return self.linear(self.g.glu(gate, up, activation), f"{block}down{suffix}", self.width)

    def mlp(self, h: int, layer: int, activation: Activation) -> int:
        """down(activation(up(h)))."""
        block = self.block(layer)
        up = self.linear(h, block + "ffn_up", self.hidden)
        return self.linear(self.g.activation(up, activation), block + "ffn_down", self.width)

    def logits(self, x: int, *, scale: float = 1.0, bound: float = 0.0) -> int:
        """The last norm and the output head, or what stands in its place.

        Args:
            scale: of the logits.
            bound: on their magnitude, which they approach as a hyperbolic tangent; 0: none.
        """
        h = self.head(self.norm(self.output_rows(x), "output_norm"))
        if self.checkpoint.pooling is not None:
            return h
        h = self.g.scale(h, scale)
        return self.g.softcap(h, bound) if bound > 0 else h

    def output_rows(self, x: int) -> int:
        """The rows that the output is made of: those whose logits are wanted, or all where a text is pooled."""
        return x if self.checkpoint.pooling is not None else self.g.select_rows(x)

    def head(self, h: int) -> int:
        """The output head on `output_rows`; its matrix is the embedding where there is none of its own.

        A checkpoint that is opened for one vector of each text has that in place of the head.
        """
        if self.checkpoint.pooling is not None:
            return self.pooled(h)
        matrix = "output.weight" if self.has("output.weight") else "token_embd.weight"
        return self.g.linear(h, matrix, self.n_rows(matrix), self.bias("output"))

    def pooled(self, x: int, *, classifier_activation: Activation = "tanh") -> int:
        """One vector for each text: the mean of its rows or one of them, then the layers behind that.

        A classifier has an activated layer and a norm, each where the checkpoint has it, and its outputs; an embedding
        may have layers that sentence-transformers calls Dense.
        """
        pooling = self.checkpoint.pooling
        if pooling is None:
            raise UnsupportedModelError(f"{self.checkpoint.path}: the model does not say how to pool its rows")
        h = self.g.mean_rows(x) if pooling.rows == "mean" else self.g.select_rows(x)
        if pooling.is_classifier:
            if self.has("cls.weight"):
                h = self.linear(h, "cls", self.n_rows("cls.weight"))
                h = self.g.activation(h, self.activation_named("classifier.activation", classifier_activation))
            if self.has("cls.norm.weight"):
                h = self.norm(h, "cls.norm")
            return self.linear(h, "cls.output", self.n_rows("cls.output.weight"))
        for name in DENSE:
            if self.has(f"{name}.weight"):
                for side in ("in", "out"):  # llama.cpp's files say again what the tensor does
                    self.meta.integer(f"{name}_feat_{side}", None)
                h = self.linear(h, name, self.n_rows(f"{name}.weight"))
                if self.meta.string(f"{name}.activation", ""):
                    h = self.g.activation(h, self.activation_named(f"{name}.activation"))
        return h

    def check_bidirectional(self) -> None:
        """That the checkpoint does not ask for attention to earlier tokens only.

        Raises:
            UnsupportedModelError: it does.
        """
        if self.meta.flag("attention.causal", False):
            raise UnsupportedModelError(f"{self.checkpoint.path}: an encoder with causal attention is not supported")

    def activation_named(self, key: str, default: Activation | None = None) -> Activation:
        """The activation that the metadata names.

        Raises:
            UnsupportedModelError: it is none of those.
        """
        name = self.meta.string(key) if default is None else self.meta.string(key, default)
        known = get_args(Activation)
        if name not in known:
            raise UnsupportedModelError(
                f"{self.checkpoint.path}: {key}={name!r} is not supported; these are: {', '.join(known)}"
            )
        return cast(Activation, name)

    def bias(self, name: str) -> str:
        """The bias that belongs to a weight, or the empty name."""
        bias = f"{name}.bias"
        return bias if self.has(bias) else ""

    def _head_norm(self, x: int, name: str) -> int:
        """Of each head, or of all heads together: by the weight's size."""
        if not self.has(f"{name}.weight"):
            return x
        size = self.n_rows(f"{name}.weight")
        return self.norm(x, name, self.head_dim if size == self.head_dim else 0)

"""The Llama family (Touvron et al., 2023): pre-norm decoder, rotary positions, grouped queries, SwiGLU."""

from __future__ import annotations

from llmagentos._core.graph import Graph, RopeParams
from llmagentos.errors import UnsupportedModelError
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.heads import head_size
from llmagentos.models.rope import position_scale


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names."""
    meta = checkpoint.metadata
    width = meta.integer("embedding_length")
    n_heads = meta.integer("attention.head_count")
    n_kv_heads = meta.integer("attention.head_count_kv", n_heads)
    head_dim = head_size(checkpoint, width // n_heads)
    hidden = meta.integer("feed_forward_length")
    eps = meta.number("attention.layer_norm_rms_epsilon")
    if meta.integer("expert_count", 0, low=0) > 0:
        raise UnsupportedModelError(f"{checkpoint.path}: mixture-of-experts models of this family are not supported")
    rope = RopeParams(
        n_dims=meta.integer("rope.dimension_count", head_dim),
        base=meta.number("rope.freq_base", 10000.0),
        position_scale=position_scale(checkpoint),
        pairs="adjacent",  # files of this architecture have q and k permuted so
    )
    vocab_size = checkpoint.tokenizer.n_vocab

    x = g.embed("token_embd.weight", vocab_size, width)
    for i in range(checkpoint.n_layers):
        block = f"blk.{i}."
        h = g.rms_norm(x, block + "attn_norm.weight", eps)
        q = g.rope(g.linear(h, block + "attn_q.weight", n_heads * head_dim), head_dim, rope)
        k = g.rope(g.linear(h, block + "attn_k.weight", n_kv_heads * head_dim), head_dim, rope)
        v = g.linear(h, block + "attn_v.weight", n_kv_heads * head_dim)
        a = g.attention(
            q, k, v, layer=i, n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, scale=head_dim**-0.5
        )
        x = g.add(x, g.linear(a, block + "attn_output.weight", width))

        h = g.rms_norm(x, block + "ffn_norm.weight", eps)
        gate = g.linear(h, block + "ffn_gate.weight", hidden)
        up = g.linear(h, block + "ffn_up.weight", hidden)
        x = g.add(x, g.linear(g.glu(gate, up, "silu"), block + "ffn_down.weight", width))

    h = g.rms_norm(g.select_rows(x), "output_norm.weight", eps)
    head = "output.weight" if checkpoint.has_tensor("output.weight") else "token_embd.weight"
    g.set_output(g.linear(h, head, vocab_size))

"""Gemma 3, text (Gemma Team, 2025): five sliding-window layers to each global one, norms before and after."""

from __future__ import annotations

from llmagentos._core.graph import Graph, RopeParams
from llmagentos.formats.checkpoint import Checkpoint
from llmagentos.models.heads import head_size
from llmagentos.models.rope import position_scale

_GLOBAL_EVERY = 6
_LOCAL_ROPE_BASE = 10000.0


def build(checkpoint: Checkpoint, g: Graph) -> None:
    """Add the model's nodes to `g`. Weights keep their GGUF names; the norms' +1 is in the file's weights already."""
    meta = checkpoint.metadata
    width = meta.integer("embedding_length")
    n_layers = checkpoint.n_layers
    n_heads = meta.integer("attention.head_count")
    n_kv_heads = meta.integer("attention.head_count_kv")
    head_dim = head_size(checkpoint, 256)
    hidden = meta.integer("feed_forward_length")
    window = meta.integer("attention.sliding_window")
    global_every = meta.integer("attention.sliding_window_pattern", _GLOBAL_EVERY)
    eps = meta.number("attention.layer_norm_rms_epsilon")
    # Queries are scaled by the head size, except in the 27B model, which has 62 layers (query_pre_attn_scalar).
    scale = (width / n_heads if n_layers == 62 else head_dim) ** -0.5
    global_rope = RopeParams(
        n_dims=head_dim, base=meta.number("rope.freq_base", 1000000.0), position_scale=position_scale(checkpoint)
    )
    local_rope = RopeParams(n_dims=head_dim, base=meta.number("rope.freq_base_swa", _LOCAL_ROPE_BASE))
    vocab_size = checkpoint.tokenizer.n_vocab

    x = g.scale(g.embed("token_embd.weight", vocab_size, width), width**0.5)
    for i in range(n_layers):
        block = f"blk.{i}."
        is_global = (i + 1) % global_every == 0
        rope = global_rope if is_global else local_rope
        h = g.rms_norm(x, block + "attn_norm.weight", eps)
        q = g.linear(h, block + "attn_q.weight", n_heads * head_dim)
        k = g.linear(h, block + "attn_k.weight", n_kv_heads * head_dim)
        v = g.linear(h, block + "attn_v.weight", n_kv_heads * head_dim)
        a = g.attention(
            g.rope(g.rms_norm(q, block + "attn_q_norm.weight", eps, head_dim), head_dim, rope),
            g.rope(g.rms_norm(k, block + "attn_k_norm.weight", eps, head_dim), head_dim, rope),
            v,
            layer=i,
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            head_dim=head_dim,
            scale=scale,
            window=0 if is_global else window,
        )
        a = g.linear(a, block + "attn_output.weight", width)
        x = g.add(x, g.rms_norm(a, block + "post_attention_norm.weight", eps))

        h = g.rms_norm(x, block + "ffn_norm.weight", eps)
        gate = g.linear(h, block + "ffn_gate.weight", hidden)
        up = g.linear(h, block + "ffn_up.weight", hidden)
        f = g.linear(g.glu(gate, up, "gelu_tanh"), block + "ffn_down.weight", width)
        x = g.add(x, g.rms_norm(f, block + "post_ffw_norm.weight", eps))

    h = g.rms_norm(g.select_rows(x), "output_norm.weight", eps)
    head = "output.weight" if checkpoint.has_tensor("output.weight") else "token_embd.weight"
    g.set_output(g.linear(h, head, vocab_size))

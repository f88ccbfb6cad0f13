"""What a model's tokens cost at least, and so how fast a machine could make them at best.

A step of the engine reads every weight once, but for tables that are only looked up in and for experts that no
token goes to, and the keys and values of the tokens it attends to. It does two operations for each weight and token;
the head's count only for tokens whose logits are wanted. Attention's own arithmetic, norms and sampling are left out,
and all tokens are taken to go to the same experts, so a limit is never too low on their account. Bytes are those of the
file: packing keeps the bits, and widens some scales (Q4_K by 3 %).
"""

from __future__ import annotations

from dataclasses import dataclass

from llmagentos.bench.limits import Limits
from llmagentos.bench.metrics import Metric
from llmagentos.formats import Checkpoint
from llmagentos.loading.local_model import DEFAULT_BATCHED_TOKENS
from llmagentos.models import build_graph

FLOAT_FORMATS = ("F32", "F16", "BF16")  # multiplied as float32; all others as integers
KV_BYTES = 2  # float16, the default
EMBEDDING, HEAD = "token_embd.weight", "output.weight"  # GGUF's names in every family


@dataclass(frozen=True, slots=True)
class Work:
    """What must be done at least.

    Attributes:
        n_bytes: read from memory.
        dot_ops, fma_ops: operations on quantised and on float weights.
    """

    n_bytes: float
    dot_ops: float
    fma_ops: float


@dataclass(frozen=True, slots=True)
class Bound:
    """The least time for some work, and which limit sets it: "read" or "compute"."""

    seconds: float
    by: str


@dataclass(frozen=True, slots=True)
class ModelCost:
    """One model's sizes.

    Attributes:
        weight_bytes: bytes of the weights that a step reads.
        body, head: weights per token as (quantised, float), and those of the output head.
        attentions: KV heads, their size and the window (0: none) of each layer.
    """

    weight_bytes: int
    body: tuple[int, int]
    head: tuple[int, int]
    attentions: tuple[tuple[int, int, int], ...]

    def kv_bytes(self, context: int) -> int:
        """Bytes of keys and values that a token reads which sees `context` tokens."""
        return sum(
            2 * KV_BYTES * heads * size * (min(context, window) if window else context)
            for heads, size, window in self.attentions
        )

    def step(self, n_tokens: int, n_logits: int, context: int, passes: int = 1) -> Work:
        """Work for tokens that see `context` tokens each, weights read `passes` times."""
        dot, fma = (2 * (n_tokens * body + n_logits * head) for body, head in zip(self.body, self.head, strict=True))
        return Work(passes * self.weight_bytes + n_tokens * self.kv_bytes(context), dot, fma)


def cost_of(checkpoint: Checkpoint) -> ModelCost:
    """The sizes of a checkpoint's model.

    Raises:
        UnsupportedModelError, ModelFormatError: as `build_graph`.
    """
    graph = build_graph(checkpoint)
    head_name = HEAD if checkpoint.has_tensor(HEAD) else EMBEDDING
    n_bytes, body, head = 0, [0, 0], [0, 0]
    shares, looked_up = graph.expert_shares, graph.looked_up
    for name, shape in graph.weights:
        tensor = checkpoint.tensors.spec(name)
        if tensor is None or name in looked_up:
            continue
        share = shares.get(name, 1.0)
        n_bytes += round(share * tensor.n_bytes)
        if len(shape) > 1:  # a matrix
            (head if name == head_name else body)[tensor.dtype in FLOAT_FORMATS] += round(share * tensor.n_values)
    return ModelCost(n_bytes, (body[0], body[1]), (head[0], head[1]), tuple(graph.attentions))


def least_time(work: Work, limits: Limits) -> Bound:
    """Reading and computing overlap, so the slower of the two is the bound."""
    reading = work.n_bytes / limits.read
    computing = work.dot_ops / limits.dot + work.fma_ops / limits.fma
    return Bound(max(reading, computing), "read" if reading >= computing else "compute")


def most_tokens_per_second(
    metric: Metric, cost: ModelCost, limits: Limits, new_tokens: int
) -> tuple[float, str] | None:
    """The limit of a metric in tokens per second and what sets it; None for what is no speed."""
    if metric.kind == "prefill":
        n_tokens = metric.n
        # Keys and values of the chunk itself are in the caches: none are counted.
        work = cost.step(n_tokens, 1, 0, passes=-(-n_tokens // DEFAULT_BATCHED_TOKENS))
    elif metric.kind in ("decode", "streams"):
        n_tokens = metric.n if metric.kind == "streams" else 1
        work = cost.step(n_tokens, n_tokens, metric.prompt_tokens() + new_tokens // 2)
    else:
        return None
    bound = least_time(work, limits)
    return n_tokens / bound.seconds, bound.by

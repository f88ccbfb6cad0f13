"""How large the KV cache is, and how much context it leaves room for."""

from __future__ import annotations

from llmagentos.errors import InvalidRequestError, OutOfMemoryError
from llmagentos.market.memory import memory

# Contexts that a cache sized from free memory holds at most: its memory is only taken as it fills, but a pool without
# bound would let one busy hour take the machine.
MAX_DEFAULT_CONTEXTS = 16
MAX_BLOCKS = 2**31 - 1  # block ids are int32


def size_kv_cache(
    model_context: int,
    context_length: int | None,
    kv_cache_bytes: int | None,
    block_bytes: int,
    block_size: int,
    weight_bytes: int,
    encoder_length: int = 0,
) -> tuple[int, int]:
    """Context length in tokens and number of blocks.

    The cache holds at least one full context, so that no admitted request can ever outgrow it.

    Args:
        model_context: tokens the model was trained for.
        context_length, kv_cache_bytes: as given to `LLM`; None leaves the choice.
        block_bytes, block_size: bytes and tokens of one block.
        weight_bytes: memory that the weights are about to take.
        encoder_length: tokens that an encoder takes, for which there is room besides.

    Raises:
        InvalidRequestError: more context than the model was trained for.
        OutOfMemoryError: the context asked for does not fit; says what does and what it takes.
    """
    if context_length is not None and context_length > model_context:
        raise InvalidRequestError(
            f"context_length={context_length} is not valid: this model was trained for at most {model_context} tokens"
        )
    wanted = context_length or model_context
    n_input_blocks = -(-encoder_length // block_size)
    one_context = n_input_blocks + -(-wanted // block_size)
    if kv_cache_bytes is not None:
        total = memory().total
        if total is not None and kv_cache_bytes > total:
            raise OutOfMemoryError(
                f"kv_cache_bytes={kv_cache_bytes} is more than this machine's memory of {total} bytes; one context of "
                f"{wanted} tokens takes {one_context * block_bytes}"
            )
        n_blocks, source = kv_cache_bytes // block_bytes, f"kv_cache_bytes={kv_cache_bytes}"
    else:
        available = memory().available
        n_blocks, source = MAX_DEFAULT_CONTEXTS * one_context, "free memory"
        if available is not None:
            # Half of what the weights leave: the rest is for working memory and for everybody else.
            n_blocks = min(n_blocks, max(0, available - weight_bytes) // 2 // block_bytes)
    n_blocks = min(n_blocks, MAX_BLOCKS)
    room = max(0, n_blocks - n_input_blocks) * block_size
    # A context that was not asked for may shrink to what there is; one that was may not.
    least = context_length or 1
    if room < least:
        n_bytes = (n_input_blocks + -(-least // block_size)) * block_bytes
        raise OutOfMemoryError(
            f"{source} has room for a KV cache of {room} tokens, {least - room} fewer than the {least} needed, which "
            f"take {n_bytes} bytes: set kv_cache_bytes to at least that, or lower context_length"
        )
    return min(wanted, room), n_blocks

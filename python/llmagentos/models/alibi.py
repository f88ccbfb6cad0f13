"""ALiBi (Press et al., 2022): positions as a bias of the scores, linear in the distance, with a slope for each head."""

from __future__ import annotations

USUAL_MAX_BIAS = 8.0


def alibi_slopes(n_heads: int, max_bias: float = USUAL_MAX_BIAS) -> list[float]:
    """The slopes, a geometric sequence down to 2 ** -max_bias for a power of two of heads.

    Of other numbers, the heads beyond the next lower power of two get every other slope of the sequence for twice as
    many. So have transformers' BLOOM, Falcon and MPT it, and llama.cpp.
    """
    n_regular = 1 << (n_heads.bit_length() - 1)
    regular = [2.0 ** (-max_bias * (i + 1) / n_regular) for i in range(n_regular)]
    between = [2.0 ** (-max_bias * (2 * i + 1) / (2 * n_regular)) for i in range(n_heads - n_regular)]
    return regular + between

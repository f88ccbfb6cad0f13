"""From logits to tokens: penalties, temperature, filters, draws. csrc/runtime/sampler.h states their order."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from llmagentos._core.runtime import ThreadPool

class SamplerRow:
    """The settings of one row of logits. Numbers are checked by `sample`, types here (TypeError)."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    token_index: int
    repetition_penalty: float
    presence_penalty: float
    frequency_penalty: float
    logprobs: int | None
    def __init__(
        self,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 0,
        token_index: int = 0,
        repetition_penalty: float = 1.0,
        presence_penalty: float = 0.0,
        frequency_penalty: float = 0.0,
        logit_bias: Mapping[int, float] = ...,
        prompt_ids: Sequence[int] | NDArray[np.int32] = (),
        output_ids: Sequence[int] | NDArray[np.int32] = (),
        logprobs: int | None = None,
    ) -> None: ...
    @property
    def logit_bias(self) -> dict[int, float]: ...
    @logit_bias.setter
    def logit_bias(self, bias: Mapping[int, float]) -> None: ...
    @property
    def prompt_ids(self) -> NDArray[np.int32]:
        """A copy."""
    @prompt_ids.setter
    def prompt_ids(self, ids: Sequence[int] | NDArray[np.int32]) -> None: ...
    @property
    def output_ids(self) -> NDArray[np.int32]:
        """A copy; `append_output` adds one id without one."""
    @output_ids.setter
    def output_ids(self, ids: Sequence[int] | NDArray[np.int32]) -> None: ...
    def append_output(self, id: int) -> None: ...

class Sampled:
    """The token drawn for one row. Log-probabilities are natural and of the raw logits."""

    @property
    def token_id(self) -> int: ...
    @property
    def logprob(self) -> float | None:
        """None unless the row asked for logprobs."""
    @property
    def top(self) -> list[tuple[int, float]]:
        """(id, logprob) of the most probable tokens, most probable first; impossible tokens are left out."""

def sample(logits: NDArray[np.float32], rows: Sequence[SamplerRow], pool: ThreadPool | None = None) -> list[Sampled]:
    """Draw one token for each row of `logits` (float32 [R, V], C-contiguous; it is not changed).

    Raises InvalidRequestError for a setting outside its domain, and an error that names the token where the model
    produced NaN or +infinity, or where every token is forbidden.
    """

def probabilities(logits: NDArray[np.float32], row: SamplerRow) -> NDArray[np.float32]:
    """The distribution (float32 [V]) that `sample` draws from for one row of logits (float32 [V])."""

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
    typical_p: float
    seed: int
    token_index: int
    repetition_penalty: float
    presence_penalty: float
    frequency_penalty: float
    dry_multiplier: float
    dry_base: float
    dry_allowed_length: int
    dry_range: int
    no_repeat_ngram_size: int
    min_tokens: int
    logprobs: int | None
    def __init__(
        self,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        typical_p: float = 1.0,
        seed: int = 0,
        token_index: int = 0,
        repetition_penalty: float = 1.0,
        presence_penalty: float = 0.0,
        frequency_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_range: int = 0,
        dry_breakers: NDArray[np.uint32] | None = None,
        logit_bias: Mapping[int, float] = ...,
        allowed: NDArray[np.uint32] | None = None,
        no_repeat_ngram_size: int = 0,
        min_tokens: int = 0,
        end_ids: Sequence[int] | NDArray[np.int32] = (),
        prompt_ids: Sequence[int] | NDArray[np.int32] = (),
        output_ids: Sequence[int] | NDArray[np.int32] = (),
        logprobs: int | None = None,
    ) -> None: ...
    @property
    def logit_bias(self) -> dict[int, float]: ...
    @logit_bias.setter
    def logit_bias(self, bias: Mapping[int, float]) -> None: ...
    @property
    def allowed(self) -> NDArray[np.uint32] | None:
        """The tokens that may be drawn (None: all), as bits: token t is bit t % 32 of word t // 32.

        uint32 [ceil(V / 32)], C-contiguous. It is not copied: the row keeps it alive, and `sample` reads what it holds
        by then.
        """
    @allowed.setter
    def allowed(self, mask: NDArray[np.uint32] | None) -> None: ...
    @property
    def dry_breakers(self) -> NDArray[np.uint32] | None:
        """Tokens that no repetition reaches across, laid out and kept as `allowed`; it may be shorter."""
    @dry_breakers.setter
    def dry_breakers(self, mask: NDArray[np.uint32] | None) -> None: ...
    @property
    def end_ids(self) -> NDArray[np.int32]:
        """A copy. Forbidden where token_index < min_tokens; each id once."""
    @end_ids.setter
    def end_ids(self, ids: Sequence[int] | NDArray[np.int32]) -> None: ...
    @property
    def prompt_ids(self) -> NDArray[np.int32]:
        """A copy."""
    @prompt_ids.setter
    def prompt_ids(self, ids: Sequence[int] | NDArray[np.int32]) -> None: ...
    @property
    def output_ids(self) -> NDArray[np.int32]:
        """A copy; `append_output` and `sync_output` change it in place."""
    @output_ids.setter
    def output_ids(self, ids: Sequence[int] | NDArray[np.int32]) -> None: ...
    def append_output(self, id: int) -> None: ...
    def sync_output(self, ids: list[int], begin: int) -> None:
        """Make output_ids equal `ids[begin:]`, where the two differ at their ends only.

        Tokens are compared from the end of what both have, until two are equal; those before are taken to be.
        """

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

def sample(
    logits: NDArray[np.float32],
    rows: Sequence[SamplerRow],
    pool: ThreadPool | None = None,
    logit_rows: Sequence[int] | NDArray[np.int32] | None = None,
) -> list[Sampled]:
    """Draw one token for each of `rows` from its row of `logits` (float32 [R, V], C-contiguous; it is not changed).

    Element i of `logit_rows` says which row of logits `rows[i]` reads; several may read one. None: each its own.

    Raises InvalidRequestError for a setting outside its domain, and an error that names the token where the model
    produced NaN or +infinity, or where every token is forbidden.
    """

def verify(
    logits: NDArray[np.float32],
    rows: Sequence[SamplerRow],
    drafts: Sequence[Sequence[int]],
    pool: ThreadPool | None = None,
    logit_rows: Sequence[int] | NDArray[np.int32] | None = None,
) -> list[list[Sampled]]:
    """The tokens of each of `rows` as `sample` would draw them one by one, for as long as they are `drafts[i]`.

    The first is drawn from row `logit_rows[i]` of the logits, the one after draft j from the (j + 1)th row after that:
    one token more than drafts that came true. `rows` stay as they are. The other arguments, and errors, are those of
    `sample`.
    """

class Continuation:
    """A token that may follow. Both numbers are natural log probabilities."""

    @property
    def token_id(self) -> int: ...
    @property
    def logprob(self) -> float:
        """From the raw logits."""
    @property
    def score(self) -> float:
        """After mask, bias, penalties and what is forbidden."""

class Continuations:
    """What may follow one row."""

    @property
    def best(self) -> list[Continuation]:
        """Highest score first; forbidden tokens are left out."""
    @property
    def top(self) -> list[tuple[int, float]]:
        """As that of `Sampled`; empty unless the row asked for logprobs."""

def continuations(
    logits: NDArray[np.float32],
    rows: Sequence[SamplerRow],
    counts: Sequence[int],
    pool: ThreadPool | None = None,
    logit_rows: Sequence[int] | NDArray[np.int32] | None = None,
) -> list[Continuations]:
    """The `counts[i]` best continuations of each of `rows`, fewer where fewer are allowed.

    Temperature, filters and seed have no part in it. The other arguments, and errors, are those of `sample`.
    """

def probabilities(logits: NDArray[np.float32], row: SamplerRow) -> NDArray[np.float32]:
    """The distribution (float32 [V]) that `sample` draws from for one row of logits (float32 [V])."""

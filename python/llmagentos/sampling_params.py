"""How tokens are chosen: one frozen, validated value that a request carries from `LLM.generate` to the sampler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal

from llmagentos.errors import InvalidRequestError, shown

MAX_SEED = 2**64 - 1
MAX_LOGPROBS = 1000
MAX_COMPLETIONS = 1024
MAX_BEAMS = 256
DRY_SEQUENCE_BREAKERS = ("\n", ":", '"', "*")


@dataclass(frozen=True)
class SamplingParams:
    """Settings of one request, under OpenAI's and vLLM's names. `SamplingParams()` is OpenAI's default.

    The order of work on each row of logits: logit_bias, repetition_penalty, presence and frequency penalties, dry,
    min_tokens, temperature, top_k, top_p, min_p, typical_p, draw. `logprobs` are of the logits before all of these.

    Attributes:
        temperature: 0 takes the most likely token; above 0 the logits are divided by it.
        top_p: keep the smallest set of tokens whose probabilities sum to at least this.
        top_k: keep this many most likely tokens; 0 keeps all.
        min_p: drop tokens less likely than this share of the most likely one.
        typical_p: keep the tokens whose surprise is nearest to the expected one, until their probabilities sum to at
            least this (locally typical sampling, arXiv:2202.00666); 1 keeps all.
        min_tokens: until this many are generated, neither the model's end tokens nor stop_token_ids can be chosen, and
            stop strings in the text so far do not end it. A structured output that is complete ends all the same.
        max_tokens: tokens to generate at most; None runs until a stop or the context's end. 0 is for a prompt of which
            only `prompt_logprobs` are wanted, with n=1.
        stop: strings that end the text; the text never includes them. One string is taken as a list of one.
        stop_token_ids: token ids that end the text, besides the model's own end tokens.
        seed: keys the random numbers; None draws one from the system's entropy for each request.
        n: completions for each prompt. The first is what n=1 gives with the same seed.
        presence_penalty: subtracted from the logit of every token already generated.
        frequency_penalty: subtracted once for each time a token was generated.
        repetition_penalty: divides positive and multiplies negative logits of tokens in prompt or output
            (CTRL, arXiv:1909.05858); 1 does nothing.
        dry_multiplier: "don't repeat yourself", as in text-generation-webui and llama.cpp. Where the newest m tokens
            have occurred before in prompt or output, dry_multiplier * dry_base ** (m - dry_allowed_length) is
            subtracted from the logit of the token that followed them; 0 does nothing.
        dry_base: by how much that grows with each token more.
        dry_allowed_length: no penalty where fewer tokens than this repeat.
        dry_range: newest tokens that are searched; 0 searches all.
        dry_sequence_breakers: strings that a repetition does not reach across, such as what is around a name in a
            dialogue. A token whose text contains one of them as a whole neither counts as repeated nor is penalised;
            one that is split over several tokens breaks nothing.
        logit_bias: added to the logits of these token ids.
        best_of: completions to generate, of which the n with the highest mean log probability per token are returned;
            None generates n.
        prompt_logprobs: as `logprobs`, for the tokens of the prompt.
        logprobs: return the chosen token's natural log and this many most likely tokens; None returns none.
        ignore_eos: go on past the model's end tokens.
        no_repeat_ngram_size: no sequence of this many tokens of prompt and output occurs twice; 0 allows all.
        min_length: as `min_tokens`, with the prompt's tokens counted in.
        num_beams: above 1, beam search takes the place of sampling: this many texts are continued side by side, and the
            n with the best `sequence_score` are the answers, best first. The rules are those of transformers.
            Nothing is drawn: temperature must be 0 or 1, the filters top_k, top_p, min_p and typical_p off.
        length_penalty: a text's score is the sum of its log probabilities divided by its length to this power, so
            above 0 long texts are favoured, below 0 short ones. Needs beams, and so does
        early_stopping: True ends the search as soon as num_beams texts have ended; False when the best text under way,
            as long as it is, scores no better than these; "never" when no text under way can, however long it gets.

    Raises:
        InvalidRequestError: a value outside its domain; the message names the field, the value and the domain.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int | None = None
    stop: str | Sequence[str] | None = ()
    stop_token_ids: Sequence[int] | None = ()
    seed: int | None = None
    n: int = 1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] | None = None
    logprobs: int | None = None
    ignore_eos: bool = False
    best_of: int | None = None
    prompt_logprobs: int | None = None
    typical_p: float = 1.0
    min_tokens: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_range: int = 0
    dry_sequence_breakers: str | Sequence[str] | None = DRY_SEQUENCE_BREAKERS
    no_repeat_ngram_size: int = 0
    min_length: int = 0
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False

    def __post_init__(self) -> None:
        self._number("temperature", 0.0, 1e6, "from 0 to 1e6")
        self._number("top_p", 0.0, 1.0, "above 0 and at most 1", low_open=True)
        self._integer("top_k", 0, 2**31 - 1, "0 (all tokens) or a positive integer")
        self._number("min_p", 0.0, 1.0, "from 0 to 1")
        is_single = self.n == 1 and self.best_of is None and self.num_beams == 1
        least = 0 if self.prompt_logprobs is not None and is_single else 1
        domain = f"None or an integer from {least} to {2**31 - 1}"
        self._integer("max_tokens", least, 2**31 - 1, domain, optional=True)
        self._integer("seed", 0, MAX_SEED, "None or an integer from 0 to 2**64 - 1", optional=True)
        self._integer("n", 1, MAX_COMPLETIONS, f"an integer from 1 to {MAX_COMPLETIONS}")
        self._number("presence_penalty", -2.0, 2.0, "from -2 to 2")
        self._number("frequency_penalty", -2.0, 2.0, "from -2 to 2")
        self._number("repetition_penalty", 0.01, 100.0, "from 0.01 to 100")
        self._integer("logprobs", 0, MAX_LOGPROBS, f"None or an integer from 0 to {MAX_LOGPROBS}", optional=True)
        domain = f"None or an integer from n={self.n} to {MAX_COMPLETIONS}"
        self._integer("best_of", self.n, MAX_COMPLETIONS, domain, optional=True)
        domain = f"None or an integer from 0 to {MAX_LOGPROBS}"
        self._integer("prompt_logprobs", 0, MAX_LOGPROBS, domain, optional=True)
        self._number("typical_p", 0.0, 1.0, "above 0 and at most 1", low_open=True)
        most = 2**31 - 1 if self.max_tokens is None else self.max_tokens
        domain = f"an integer from 0 to {most}" + ("" if self.max_tokens is None else ", which is max_tokens")
        self._integer("min_tokens", 0, most, domain)
        self._number("dry_multiplier", 0.0, 1e6, "from 0 to 1e6")
        self._number("dry_base", 1.0, 1e6, "from 1 to 1e6")
        self._integer("dry_allowed_length", 1, 2**31 - 1, "a positive integer")
        self._integer("dry_range", 0, 2**31 - 1, "0 (all tokens) or a positive integer")
        self._integer("no_repeat_ngram_size", 0, 2**31 - 1, "0 (off) or a positive integer")
        self._integer("min_length", 0, 2**31 - 1, "0 or a positive integer")
        self._integer("num_beams", 1, MAX_BEAMS, f"an integer from 1 to {MAX_BEAMS}")
        self._number("length_penalty", -10.0, 10.0, "from -10 to 10")
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise _bad("early_stopping", self.early_stopping, 'True, False or "never"')
        self._check_beams()
        if not isinstance(self.ignore_eos, bool):
            raise _bad("ignore_eos", self.ignore_eos, "True or False")
        object.__setattr__(self, "stop", _strings("stop", self.stop))
        breakers = _strings("dry_sequence_breakers", self.dry_sequence_breakers)
        object.__setattr__(self, "dry_sequence_breakers", breakers)
        object.__setattr__(self, "stop_token_ids", _token_ids(self.stop_token_ids))
        object.__setattr__(self, "logit_bias", _biases(self.logit_bias))

    def _number(self, name: str, low: float, high: float, domain: str, low_open: bool = False) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise _bad(name, value, domain)
        try:
            number = float(value)
        except OverflowError:
            raise _bad(name, value, domain) from None
        if not low <= number <= high or (low_open and number == low):  # NaN fails too
            raise _bad(name, value, domain)
        object.__setattr__(self, name, number)

    def _integer(self, name: str, low: int, high: int, domain: str, optional: bool = False) -> None:
        value = getattr(self, name)
        if value is None and optional:
            return
        if not _is_integer(value) or not low <= value <= high:
            raise _bad(name, value, domain)
        object.__setattr__(self, name, int(value))

    def _check_beams(self) -> None:
        """Check that nothing is asked for that beam search, or its absence, would leave without effect."""
        if self.num_beams == 1:
            for name, default in (("length_penalty", 1.0), ("early_stopping", False)):
                if getattr(self, name) != default:
                    raise _bad(name, getattr(self, name), f"{default} with num_beams=1: only beam search uses it")
            return
        without = f"with num_beams={self.num_beams}"
        if self.temperature not in (0.0, 1.0):
            raise _bad("temperature", self.temperature, f"0 or 1 {without}: beam search draws nothing")
        for name, off in (("top_p", 1.0), ("top_k", 0), ("min_p", 0.0), ("typical_p", 1.0)):
            if getattr(self, name) != off:
                raise _bad(name, getattr(self, name), f"{off} {without}: beam search draws nothing")
        if self.best_of is not None:
            raise _bad("best_of", self.best_of, f"None {without}, which has its own best ones")
        if self.n > self.num_beams:
            raise _bad("n", self.n, f"at most num_beams={self.num_beams}")

    def __hash__(self) -> int:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        biases = None if self.logit_bias is None else frozenset(self.logit_bias.items())
        return hash((*(values | {"logit_bias": biases}).values(),))

    @property
    def uses_history(self) -> bool:
        """Whether the sampler must see which tokens came before."""
        penalties = (self.presence_penalty, self.frequency_penalty, self.dry_multiplier, self.no_repeat_ngram_size)
        return self.repetition_penalty != 1.0 or any(penalty != 0.0 for penalty in penalties)


def _bad(name: str, value: object, domain: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name}={shown(value)} is not valid: it must be {domain}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _strings(name: str, value: object) -> tuple[str, ...]:
    domain = "a non-empty string or a list of them"
    if value is None:
        return ()
    strings = [value] if isinstance(value, str) else value
    if not isinstance(strings, Iterable):
        raise _bad(name, value, domain)
    checked = tuple(strings)
    if not all(isinstance(text, str) and text for text in checked):
        raise _bad(name, value, domain)
    return checked


def _token_ids(value: object) -> tuple[int, ...]:
    domain = "a list of token ids, each an integer of at least 0"
    if value is None:
        return ()
    if isinstance(value, (str, bytes, bytearray, memoryview)) or not isinstance(value, Iterable):
        raise _bad("stop_token_ids", value, domain)
    ids = tuple(value)
    if not all(_is_integer(token) and token >= 0 for token in ids):
        raise _bad("stop_token_ids", value, domain)
    return tuple(int(token) for token in ids)


def _biases(value: object) -> dict[int, float] | None:
    domain = "a mapping from token ids to numbers from -1e6 to 1e6"
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise _bad("logit_bias", value, domain)
    for token, bias in value.items():
        is_number = isinstance(bias, Real) and not isinstance(bias, bool)
        if not _is_integer(token) or token < 0 or not is_number or not abs(bias) <= 1e6:
            raise _bad("logit_bias", {token: bias}, domain)
    return {int(token): float(bias) for token, bias in value.items()}

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from llmagentos.errors import InvalidRequestError
from llmagentos.sampling_params import SamplingParams

NAN = float("nan")
BAD = {
    "temperature": [-0.1, NAN, float("inf"), "1", None, True],
    "top_p": [0, -1, 1.01, NAN, None],
    "top_k": [-1, 1.5, None, True],
    "min_p": [-0.1, 1.1],
    "max_tokens": [0, -1, 2.0, True],
    "stop": ["", [""], [1], 5],
    "stop_token_ids": ["a", [-1], [1.5], 5, [True]],
    "seed": [-1, 2**64, 1.0],
    "n": [0, None, 1.0],
    "presence_penalty": [-2.1, 2.1, NAN],
    "frequency_penalty": [-2.1, 2.1, None],
    "repetition_penalty": [0, -1, NAN],
    "logit_bias": [[1], {-1: 0.0}, {1: NAN}, {"1": 0.0}],
    "logprobs": [-1, 1.0, True],
    "ignore_eos": [1, None],
    "best_of": [0, 1.0, True, 1025],
    "prompt_logprobs": [-1, 1.0, True, 1001],
    "typical_p": [0, -1, 1.01, NAN, None],
    "min_tokens": [-1, 1.0, None, True],
    "dry_multiplier": [-0.1, NAN, None],
    "dry_base": [0.9, NAN, float("inf")],
    "dry_allowed_length": [0, 1.5, None],
    "dry_range": [-1, None],
    "dry_sequence_breakers": ["", [""], [1], 5],
    "no_repeat_ngram_size": [-1, 1.5, True],
    "min_length": [-1, 1.5, None],
    "num_beams": [0, 257, 1.5, None, True],
    "length_penalty": [-10.5, NAN, "1", None],
    "early_stopping": ["always", None, 1, [1]],
}


def test_every_field_is_covered_here() -> None:
    assert set(BAD) == {field.name for field in dataclasses.fields(SamplingParams)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^{name}=.* is not valid: it must be "):
        SamplingParams(**{name: value})


def test_values_are_normalised_and_frozen() -> None:
    params = SamplingParams(temperature=1, stop="END", stop_token_ids=[3], logit_bias={1: 2}, seed=2**64 - 1)
    assert (params.stop, params.stop_token_ids, params.logit_bias) == (("END",), (3,), {1: 2.0})
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.temperature = 0.5  # type: ignore[misc]
    assert dataclasses.replace(params, temperature=0).stop == ("END",)


def test_numbers_beyond_floats_are_refused_in_few_words() -> None:
    for name, value in (
        ("temperature", 10**400),
        ("temperature", 10**5000),
        ("seed", 10**5000),
        ("max_tokens", -(10**5000)),
        ("logit_bias", {1: 10**5000}),
        ("stop_token_ids", [-(10**5000)]),
    ):
        with pytest.raises(InvalidRequestError, match=f"^{name}=.* is not valid: it must be ") as caught:
            SamplingParams(**{name: value})  # type: ignore[arg-type]
        assert len(str(caught.value)) < 200


def test_more_tokens_cannot_be_required_than_are_allowed() -> None:
    assert SamplingParams(min_tokens=5, max_tokens=5).min_tokens == 5
    with pytest.raises(InvalidRequestError, match=r"min_tokens=6 is not valid: .* from 0 to 5, which is max_tokens"):
        SamplingParams(min_tokens=6, max_tokens=5)


def test_bytes_are_no_token_ids() -> None:
    with pytest.raises(InvalidRequestError, match="stop_token_ids"):
        SamplingParams(stop_token_ids=b"ab")  # type: ignore[arg-type]


def test_equal_params_are_one_key_of_a_dict() -> None:
    biased = SamplingParams(logit_bias={1: 2.0, 3: 4.0}, stop=["a"], stop_token_ids=[5])
    same = SamplingParams(logit_bias={3: 4, 1: 2}, stop=("a",), stop_token_ids=(5,))
    assert {biased: "x"}[same] == "x"
    assert len({biased, SamplingParams(), SamplingParams(logit_bias={1: 2.0})}) == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"num_beams": 0}, r"num_beams=0 is not valid: it must be an integer from 1 to 256"),
        ({"num_beams": 2, "early_stopping": "always"}, r"early_stopping='always' .* True, False or \"never\""),
        ({"num_beams": 2, "length_penalty": 11}, r"length_penalty=11 .* from -10 to 10"),
        ({"num_beams": 2, "n": 3}, r"n=3 is not valid: it must be at most num_beams=2"),
        ({"num_beams": 2, "best_of": 2}, r"best_of=2 .* None with num_beams=2"),
        ({"num_beams": 2, "temperature": 0.5}, r"temperature=0.5 .* 0 or 1 with num_beams=2"),
        ({"num_beams": 2, "top_k": 5}, r"top_k=5 .* 0 with num_beams=2"),
        ({"num_beams": 2, "top_p": 0.5}, r"top_p=0.5 .* 1.0 with num_beams=2"),
        ({"length_penalty": 2.0}, r"length_penalty=2.0 .* 1.0 with num_beams=1"),
        ({"early_stopping": True}, r"early_stopping=True .* False with num_beams=1"),
        ({"no_repeat_ngram_size": -1}, r"no_repeat_ngram_size=-1 .* 0 \(off\) or a positive integer"),
        ({"min_length": -1}, r"min_length=-1"),
    ],
)
def test_what_beam_search_would_not_use_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        SamplingParams(**setting)


def test_beams_take_the_default_temperature_and_greedy_alike() -> None:
    for temperature in (0.0, 1.0):
        assert SamplingParams(temperature=temperature, num_beams=4, n=4, early_stopping="never").num_beams == 4

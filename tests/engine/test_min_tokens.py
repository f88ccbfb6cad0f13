"""The least number of tokens, from the request's side: stop strings wait for it, as end tokens do in the sampler."""

from __future__ import annotations

from llmagentos.engine.detokenizer import Detokenizer
from llmagentos.engine.request import Request
from llmagentos.sampling_params import SamplingParams

from .fake_tokenizer import FakeTokenizer


def written(text: bytes, min_tokens: int, max_tokens: int = 100) -> Request:
    """A request that is given these bytes as its tokens, as long as it takes any."""
    params = SamplingParams(min_tokens=min_tokens, stop="END")
    request = Request([1], params, 1 + max_tokens, Detokenizer(FakeTokenizer(), ("END",)), frozenset({257}))
    for byte in text:
        if not request.finished:
            request.append(byte, None)
    return request


def text_of(request: Request) -> str:
    return "".join(delta.text for delta in request.deltas)


def test_a_stop_string_among_the_first_tokens_is_text() -> None:
    request = written(b"ENDxEND more", min_tokens=3)
    assert (text_of(request), request.n_output, request.finish_reason) == ("ENDx", 7, "stop")


def test_a_stop_string_that_begins_among_them_is_text_too() -> None:
    request = written(b"ENDxEND more", min_tokens=2)
    assert text_of(request) == "ENDx"
    assert text_of(written(b"ENDxEND more", min_tokens=0)) == ""


def test_the_greatest_number_ends_the_text_all_the_same() -> None:
    request = written(b"ENDEND", min_tokens=5, max_tokens=5)
    assert (text_of(request), request.finish_reason) == ("ENDEN", "length")

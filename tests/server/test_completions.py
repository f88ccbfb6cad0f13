"""/v1/completions with OpenAI's own client."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import openai
import pytest

from .running import Running

GREEDY: dict[str, Any] = {"model": "tiny", "prompt": "Hello world", "temperature": 0, "max_tokens": 8}


def test_text_and_ids_are_the_same_prompt(client: openai.OpenAI, served: Running) -> None:
    llm = served.serving.models.loaded["tiny"]
    text = client.completions.create(**GREEDY)
    ids = client.completions.create(**GREEDY | {"prompt": llm.tokenize("Hello world")})
    assert text.choices[0].text == ids.choices[0].text != ""
    assert text.usage == ids.usage


def test_sixteen_tokens_unless_more_are_asked_for(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="tiny", prompt="a", temperature=0, extra_body={"ignore_eos": True})
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16


def test_several_prompts_with_several_answers_each(client: openai.OpenAI) -> None:
    settings = {**GREEDY, "prompt": ["one", "two"], "temperature": 1.0, "seed": 1, "n": 2}
    whole = client.completions.create(**settings)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]
    streamed = [""] * 4
    for chunk in client.completions.create(**settings, stream=True):
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == [choice.text for choice in whole.choices]


def test_echo_scores_the_prompt_as_the_model_does(client: openai.OpenAI, served: Running) -> None:
    llm = served.serving.models.loaded["tiny"]
    for max_tokens in (0, 1):
        choice = client.completions.create(**GREEDY | {"max_tokens": max_tokens}, echo=True, logprobs=2).choices[0]
        assert choice.text.startswith("Hello world")
        found = choice.logprobs
        assert found is not None
        assert found.token_logprobs is not None
        assert found.top_logprobs is not None
        n = len(llm.tokenize("Hello world"))
        assert found.token_logprobs[0] is None
        assert found.top_logprobs[0] is None
        assert len(found.token_logprobs) == n + max_tokens
        np.testing.assert_array_equal(np.float32(found.token_logprobs[1:n]), llm.score("Hello world"))
        assert all(len(top) in (2, 3) for top in found.top_logprobs[1:])
        assert found.text_offset is not None
        assert found.text_offset[:n] == sorted(found.text_offset[:n])


def test_a_prompt_may_fill_the_context_where_nothing_is_generated(client: openai.OpenAI, served: Running) -> None:
    room = served.serving.models.loaded["tiny"].info.context_length
    answer = client.completions.create(model="tiny", prompt=[40] * room, max_tokens=0, echo=True, logprobs=0)
    assert answer.choices[0].logprobs is not None
    assert len(answer.choices[0].logprobs.token_logprobs or ()) == room
    assert answer.choices[0].finish_reason == "length"
    one = client.completions.create(model="tiny", prompt=[40], max_tokens=0, echo=True, logprobs=0)
    assert one.choices[0].logprobs is not None
    assert one.choices[0].logprobs.token_logprobs == [None]
    assert one.usage is not None
    assert one.usage.prompt_tokens == 1


def test_echo_in_a_stream_comes_first(client: openai.OpenAI) -> None:
    whole = client.completions.create(**GREEDY, echo=True).choices[0].text
    assert (
        "".join(chunk.choices[0].text for chunk in client.completions.create(**GREEDY, echo=True, stream=True)) == whole
    )


def test_logprobs_in_a_stream(client: openai.OpenAI) -> None:
    whole = client.completions.create(**GREEDY, logprobs=1).choices[0].logprobs
    assert whole is not None
    offsets: list[int] = []
    for chunk in client.completions.create(**GREEDY, logprobs=1, stream=True):
        found = chunk.choices[0].logprobs
        offsets += (found.text_offset or []) if found is not None else []
    assert offsets == whole.text_offset


def test_the_best_of_several(client: openai.OpenAI) -> None:
    settings = {**GREEDY, "temperature": 1.0, "seed": 5}
    best = client.completions.create(**settings, n=1, best_of=4)
    assert len(best.choices) == 1
    assert best.usage is not None
    assert best.usage.completion_tokens > 8


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"prompt": []}, "prompt=[] is not valid: List should have at least 1 item"),
        ({"prompt": 5}, "prompt=5 is not valid: Input should be a valid string, or a valid list"),
        ({"prompt": ["a"] * 2049}, "List should have at most 2048 items"),
        ({"prompt": [1, 2, "a"]}, "prompt.2='a' is not valid: Input should be a valid integer"),
        ({"prompt": [[1], [2, 0.5]]}, "prompt.1.1=0.5 is not valid"),
        ({"prompt": [[40], []]}, "prompt"),
        ({"prompt": [999999]}, "999999"),
        ({"prompt": ["a", "long " * 2000]}, "prompt 1: the prompt has"),
        ({"suffix": "x"}, "suffix"),
        ({"logprobs": 21}, "logprobs"),
        ({"max_tokens": 0, "n": 2}, "max_tokens=0 is not valid"),
        ({"best_of": 2, "stream": True}, "best_of=2 is not valid for a stream"),
        ({"echo": True, "logprobs": 1, "stream": True}, "not streamed"),
    ],
)
def test_what_is_not_valid_is_refused(http: httpx.Client, changes: dict[str, Any], text: str) -> None:
    answer = http.post("/v1/completions", json=GREEDY | changes)
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]

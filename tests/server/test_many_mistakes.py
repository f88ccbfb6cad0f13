"""Bodies with very many mistakes are refused by the first: each error costs more than reading what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from llmagentos.openai_protocol.refusal import refusal_of
from llmagentos.openai_protocol.request import ChatRequest
from llmagentos.server.schemas.completions import CompletionRequest
from llmagentos.server.schemas.embeddings import EmbeddingRequest, RerankRequest
from llmagentos.server.schemas.responses import ResponseRequest
from llmagentos.server.schemas.tokens import DetokenizeRequest

MANY: list[Any] = [1.5] * 1000
FIELDS = {f"field {number}": 1 for number in range(1000)}
USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("kind", "fields", "param"),
    [
        (ChatRequest, {"messages": MANY}, "messages.0"),
        (ChatRequest, {"messages": [USER, {**USER, "content": MANY}]}, "messages.1.content.0"),
        (ChatRequest, {"messages": [{**USER, "tool_calls": MANY}]}, "messages.0.tool_calls.0"),
        (ChatRequest, {"messages": [USER | FIELDS]}, "messages.0"),
        (ChatRequest, {"messages": [USER], "tools": MANY}, "tools.0"),
        (ChatRequest, {"messages": [USER], "stop": ["a", *MANY]}, "stop.1"),
        (ChatRequest, {"messages": [USER], "stop_token_ids": MANY}, "stop_token_ids.0"),
        (ChatRequest, {"messages": [USER], "logit_bias": dict.fromkeys(FIELDS, "x")}, "logit_bias"),
        (ChatRequest, {"messages": [USER], **FIELDS}, None),
        (CompletionRequest, {"prompt": MANY}, "prompt.0"),
        (EmbeddingRequest, {"input": MANY}, "input.0"),
        (RerankRequest, {"query": "q", "documents": MANY}, "documents.0"),
        (ResponseRequest, {"input": MANY}, "input.0"),
        (ResponseRequest, {"input": [{**USER, "type": "message", "content": MANY}]}, "input.0.content.0"),
        (ResponseRequest, {"input": "Hi", "tools": MANY}, "tools.0"),
        (DetokenizeRequest, {"tokens": MANY}, "tokens.0"),
    ],
)
def test_the_first_mistake_is_told(kind: type[BaseModel], fields: dict[str, Any], param: str | None) -> None:
    body = {"model": "m", **fields}
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(body)
    assert refused.value.error_count() < 20  # one for each of the kinds that a field may be of
    assert refusal_of(refused.value.errors(), body).param == param


def test_fields_that_are_not_known_are_named_unless_there_are_very_many() -> None:
    with pytest.raises(ValidationError, match="field 3"):
        ChatRequest.model_validate({"model": "m", "messages": [USER], "field 3": 1})
    with pytest.raises(ValidationError, match="it has 1,002 fields"):
        ChatRequest.model_validate({"model": "m", "messages": [USER], **FIELDS})


def test_biases_are_numbers() -> None:
    body = {"model": "m", "messages": [USER]}
    assert ChatRequest.model_validate({**body, "logit_bias": {"5": 1, "6": -0.5}}).logit_bias == {"5": 1.0, "6": -0.5}
    for value in ("1", True, None, [1]):
        with pytest.raises(ValidationError, match="what '6' has is no number"):
            ChatRequest.model_validate({**body, "logit_bias": {"5": 1, "6": value}})


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"role": "user", "content": 5}, "input.0.content=5 is not valid: Input should be a valid string, or"),
        ({"role": "user", "content": [{"type": "image", "text": "x"}]}, "input.0.content.0.type='image' is not"),
        ({"role": "user"}, "input.0.content is missing"),
        ({"role": "tool", "content": "x"}, "input.0.role='tool' is not valid"),
        ({**USER, "mood": 1}, "input.0.mood is not a field"),
        ({"type": "function_call_output", "call_id": "c"}, "input.0.output is missing"),
        ({"type": "function_call", "call_id": "c", "name": 1, "arguments": "{}"}, "input.0.name=1 is not valid"),
        ({"type": "reasoning"}, "its type should be 'message', 'function_call' or 'function_call_output'"),
        ({"type": [1]}, "its type should be 'message'"),
        (5, "input.0=5 is not valid: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_of_its_type(item: object, message: str) -> None:
    body = {"model": "m", "input": [item]}
    with pytest.raises(ValidationError) as refused:
        ResponseRequest.model_validate(body)
    assert message in refusal_of(refused.value.errors(), body).message

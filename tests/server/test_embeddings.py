"""/v1/embeddings, /v1/rerank, /tokenize, /detokenize, /tokenizer_info and /v1/models."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import openai
import pytest

from .running import Running

TEXTS = ["the cat sits on the mat", "bread is baked in the oven", "what"]


def test_vectors_are_those_of_the_model_to_the_bit(client: openai.OpenAI, served: Running) -> None:
    as_base64 = client.embeddings.create(model="vectors", input=TEXTS)  # what the client asks for by itself
    as_numbers = client.embeddings.create(model="vectors", input=TEXTS, encoding_format="float")
    expected = served.serving.models.loaded["vectors"].embed(TEXTS)
    np.testing.assert_array_equal(np.float32([item.embedding for item in as_base64.data]), expected)
    np.testing.assert_array_equal(np.float32([item.embedding for item in as_numbers.data]), expected)
    assert as_base64.usage.prompt_tokens == sum(
        len(served.serving.models.loaded["vectors"].tokenize(text)) for text in TEXTS
    )


def test_usage_is_what_was_read(http: httpx.Client, served: Running) -> None:
    def used(path: str, body: dict[str, Any]) -> int:
        return int(http.post(path, json={"model": "vectors", **body}).json()["usage"]["total_tokens"])

    most = served.serving.models.loaded["vectors"].encoder.max_length
    assert used("/v1/embeddings", {"input": ["cat " * 500, "cat"], "truncate": True}) == most + 3
    assert used("/v1/rerank", {"query": "the cat", "documents": ["cat " * 500, "a"], "truncate": True}) == 4 + most + 3


def test_many_texts_are_embedded_in_parts(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model="vectors", input=TEXTS * 50)
    assert [item.index for item in found.data] == list(range(150))
    assert found.data[0].embedding == found.data[147].embedding


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dimensions": 3}, "dimensions=3 is not valid: it must be"),
        ({"model": "tiny"}, "was loaded to generate"),
        ({"input": []}, "is not valid"),
        ({"input": "cat " * 5000}, "more than"),
        ({"prompt_name": "query"}, "has no prompt"),
    ],
)
def test_what_is_not_valid_is_refused(http: httpx.Client, changes: dict[str, Any], text: str) -> None:
    answer = http.post("/v1/embeddings", json={"model": "vectors", "input": "cat"} | changes)
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]


def test_a_model_of_vectors_generates_nothing(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", json={"model": "vectors", "prompt": "cat"})
    assert answer.status_code == 400
    assert "makes vectors of texts" in answer.json()["error"]["message"]


def test_documents_in_the_order_of_the_model(http: httpx.Client, served: Running) -> None:
    asked = {"model": "vectors", "query": "cat", "documents": [*TEXTS, {"text": "the cat"}]}
    found = http.post("/v1/rerank", json=asked | {"top_n": 3, "return_documents": True}).json()
    expected = served.serving.models.loaded["vectors"].rerank("cat", [*TEXTS, "the cat"], top_n=3)
    assert [result["index"] for result in found["results"]] == [one.index for one in expected]
    assert [result["document"]["text"] for result in found["results"]] == [one.document for one in expected]
    np.testing.assert_allclose(
        [result["relevance_score"] for result in found["results"]], [one.score for one in expected]
    )


def test_tokens_there_and_back(http: httpx.Client, served: Running) -> None:
    ids = http.post("/tokenize", json={"prompt": "Hello \0 world"}).json()
    assert ids == {
        "tokens": served.serving.models.loaded["tiny"].tokenize("Hello \0 world"),
        "count": len(ids["tokens"]),
    }
    text = http.post("/detokenize", json={"model": "tiny", "tokens": ids["tokens"]}).json()
    assert "Hello" in text["prompt"]
    assert http.post("/detokenize", json={"tokens": [-1]}).status_code == 400


def test_what_evaluation_programs_ask_of_a_tokenizer(http: httpx.Client, served: Running) -> None:
    found = http.get("/tokenizer_info").json()
    llm = served.serving.models.loaded["tiny"]
    assert llm.tokenize(found["eos_token"], add_special=False) == [3]
    assert "messages" in found["chat_template"]
    assert found.keys() == {"bos_token", "eos_token", "pad_token", "unk_token", "chat_template"}
    assert http.get("/tokenizer_info", params={"model": "vectors"}).json()["chat_template"] is None
    assert http.get("/tokenizer_info", params={"model": "none"}).status_code == 404


def test_models_of_another_kind_are_refused_with_the_routes_that_they_have(http: httpx.Client) -> None:
    chat = {"model": "vectors", "messages": [{"role": "user", "content": "Hi"}]}
    assert "use /v1/embeddings or /v1/rerank" in http.post("/v1/chat/completions", json=chat).text
    refused = http.post("/v1/embeddings", json={"model": "tiny", "input": "a"})
    assert (refused.status_code, 'serve it with task = "embed"' in refused.json()["error"]["message"]) == (400, True)


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "vectors"]
    assert client.models.retrieve("vectors").owned_by == "llmagentos"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none")

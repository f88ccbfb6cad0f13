"""Users for locust: chats, half of them streamed."""

from __future__ import annotations

import json

from locust import HttpUser, between, task  # type: ignore[import-not-found]

ASK = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16, "temperature": 0}


class Chatting(HttpUser):  # type: ignore[misc]
    wait_time = between(0.0, 0.1)

    @task
    def whole(self) -> None:
        self.client.post("/v1/chat/completions", json=ASK, name="whole")

    @task
    def streamed(self) -> None:
        body = ASK | {"stream": True}
        with self.client.post(
            "/v1/chat/completions", json=body, name="streamed", stream=True, catch_response=True
        ) as answer:
            events = [line.removeprefix(b"data: ") for line in answer.iter_lines() if line]
            if events[-1:] != [b"[DONE]"] or "error" in json.loads(events[0]):
                answer.failure("the stream did not end in order")

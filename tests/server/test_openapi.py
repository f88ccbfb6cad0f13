"""The OpenAPI document, and what the server makes of requests that are drawn from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from llmagentos.server.config import ModelConfig, ModerationConfig, ServerConfig

from .running import running

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection"
)


def test_the_document_says_what_there_is(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    assert {"/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/metrics"} <= document["paths"].keys()
    schemas = document["components"]["schemas"]
    assert schemas["ChatRequest"]["properties"]["model"]["enum"] == ["tiny", "vectors"]
    assert schemas["ChatRequest"]["additionalProperties"] is False
    for path in document["paths"].values():
        assert all("422" not in operation["responses"] for operation in path.values())


@pytest.mark.acceptance
def test_no_request_breaks_it(models: dict[str, ModelConfig]) -> None:
    moderation = ModerationConfig(checks=["personal_data", "instructions"])
    with running(ServerConfig(models=models, moderation=moderation)) as served:
        _fuzz(served.url)


def _fuzz(url: str) -> None:
    command = [str(Path(sys.executable).parent / "st"), "run", f"{url}/openapi.json", "--checks", CHECKS]
    command += ["--max-examples", "50", "--exclude-path", "/metrics", "--suppress-health-check", "all"]
    subprocess.run(command, check=True)

from __future__ import annotations

from collections.abc import Iterator

import httpx
import openai
import pytest

from llmagentos.server.config import ModelConfig, ServerConfig

from .running import Running, running, tiny_chat_model, tiny_encoder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelConfig]:
    folder = tmp_path_factory.mktemp("served")
    return {
        "tiny": ModelConfig(path=tiny_chat_model(folder / "tiny"), threads=1),
        "vectors": ModelConfig(path=tiny_encoder(folder / "vectors"), threads=1),
    }


@pytest.fixture(scope="session")
def served(models: dict[str, ModelConfig]) -> Iterator[Running]:
    with running(ServerConfig(models=models)) as server:
        yield server


@pytest.fixture(scope="session")
def http(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="session")
def client(served: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
        yield client

"""Servers in threads of the test process, on free ports, with tiny models."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from llmagentos.server.app import create_app
from llmagentos.server.config import ServerConfig
from llmagentos.server.model_pool import Open
from llmagentos.server.run import Server, listen
from llmagentos.server.serving import Serving
from tests.encoder_folders import encoder_folder
from tests.hf_folders import write_llama

N_VOCAB = 502  # the rows that stand for tokens, and no others


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    url: str
    server: Server
    serving: Serving
    thread: threading.Thread

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, **{"timeout": 120.0, **options})

    def engine(self, model: str) -> Any:
        return self.serving.models.loaded[model]._engine


@contextmanager
def running(config: ServerConfig, open_model: Open | None = None) -> Iterator[Running]:
    app = create_app(config.model_copy(update={"port": 0}), open_model)
    listening = listen("127.0.0.1", 0)
    ready, addresses = threading.Event(), list[str]()

    def on_ready(address: str) -> None:
        addresses.append(address)
        ready.set()

    server = Server(app, config, on_ready)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        assert ready.wait(120), "the server did not start"
        yield Running(addresses[0], server, app.state.serving, thread)
    finally:
        server.should_exit = True
        thread.join(120)
        listening.close()
        assert not thread.is_alive()


def tiny_chat_model(folder: Path, **config: Any) -> str:
    """A Llama of random weights with a byte-level tokenizer and a chat template."""
    return str(write_llama(folder, N_VOCAB, "byte_level", eos_token_id=1, max_position_embeddings=2048, **config))


def tiny_encoder(folder: Path) -> str:
    return str(encoder_folder(folder, modules=("Transformer", "Pooling", "Normalize")))

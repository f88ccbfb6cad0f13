"""Servers in threads of the test process, on free ports, with tiny models."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from typing_extensions import Self

from llmagentos.server.app import create_app
from llmagentos.server.config import ServerConfig
from llmagentos.server.model_pool import Open
from llmagentos.server.run import Server, listen
from llmagentos.server.serving import Serving
from tests.encoder_folders import encoder_folder
from tests.hf_folders import write_llama

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

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

    def encoder(self, model: str) -> Any:
        return self.serving.models.loaded[model].encoder._encoder

    def hang_up(self, path: str, body: Any, when: Callable[[], bool], key: str = "none") -> None:
        """Send a request, and close the connection as soon as something holds."""
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {key}\r\nContent-Length: {len(content)}\r\n\r\n"
        with socket.create_connection(self.address) as connection:
            connection.sendall(head.encode() + content)
            until(when)


@contextmanager
def running(
    config: ServerConfig, open_model: Open | None = None, tracer_provider: TracerProvider | None = None
) -> Iterator[Running]:
    app = create_app(config.model_copy(update={"port": 0}), open_model, tracer_provider)
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


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


class Held:
    """Makes each call of a method wait until it may go on."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner, self._name = owner, name
        self._call = getattr(owner, name)
        self._go_on = threading.Event()
        self.n_begun = 0

    def __enter__(self) -> Self:
        setattr(self._owner, self._name, self._wait)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._owner, self._name, self._call)
        self._go_on.set()

    def _wait(self, *arguments: Any, **options: Any) -> Any:
        self.n_begun += 1
        assert self._go_on.wait(60)
        return self._call(*arguments, **options)


class Slowed:
    """Makes each of a model's steps wait for a turn."""

    def __init__(self, server: Running, model: str = "tiny") -> None:
        self._backend = server.engine(model)._backend
        self._run = self._backend.run
        self.turns = threading.Semaphore(0)
        self.n_steps = 0

    def __enter__(self) -> Self:
        self._backend.run = self._step
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.run = self._run
        self.turns.release(100_000)

    def _step(self, *arguments: Any) -> Any:
        self.turns.acquire(timeout=60)
        self.n_steps += 1
        return self._run(*arguments)

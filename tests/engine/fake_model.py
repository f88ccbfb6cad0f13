"""What `open_local_model` returns, without a file."""

from __future__ import annotations

from typing import Any

from llmagentos.calls.adapters import Adapters
from llmagentos.loading.local_model import LocalModel, ModelInfo
from llmagentos.models.lora import AdapterBase
from llmagentos.sampling_params import SamplingParams

from .engines import engine_on
from .fake_backend import FakeBackend
from .fake_tokenizer import FakeTokenizer

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def fake_model(chat_template: str | None = CHATML, add_bos: bool = False, context_length: int = 128) -> LocalModel:
    backend = FakeBackend(n_blocks=max(64, -(-context_length // 32)))
    info = ModelInfo("Fake", "llama", 1, {"F32": 4}, context_length, 4, "none", 1, 64)
    tokenizer: Any = FakeTokenizer(add_bos)
    engine = engine_on(backend, context_length)
    adapters = Adapters(engine, AdapterBase("fake", {}, {}))
    return LocalModel(engine, tokenizer, chat_template, SamplingParams(temperature=0.0), info, adapters)

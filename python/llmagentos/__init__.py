"""llmagentos: a fast local LLM engine in one process.

from llmagentos import LLM
print(LLM().generate_text("What is a list in Python?"))
"""

from __future__ import annotations

import importlib

# What typing.TYPE_CHECKING is, which checkers know by its name: importing typing takes longer than all the rest here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from llmagentos.agents.agent import Agent as Agent
    from llmagentos.calls.adapters import AdapterInfo as AdapterInfo
    from llmagentos.calls.text_encoder import Classification as Classification
    from llmagentos.calls.text_encoder import RankedDocument as RankedDocument
    from llmagentos.completion import Chunk as Chunk
    from llmagentos.completion import Completion as Completion
    from llmagentos.completion import TokenLogprob as TokenLogprob
    from llmagentos.completion import ToolCall as ToolCall
    from llmagentos.completion import ToolCallDelta as ToolCallDelta
    from llmagentos.completion import Usage as Usage
    from llmagentos.engine.statistics import EngineStats as EngineStats
    from llmagentos.engine.statistics import Event as Event
    from llmagentos.errors import ApplicationError as ApplicationError
    from llmagentos.errors import ContextLengthError as ContextLengthError
    from llmagentos.errors import InvalidRequestError as InvalidRequestError
    from llmagentos.errors import LLMAgentOSError as LLMAgentOSError
    from llmagentos.errors import ModelFormatError as ModelFormatError
    from llmagentos.errors import ModelNotFoundError as ModelNotFoundError
    from llmagentos.errors import OutOfMemoryError as OutOfMemoryError
    from llmagentos.errors import ProviderError as ProviderError
    from llmagentos.errors import QueueFullError as QueueFullError
    from llmagentos.errors import SchemaError as SchemaError
    from llmagentos.errors import ToolError as ToolError
    from llmagentos.errors import UnsupportedModelError as UnsupportedModelError
    from llmagentos.llm import LLM as LLM
    from llmagentos.loading.local_model import ModelInfo as ModelInfo
    from llmagentos.providers.remote_model import RemoteModelInfo as RemoteModelInfo
    from llmagentos.sampling_params import SamplingParams as SamplingParams
    from llmagentos.tools.tool import Tool as Tool
    from llmagentos.tools.tool import tool as tool

__version__ = "0.1.0"

# Names are loaded when they are first used (PEP 562), so that importing the package costs next to nothing.
_HOMES = {
    "AdapterInfo": "calls.adapters",
    "Agent": "agents.agent",
    "Chunk": "completion",
    "Completion": "completion",
    "TokenLogprob": "completion",
    "ToolCall": "completion",
    "ToolCallDelta": "completion",
    "Usage": "completion",
    "EngineStats": "engine.statistics",
    "Event": "engine.statistics",
    "ApplicationError": "errors",
    "ContextLengthError": "errors",
    "InvalidRequestError": "errors",
    "LLMAgentOSError": "errors",
    "ModelFormatError": "errors",
    "ModelNotFoundError": "errors",
    "OutOfMemoryError": "errors",
    "ProviderError": "errors",
    "QueueFullError": "errors",
    "SchemaError": "errors",
    "ToolError": "errors",
    "UnsupportedModelError": "errors",
    "LLM": "llm",
    "ModelInfo": "loading.local_model",
    "RemoteModelInfo": "providers.remote_model",
    "SamplingParams": "sampling_params",
    "Classification": "calls.text_encoder",
    "RankedDocument": "calls.text_encoder",
    "Tool": "tools.tool",
    "tool": "tools.tool",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (a list; the names are those of _HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

"""OpenAI's clients on a model in this process, for any program that takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagentos.errors import LLMAgentOSError
from llmagentos.llm import LLM

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

BASE_URL = "http://in-process/v1"  # nobody connects to it
_KEY = "none"  # the client wants one


def openai_client(llm: LLM) -> OpenAI:
    """OpenAI's client that waits.

    Raises:
        LLMAgentOSError: the package `openai` is missing.
    """
    try:
        from openai import OpenAI

        from llmagentos.agents.adapters.transport import EngineTransport, httpx
    except ImportError as error:
        raise _missing(error) from None
    return OpenAI(base_url=BASE_URL, api_key=_KEY, http_client=httpx.Client(transport=EngineTransport(llm)))


def async_openai_client(llm: LLM) -> AsyncOpenAI:
    """OpenAI's client for asyncio.

    Raises:
        LLMAgentOSError: the package `openai` is missing.
    """
    try:
        from openai import AsyncOpenAI

        from llmagentos.agents.adapters.transport import EngineTransport, httpx
    except ImportError as error:
        raise _missing(error) from None
    return AsyncOpenAI(base_url=BASE_URL, api_key=_KEY, http_client=httpx.AsyncClient(transport=EngineTransport(llm)))


def _missing(error: ImportError) -> LLMAgentOSError:
    return LLMAgentOSError(f"{error}; adapters for other frameworks need: pip install 'llmagentos[adapters]'")

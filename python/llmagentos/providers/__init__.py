"""Models of services, behind the same `LLM` as those that run here.

```
remote_model.py (arguments checked, lists, errors)
    -> remote_call.py (one call: messages, sampling, form of the answer)
    -> retrying.py -> service.py (what each service does): openai.py, gemini.py
    -> answers.py (what came back)
```

A service's own client speaks to it; these clients are the extra `remote`, imported with the first remote model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmagentos.errors import InvalidRequestError, ProviderError, shown

if TYPE_CHECKING:
    from llmagentos.market import RemoteName
    from llmagentos.providers.remote_model import RemoteModel
    from llmagentos.providers.service import Service

_CLIENTS = {"openai": "openai", "google": "google-genai", "httpx": "httpx", "tenacity": "tenacity"}


def open_remote_model(name: RemoteName, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> RemoteModel:
    """The model of a service. Nothing is sent before the first call.

    Args:
        settings: the arguments of `LLM` by name.
        defaults: those that were not given. Only `task` means something to a service's model.

    Raises:
        InvalidRequestError: a setting that is for models that run here.
        ProviderError: no key, or the extra `remote` is not installed.
    """
    for argument, default in defaults.items():
        if argument != "task" and settings[argument] != default:
            raise InvalidRequestError(f"{argument}={shown(settings[argument])} is of no use: {name} runs at a service")
    try:
        from llmagentos.providers.remote_model import RemoteModel

        return RemoteModel(name, _service_of(name))
    except ModuleNotFoundError as error:
        package = _CLIENTS.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        raise ProviderError(
            f"{name} needs the Python package {package}, which is not installed: pip install 'llmagentos[remote]'"
        ) from error


def _service_of(name: RemoteName) -> Service:
    if name.service == "gemini":
        from llmagentos.providers.gemini import GeminiService

        return GeminiService(name.model)
    from llmagentos.providers.openai import OpenAIService

    return OpenAIService(name)

"""One call to a service: what is asked, checked against what the service can do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from llmagentos.calls.prompts import check_seconds
from llmagentos.errors import InvalidRequestError, shown
from llmagentos.sampling_params import SamplingParams

if TYPE_CHECKING:
    from llmagentos.chat.tool_calls.tools import ToolSet
    from llmagentos.providers.service import Abilities
    from llmagentos.structured.response_format import ResponseFormat

_DEFAULTS = SamplingParams()


@dataclass(frozen=True)
class GivenParams(SamplingParams):
    """Params of which a service is sent only some fields; the rest is its own choice.

    Attributes:
        given: names of these fields.
    """

    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a call's options ask for.

    Attributes:
        response_format: what the answer must look like; None where any text will do.
        format_name: what a JSON schema is called.
        is_model: whether it was given as a pydantic model, whose fields may all be asked for.
        tools: what may be called.
        strict_tools: names of those whose calls the service is to hold to their parameters.
        parallel_tool_calls: whether an answer may call several times.
        deadline: on the monotonic clock.
    """

    response_format: ResponseFormat | None = None
    format_name: str = "answer"
    is_model: bool = False
    tools: ToolSet | None = None
    strict_tools: frozenset[str] = frozenset()
    parallel_tool_calls: bool = True
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class RemoteCall:
    """One request.

    Attributes:
        messages: checked ones; None where `prompt` is to be continued.
        sampling: the fields of `SamplingParams` that are sent.
    """

    messages: list[dict[str, Any]] | None
    prompt: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    asked: AskedFor = field(default_factory=AskedFor)

    @property
    def n(self) -> int:
        n: int = self.sampling.get("n", 1)
        return n


def sampling_of(params: SamplingParams | None, abilities: Abilities, title: str) -> dict[str, Any]:
    """What is sent of the params: what differs from the defaults, which are OpenAI's, and what is always sent.

    Raises:
        InvalidRequestError: a setting that the service does not have; names it.
    """
    if params is None:
        return {}
    if not isinstance(params, SamplingParams):
        raise InvalidRequestError(f"params must be a SamplingParams or None, not {type(params).__name__}")
    if isinstance(params, GivenParams):
        return given_sampling({name: getattr(params, name) for name in params.given}, abilities, title)
    names = (setting.name for setting in fields(params))
    changed = [name for name in names if getattr(params, name) != getattr(_DEFAULTS, name)]
    return _sent(params, [*changed, *(name for name in abilities.always_sent if name not in changed)], abilities, title)


def given_sampling(given: Mapping[str, Any], abilities: Abilities, title: str) -> dict[str, Any]:
    """What is sent of fields of `SamplingParams` of which all that were given are: the rest is the service's choice.

    Raises:
        InvalidRequestError: a value outside its domain, or a setting that the service does not have; names it.
    """
    params = SamplingParams(**given)
    # What the service does not have, and is not asked for either.
    idle = [name for name in given if name not in abilities.sampling and given[name] == getattr(_DEFAULTS, name)]
    return _sent(params, [name for name in given if name not in idle], abilities, title)


def _sent(params: SamplingParams, names: Sequence[str], abilities: Abilities, title: str) -> dict[str, Any]:
    for name in names:
        if name not in abilities.sampling:
            value = shown(getattr(params, name))
            raise InvalidRequestError(f"{name}={value} is not possible: {title} has no such setting")
    return {name: getattr(params, name) for name in names}


def asked_for(options: Mapping[str, Any], has_messages: bool, abilities: Abilities, title: str) -> AskedFor:
    """Check a call's options.

    Raises:
        SchemaError: a schema that is not valid; points at the place.
        InvalidRequestError: an option that there is not, is outside its domain, or that the service has nothing for.
    """
    from llmagentos.calls.generation import check_options

    check_options(options, has_messages)
    for name in ("priority", "cache_salt", "adapter", "forced_bos_token_id"):
        if options.get(name) not in (None, 0):
            raise InvalidRequestError(f"{name}={shown(options[name])} is not possible: {title} has no such option")
    timeout = options.get("timeout")
    check_seconds("timeout", timeout)
    deadline = None if timeout is None else time.monotonic() + timeout
    if not options.keys() - {"priority", "cache_salt", "adapter", "forced_bos_token_id", "timeout"}:
        return AskedFor(deadline=deadline)
    return _formed(options, has_messages, abilities, title, deadline)


def _formed(
    options: Mapping[str, Any], has_messages: bool, abilities: Abilities, title: str, deadline: float | None
) -> AskedFor:
    from llmagentos.chat.tool_calls.tools import tool_set_of
    from llmagentos.structured.response_format import response_format_of

    wanted = options.get("response_format")
    response_format = response_format_of(wanted)
    if response_format is not None:
        kind = wanted["type"] if isinstance(wanted, Mapping) else "json_schema"
        if not has_messages or kind not in abilities.response_formats:
            where = title if has_messages else f"{title}, for a text that is continued,"
            raise InvalidRequestError(f"response_format={shown(wanted)} is not possible: {where} has no such form")
    parallel = options.get("parallel_tool_calls", True)
    tools = tool_set_of(options.get("tools"), options.get("tool_choice"), parallel)
    if not parallel and not abilities.one_call_at_a_time:
        raise InvalidRequestError(
            f"parallel_tool_calls=False is not possible: {title} cannot be kept from calling several tools"
        )
    return AskedFor(
        response_format=response_format,
        format_name=_name_of(wanted),
        is_model=isinstance(wanted, type),
        tools=tools,
        strict_tools=_strict(options.get("tools")),
        parallel_tool_calls=parallel,
        deadline=deadline,
    )


def _name_of(response_format: Any) -> str:
    if isinstance(response_format, type):
        return response_format.__name__
    wrapper = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    name = wrapper.get("name") if isinstance(wrapper, Mapping) else None
    return name or "answer"


def _strict(tools: Any) -> frozenset[str]:
    """Names of the tools, which are checked, that ask for it."""
    functions = [tool["function"] for tool in tools or ()]
    return frozenset(function["name"] for function in functions if function.get("strict"))

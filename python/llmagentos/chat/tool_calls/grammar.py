"""The grammar of answers that may call tools.

Arguments are rules of their own, each with the tool's schema as the root that its references start from; what stands
around them is fixed text. Once a call's opening is there, only a whole call can follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from llmagentos.chat.tool_calls.formats import ToolFormat
from llmagentos.chat.tool_calls.tools import ToolSet
from llmagentos.structured.lark import json_value, literal

MAX_CALLS = 16  # in one answer: a small model that may go on calling goes on

_ANY_TEXT = "/(?s:.*)/"
_NO_CALL = r"/\s*([^\s{](?s:.*))?/"  # a text that looks like a bare call must be one


def tool_grammar(
    tool_set: ToolSet, tool_format: ToolFormat, special_id: Callable[[str], int | None], form: str = ""
) -> str:
    """Lark text whose `start` matches whole answers.

    Args:
        form: Lark text of what an answer without calls must be; "" for anything. With a form `tool_format` leads.
        special_id: the special token that is spelled as a given text, or None; grammars name such a token by its id.
    """

    def tag(text: str) -> str:
        token_id = special_id(text)
        return literal(text) if token_id is None else f"<[{token_id}]>"

    opening = tag(tool_format.opening)
    rules = [*_list_rules(tool_set, tool_format, tag), *_call_rules(tool_set, tool_format)]
    if tool_set.must_call:
        return "\n".join([f"start: {'' if tool_format.is_bare else opening} calls", *rules])
    if form:
        return "\n".join([f"start: form | {opening} calls", form.replace("start:", "form:", 1), *rules])
    text, before = (_NO_CALL, "SPACE") if tool_format.is_bare else (_ANY_TEXT, "TEXT")
    starts = ["TEXT", "spelled calls"]
    if tool_format.is_bare:
        starts.append("calls")
    if opening != literal(tool_format.opening):
        starts.append(f"{before}? {opening} calls")
    # Lazy: as soon as the opening is spelled out, even where it is a token of its own, nothing but a call may follow.
    free = [f"spelled[lazy]: {before} {literal(tool_format.opening)}", f"TEXT: {text}", r"SPACE: /\s*/"]
    return "\n".join([f"start: {' | '.join(starts)}", *free, *rules])


def _list_rules(tool_set: ToolSet, tool_format: ToolFormat, tag: Callable[[str], str]) -> list[str]:
    """`calls`: what follows the first opening."""
    separator = literal(tool_format.separator)
    closing = tag(tool_format.closing) if tool_format.closing else ""
    padding = literal(tool_format.padding) if tool_format.padding else ""
    between = separator if tool_format.is_list else f"{closing} {separator} {tag(tool_format.opening)}"
    rules = [f"padded: {padding} call {padding}"]
    if not (tool_set.several and tool_format.has_several):
        calls = "padded"
    else:
        calls = f"padded (more){{0,{MAX_CALLS - 1}}}"
        rules.append(f"more: {between} padded")
    begin, end = (r"/ ?\[/", '"]"') if tool_format.is_list else ("", "")
    return [f"calls: {begin} {calls} {end} {closing}", *rules]


def _call_rules(tool_set: ToolSet, tool_format: ToolFormat) -> list[str]:
    tools = tool_set.callable_tools
    rules = [f"call: {' | '.join(f'call_{index}' for index in range(len(tools)))}"]
    for index, tool in enumerate(tools):
        head = f'{{"name": {json.dumps(tool.name)}, {json.dumps(tool_format.arguments_key)}: '
        rules.append(f'call_{index}: {literal(head)} arguments_{index} "}}"')
        rules.append(f"arguments_{index}: {json_value(tool.parameters)}")
    return rules

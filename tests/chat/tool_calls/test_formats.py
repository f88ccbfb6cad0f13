from __future__ import annotations

import pytest

from llmagentos.chat.tool_calls.formats import GENERIC, HERMES, LLAMA3, MISTRAL, ToolFormat, format_of
from tests.engine.fake_model import CHATML


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (None, GENERIC),
        (CHATML, GENERIC),
        ("{% if tools %}<tools>...{% endif %} within <tool_call></tool_call> XML tags", HERMES),
        ("{% if tools %}<tool_call><function=name>{% endif %}", GENERIC),
        ("{% if tools %}<tool_call>name<arg_key>{% endif %}", GENERIC),
        ("{% if tools %}within <tool_call></tool_call> tags: <tool_calls>[{}]</tool_calls>", GENERIC),
        ("{% if tools %}Environment: ipython{% endif %}<function=name>", GENERIC),
        ("{%- if tools is not none %}Environment: ipython{% endif %}", LLAMA3),
        ("{% if builtin_tools %}<|python_tag|>{% endif %}", LLAMA3),
        ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]", MISTRAL),
        ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]name[ARGS]{}", GENERIC),
        ("<tool_call> in a template that knows no list of them", GENERIC),
        ("{% if tools %}something of its own{% endif %}", GENERIC),
    ],
)
def test_the_format_is_told_from_the_template(template: str | None, expected: ToolFormat) -> None:
    assert format_of(template) is expected

"""A template for tools beside the usual one: each renders as it does alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.models.families import DATA, changed_folder

from llmagentos.chat.templates import ChatTemplate
from llmagentos.chat.tool_calls.formats import HERMES, format_of
from llmagentos.formats.chat_templates import by_tools
from llmagentos.models import open_checkpoint

MESSAGES = [{"role": "user", "content": " a\n"}]
TOOLS = [{"type": "function", "function": {"name": "add"}}]
PLAIN = "\n  {% for m in messages %}\n<{{ m.role }}>{{ m.content }}\n  {% endfor %}\n{{ bos_token }}  \n"
WITH_TOOLS = (
    "{%- set n = tools|length %}\n{{ n }} {% macro one(t) %}<tool_call>{{ t }}{% endmacro %}{{ one(tools[0]) }}\n"
)


def rendered(source: str | None, tools: list[dict[str, Any]] | None) -> str:
    assert source is not None
    return ChatTemplate(source, "<s>", "</s>").render(MESSAGES, tools)


@pytest.mark.parametrize("default", [PLAIN, "x", "  {{ 1 }}  ", "{% if true %}\n\n{% endif %}\n\n"])
@pytest.mark.parametrize("tool_use", [WITH_TOOLS, "\n\n{{ tools }}\n\n", "   {%- if tools %}y{% endif -%}  "])
def test_each_is_as_it_is_alone(default: str, tool_use: str) -> None:
    both = by_tools(default, tool_use)
    assert rendered(both, None) == rendered(default, None)
    assert rendered(both, TOOLS) == rendered(tool_use, TOOLS)
    assert rendered(both, []) == rendered(tool_use, [])


@pytest.mark.parametrize("default", [None, "", 3, ["x"]])
def test_without_a_usual_one_there_is_none(default: object) -> None:
    assert by_tools(default, WITH_TOOLS) is None


@pytest.mark.parametrize("tool_use", [None, "", 3])
def test_without_one_for_tools_the_usual_one_stays(tool_use: object) -> None:
    assert by_tools(PLAIN, tool_use) == PLAIN


@pytest.mark.parametrize("in_files", [False, True])
def test_a_folders_templates_are_both_read(in_files: bool, tmp_path: Path) -> None:
    """In a list of tokenizer_config.json, or in files."""
    folder = changed_folder(DATA / "llama-plain", tmp_path)
    if in_files:
        (folder / "additional_chat_templates").mkdir()
        (folder / "chat_template.jinja").write_text(PLAIN)
        (folder / "additional_chat_templates" / "tool_use.jinja").write_text(WITH_TOOLS)
    else:
        named = {"default": PLAIN, "tool_use": WITH_TOOLS, "rag": "{{ documents }}"}
        listed = [{"name": name, "template": template} for name, template in named.items()]
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": listed}))
    template = open_checkpoint(folder).chat_template
    assert rendered(template, None) == rendered(PLAIN, None)
    assert rendered(template, TOOLS) == rendered(WITH_TOOLS, TOOLS)
    assert format_of(template) == HERMES


def test_a_model_that_sees_pictures_may_have_its_template_in_a_file_of_json(tmp_path: Path) -> None:
    folder = changed_folder(DATA / "llama-plain", tmp_path)
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": PLAIN}))
    assert open_checkpoint(folder).chat_template == PLAIN

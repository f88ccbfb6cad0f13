from __future__ import annotations

import pytest

from llmagentos.chat.templates import ChatTemplate
from llmagentos.errors import InvalidRequestError, UnsupportedModelError

MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<b>"}]


def rendered(source: str) -> str:
    return ChatTemplate(source, "<s>", "</s>").render(MESSAGES)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<s>a</s>"),
        ("{% if add_generation_prompt %}\ngo{% endif %}", "go"),
        ("  {% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}", "user"),
        ("{{ messages[1] | tojson }}", '{"role": "assistant", "content": "<b>"}'),
        ("{{ strftime_now('%Y') | length }}", "4"),
    ],
)
def test_it_renders_as_transformers_does(source: str, text: str) -> None:
    assert rendered(source) == text


def test_a_refusal_carries_the_templates_words() -> None:
    with pytest.raises(InvalidRequestError, match="roles must alternate"):
        rendered("{{ raise_exception('roles must alternate') }}")


@pytest.mark.parametrize(
    "source",
    ["{% if %}", "{{ nothing.at.all }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ messages.append(1) }}"],
)
def test_a_broken_or_hostile_template_is_an_error(source: str) -> None:
    with pytest.raises(UnsupportedModelError, match="chat template"):
        rendered(source)


def test_tools_are_what_a_template_may_ask_for() -> None:
    source = "{% if tools %}{{ tools[0].function.name }}{% else %}none{% endif %}"
    template = ChatTemplate(source, "<s>", "</s>")
    assert template.render(MESSAGES, [{"type": "function", "function": {"name": "f"}}]) == "f"
    assert template.render(MESSAGES) == "none"


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("{{ messages[0].content }}", True),
        ("{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}", False),
    ],
)
def test_whether_a_conversation_may_begin_with_a_system_message(source: str, answer: bool) -> None:
    assert ChatTemplate(source, "<s>", "</s>").takes_system_message() == answer

"""Templates that run or grow without end are refused, quickly; what ordinary templates use still works."""

from __future__ import annotations

import pytest

from llmagentos.chat.templates import ChatTemplate
from llmagentos.errors import UnsupportedModelError

MESSAGES = [{"role": "user", "content": "hi"}]


def render(source: str) -> str:
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>").render(MESSAGES)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 300000000 }}",
        "{{ 300000000 * 'x' }}",
        "{{ '%300000000d' % 1 }}",
        "{{ '%300000000d'|format(1) }}",
        "{{ 'x'|center(100000000) }}",
        "{{ 'x'.ljust(100000000) }}",
        "{{ messages|tojson(indent=100000000) }}",
        "{{ 9 ** 999999999 }}",
        "{% set x = 'x' * 1000000 %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
        "{% set x = 'x' * 1000000 %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
        "{% set x = 'x' * 1000000 %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40 + "{{ x }}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ],
)
def test_work_and_text_are_bounded(source: str) -> None:
    with pytest.raises(UnsupportedModelError, match="chat template failed"):
        render(source)


@pytest.mark.parametrize(
    "source",
    ["{% for a in [1] %}" * 25 + "{% endfor %}" * 25, "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "{% nonsense %}"],
)
def test_what_cannot_compile_is_refused(source: str) -> None:
    with pytest.raises(UnsupportedModelError, match="does not compile"):
        render(source)


def test_ordinary_features_work() -> None:
    assert (
        render("{% for m in messages %}{{ loop.index }}{{ loop.last }}{{ m.content ~ '!' }}{% endfor %}") == "1Truehi!"
    )
    assert render("{% generation %}{{ bos_token + 'a' * 3 }}{% endgeneration %}") == "<s>aaa"
    assert render("{{ '%s-%d' % ('a', 3) }}{{ '%s'|format('b') }}{{ 'c'|center(3) }}") == "a-3b c "
    assert render("{{ 'tools' if tools is not none else 'none' }}{{ 2 ** 3 }}{{ 7 % 4 }}") == "none83"
    assert render("{% set x %}{{ messages[0].content|trim }}{% endset %}{{ x|upper }}") == "HI"
    assert render("{% for m in messages if m.role == 'user' %}{{ m.role }}{% endfor %}") == "user"


def test_a_callers_exception_passes_through() -> None:
    class Interrupting(dict):  # type: ignore[type-arg]
        def __getitem__(self, key: str) -> str:
            raise TimeoutError("the caller's alarm")

    template = ChatTemplate("{{ messages[0]['role'] }}", bos_token="", eos_token="")
    with pytest.raises(TimeoutError):
        template.render([Interrupting(role="user")])

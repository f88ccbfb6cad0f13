"""The environment that chat templates run in: jinja2's immutable sandbox, with a budget of work and of text.

A template is a program that came with a model file. jinja2's sandbox keeps it away from the interpreter; the budget
keeps it from running or growing without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_EVENTS = 500_000  # loop iterations and calls in one rendering
MAX_TEXT = 1 << 24  # characters of any one text, and of the result

_events: ContextVar[int] = ContextVar("events", default=0)


class BudgetError(Exception):
    """The template does more than any chat template needs."""


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """As transformers' environment for chat templates, with every loop, call and growing text counted."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag])
        self.filters["counted"] = _counted
        self.filters["bounded"] = bounded
        for name in ("center", "indent", "format"):
            self.filters[name] = _small_arguments(self.filters[name])

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for loop in template.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
        for block in template.find_all(nodes.AssignBlock):
            block.filter = nodes.Filter(block.filter, "bounded", [], [], None, None, lineno=block.lineno)
        for concat in template.find_all(nodes.Concat):
            concat.nodes = [
                nodes.Filter(node, "bounded", [], [], None, None, lineno=node.lineno) for node in concat.nodes
            ]
        return template

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _check_operands(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        spend(1)
        if isinstance(getattr(obj, "__self__", None), str):
            _check_small(args)
        return bounded(super().call(context, obj, *args, **kwargs))


def start_budget() -> None:
    """Begin a rendering."""
    _events.set(0)


def spend(n: int) -> None:
    """Count work.

    Raises:
        BudgetError: the rendering has used up what it may.
    """
    total = _events.get() + n
    if total > MAX_EVENTS:
        raise BudgetError(f"it runs more than {MAX_EVENTS} loop iterations and calls")
    _events.set(total)


def bounded(value: Any) -> Any:
    """The value, unless it is a text longer than any conversation.

    Raises:
        BudgetError: it is.
    """
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise BudgetError(f"it makes a text of more than {MAX_TEXT} characters")
    return value


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        spend(1)
        yield value


def _check_operands(operator: str, left: Any, right: Any) -> None:
    if operator == "**" and (abs(left) > 2**32 or abs(right) > 64):
        raise BudgetError("it raises numbers to large powers")
    if operator == "%" and isinstance(left, str):
        _check_small([int(digits) for digits in _numbers_in(left)])
    if operator in "+*":
        sizes = [len(value) if isinstance(value, (str, list, tuple)) else 0 for value in (left, right)]
        if operator == "+" and sum(sizes) > MAX_TEXT:
            raise BudgetError(f"it makes a text of more than {MAX_TEXT} characters")
        times = [value for value in (left, right) if isinstance(value, int)]
        if operator == "*" and any(sizes) and times and max(sizes) * times[0] > MAX_TEXT:
            raise BudgetError(f"it makes a text of more than {MAX_TEXT} characters")


def _numbers_in(text: str) -> list[str]:
    return "".join(c if c.isascii() and c.isdigit() else " " for c in text).split()


def _check_small(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and abs(value) > 10_000 for value in values):
        raise BudgetError("it pads text by more than 10000 characters")


def _small_arguments(function: Any) -> Any:
    def checked(text: Any, *args: Any, **kwargs: Any) -> Any:
        _check_small([*args, *kwargs.values()])
        if isinstance(text, str):
            _check_small([int(digits[:9]) for digits in _numbers_in(text)] if function.__name__ == "do_format" else [])
        return function(text, *args, **kwargs)

    return checked


class _GenerationTag(Extension):
    """`{% generation %}...{% endgeneration %}` marks the assistant's part for training; here it is its contents."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)

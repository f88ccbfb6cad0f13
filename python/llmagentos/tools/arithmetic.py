"""Arithmetic on an expression's syntax tree: nothing of it is ever run as Python."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import TypeAlias

from llmagentos.errors import ToolError, shown
from llmagentos.tools.bounds import Line
from llmagentos.tools.tool import tool

Number: TypeAlias = "int | float"

MAX_LENGTH = 500  # characters of an expression
MAX_BITS = 4096  # of an integer: some 1,200 digits
MAX_DIGITS = 1000  # that round keeps or drops; Python computes ten to the power of these


def _round(number: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > MAX_DIGITS:
        raise ValueError(f"round takes from {-MAX_DIGITS} to {MAX_DIGITS} digits, not {shown(digits)}")
    return round(number, digits or None)  # an integer where no digits are left


_CONSTANTS: Mapping[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "round": _round,
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "degrees": math.degrees,
    "radians": math.radians,
    "gcd": math.gcd,
    "hypot": math.hypot,
}
_BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
# As people write them; a caret is a power to them, where Python takes it for "exclusive or".
_SPELLINGS = str.maketrans({"^": "**", "×": "*", "·": "*", "÷": "/", "−": "-", "√": "sqrt"})


def evaluate(expression: str) -> Number:
    """The value of an arithmetic expression.

    Raises:
        ToolError: it is no arithmetic, too long, has no finite value, or its value is too large.
    """
    if len(expression) > MAX_LENGTH:
        raise ToolError(f"the expression has {len(expression)} characters, and at most {MAX_LENGTH} are allowed")
    try:
        tree = ast.parse(expression.translate(_SPELLINGS).strip(), mode="eval")
        value = _value(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError(f"{shown(expression)} cannot be calculated: {_reason(error)}") from None
    except ZeroDivisionError:
        raise ToolError(f"{shown(expression)} divides by zero") from None
    except OverflowError:
        raise ToolError(f"the value of {shown(expression)} is too large") from None
    except TypeError as error:
        raise ToolError(f"{shown(expression)}: a function has too many or too few arguments: {error}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError(f"{shown(expression)} has no finite value")
    return value


@tool
def calculator(expression: Line) -> str:
    """Calculate the value of an arithmetic expression.

    Args:
        expression: such as "(2 + 3) * 4 / 7", "2^10", "sqrt(2) * 100" or "round(19.99 * 1.19, 2)". Angles are in
            radians. log(x) is the natural logarithm, log(x, 10) another one.
    """
    value = evaluate(expression)
    # 15 digits are what a float can tell of a decimal number: 0.1 + 0.2 is 0.3.
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _reason(error: Exception) -> str:
    if isinstance(error, (RecursionError, MemoryError)):
        return "it is nested too deeply"
    return "it is not well formed" if isinstance(error, SyntaxError) else str(error)


def _value(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.Name):
        if node.id not in _CONSTANTS:
            raise ValueError(f"{node.id!r} is not known; the constants are {', '.join(_CONSTANTS)}")
        return _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _binary(node.op, _value(node.left), _value(node.right))
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, ast.Tuple):
        raise ValueError("write numbers without separators, such as 1000 for one thousand")
    raise ValueError("only numbers, + - * / // % ^, parentheses and functions are allowed")


def _constant(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{shown(value)} is not a number")
    return value


def _binary(kind: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(kind, ast.Pow):
        return _bounded(_power(left, right))
    if type(kind) not in _BINARY:
        raise ValueError("only the operators + - * / // % ^ are allowed")
    return _bounded(_BINARY[type(kind)](left, right))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1:
        # Known before it is computed, which for 9^9^9 would take the machine.
        if exponent * (abs(base).bit_length() - 1) > MAX_BITS:
            raise OverflowError
        if exponent < -MAX_BITS:
            return 0.0
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError(f"a root of a negative number, {base:g}^{exponent:g}, is not real")
    return value


def _call(node: ast.Call) -> Number:
    if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS:
        name = node.func.id if isinstance(node.func, ast.Name) else "this"
        raise ValueError(f"{name!r} is not a function; there are {', '.join(_FUNCTIONS)}")
    if node.keywords:
        raise ValueError("arguments have no names here")
    return _bounded(_FUNCTIONS[node.func.id](*(_value(argument) for argument in node.args)))


def _bounded(value: Number) -> Number:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise OverflowError
    return value

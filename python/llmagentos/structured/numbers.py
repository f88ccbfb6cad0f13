"""Bounds of numbers, as decimals that what compiles grammars reads exactly.

llguidance compares the digits that are written with the digits of a bound, so two things can go wrong at a bound. A
number just beside it may be the bound once it is read as a float: 0.49999999999999999999 is 0.5. And a bound of more
digits may already be another number when llguidance has read it. Here every bound becomes an inclusive one on a decimal
grid that is coarser than floats: at most 15 digits, at most 20 behind the point. Bounds off the grid are moved inwards
to it, so what may be written is always valid; integers are all on it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

MAX_NUMBER = 2**53  # floats hold all integers up to here
_DIGITS = 15  # of any decimal of so many digits, the nearest float gives them back
_PLACES = 20  # powers of ten up to 22 are floats, so that reading such a decimal takes one rounding
_MAX_STEP = 2**16 - 1  # digits of a `multipleOf` without its point: as many states, and squares of 32 bits
_LOWER, _UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")

BOUNDS = frozenset(_LOWER + _UPPER)


def is_on_grid(value: float) -> bool:
    """Whether this finite number keeps its value on the way into a grammar."""
    exact = _decimal(value)
    return abs(exact) <= MAX_NUMBER and exact % _step(exact) == 0


def is_step(value: float) -> bool:
    """Whether llguidance finds the decimal digits of this positive number again, which it multiplies by ten for."""
    scaled, places = float(value), 0
    while scaled % 1:
        scaled, places = scaled * 10, places + 1
    return scaled <= _MAX_STEP and Decimal(scaled).scaleb(-places) == _decimal(value)


def have_common_multiple(values: Collection[float]) -> bool:
    """Whether llguidance can compute the least common multiple of these steps, whichever of them come together."""
    steps = {_decimal(value) for value in values}
    places = max((-_exponent(step) for step in steps), default=0)
    digits = [int(step.scaleb(max(places, 0))) for step in steps]
    return len(digits) < 2 or math.lcm(*digits) <= _MAX_STEP


def inclusive_bounds(node: Mapping[str, Any]) -> dict[str, float]:
    """The bounds of a schema as `minimum` and `maximum` on the grid, where it has such bounds."""
    bounds: dict[str, float] = {}
    step = Decimal(1) if node.get("type") == "integer" else None
    lower = [_least(_decimal(node[name]), name != "minimum", step) for name in _LOWER if name in node]
    upper = [-_least(-_decimal(node[name]), name != "maximum", step) for name in _UPPER if name in node]
    if lower:
        bounds["minimum"] = _number(max(lower))
    if upper:
        bounds["maximum"] = _number(min(upper))
    return bounds


def _least(bound: Decimal, is_exclusive: bool, step: Decimal | None) -> Decimal:
    """The least decimal on the grid that is not below the bound, or that is above it.

    Args:
        step: the grid's, None for the finest there.
    """
    step = _step(bound) if step is None else step
    if is_exclusive:
        return (bound / step).to_integral_value(ROUND_FLOOR) * step + step
    return (bound / step).to_integral_value(ROUND_CEILING) * step


def _step(value: Decimal) -> Decimal:
    """The distance of decimals on the grid around this one, at most 1."""
    exponent = value.adjusted() - _DIGITS + 1 if value else -_PLACES
    return Decimal(1).scaleb(min(0, max(exponent, -_PLACES)))


def _decimal(value: float) -> Decimal:
    """The decimal that JSON writes for this number."""
    return Decimal(repr(value))


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)

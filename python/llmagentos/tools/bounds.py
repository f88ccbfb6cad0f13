"""Types of tools' arguments, with lengths in characters: without an end, a small model may write on and on. What a tool
cannot do without is not empty, as small models may leave it.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import Ge, Le, MaxLen, MinLen

Day: TypeAlias = Annotated[str, MaxLen(40)]  # or a time
Name: TypeAlias = Annotated[str, MaxLen(100)]
Path: TypeAlias = Annotated[str, MaxLen(400)]
Line: TypeAlias = Annotated[str, MaxLen(500)]
Words: TypeAlias = Annotated[str, MinLen(1), MaxLen(500)]  # a line that says something
Url: TypeAlias = Annotated[str, MinLen(1), MaxLen(1000)]
Sql: TypeAlias = Annotated[str, MinLen(1), MaxLen(2000)]
Program: TypeAlias = Annotated[str, MinLen(1), MaxLen(10_000)]

Count: TypeAlias = Annotated[int, Ge(1), Le(1_000_000)]
Position: TypeAlias = Annotated[int, Ge(0), Le(1_000_000_000)]
Steps: TypeAlias = Annotated[int, Ge(-1_000_000), Le(1_000_000)]  # in either direction
Id: TypeAlias = Annotated[int, Ge(1), Le(2**53)]
Share: TypeAlias = Annotated[float, Ge(0.0), Le(1.0)]

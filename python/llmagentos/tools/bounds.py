"""Types of tools' arguments that have an end, in characters: without one, a small model may write on and on."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import Ge, Le, MaxLen

Day: TypeAlias = Annotated[str, MaxLen(40)]  # or a time
Name: TypeAlias = Annotated[str, MaxLen(100)]
Path: TypeAlias = Annotated[str, MaxLen(400)]
Line: TypeAlias = Annotated[str, MaxLen(500)]
Url: TypeAlias = Annotated[str, MaxLen(1000)]
Sql: TypeAlias = Annotated[str, MaxLen(2000)]
Program: TypeAlias = Annotated[str, MaxLen(10_000)]

Count: TypeAlias = Annotated[int, Ge(1), Le(1_000_000)]
Position: TypeAlias = Annotated[int, Ge(0), Le(1_000_000_000)]
Steps: TypeAlias = Annotated[int, Ge(-1_000_000), Le(1_000_000)]  # in either direction
Id: TypeAlias = Annotated[int, Ge(1), Le(2**53)]
Share: TypeAlias = Annotated[float, Ge(0.0), Le(1.0)]

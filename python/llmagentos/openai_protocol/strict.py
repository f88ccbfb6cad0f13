"""What all requests have in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Unknown fields are refused, and nothing is converted: "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _is_off(value: bool) -> bool:
    if value:
        raise ValueError("it must be false")
    return value


# A Literal would take false for 0, and 0 for false.
Off: TypeAlias = Annotated[bool, Field(json_schema_extra={"const": False}), AfterValidator(_is_off)]
Zero: TypeAlias = Annotated[int, Field(ge=0, le=0)]

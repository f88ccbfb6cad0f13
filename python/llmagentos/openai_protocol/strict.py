"""What all requests have in common."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_T = TypeVar("_T")
_MAX_UNKNOWN = 100  # fields that are told one by one

# Of what is wrong in a list the first is told. Each error takes longer to make than the item to read, and a body may
# have millions of items.
ListOf = Annotated[list[_T], Field(fail_fast=True)]


def _of_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        for key, number in value.items():
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise ValueError(f"what {str(key)[:40]!r} has is no number")
    return value


Numbers: TypeAlias = Annotated[dict[str, float], BeforeValidator(_of_numbers)]


class Strict(BaseModel):
    """Unknown fields are refused, and nothing is converted: "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > len(cls.model_fields) + _MAX_UNKNOWN:
            raise ValueError(f"it has {len(value):,} fields")
        return value


def _is_off(value: bool) -> bool:
    if value:
        raise ValueError("it must be false")
    return value


# A Literal would take false for 0, and 0 for false.
Off: TypeAlias = Annotated[bool, Field(json_schema_extra={"const": False}), AfterValidator(_is_off)]
Zero: TypeAlias = Annotated[int, Field(ge=0, le=0)]

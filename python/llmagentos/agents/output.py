"""Answers as objects: of a pydantic model, or of any type that pydantic knows."""

from __future__ import annotations

from typing import Any

from llmagentos.errors import InvalidRequestError, ToolError, shown
from llmagentos.structured.model_schema import model_schema

FINAL_ANSWER = "final_answer"


class OutputForm:
    """What an agent's answers must be.

    An agent without tools has its model write the object; one with tools gives it a tool more, whose arguments are the
    object, so that the model may use the others first.

    Args:
        output_type: a pydantic model, or any other type that pydantic has a JSON schema for.

    Raises:
        InvalidRequestError: it has none.
    """

    def __init__(self, output_type: Any) -> None:
        from pydantic import BaseModel, create_model
        from pydantic.errors import PydanticUserError
        from pydantic_core import SchemaError

        self._is_wrapped = not (isinstance(output_type, type) and issubclass(output_type, BaseModel))
        try:
            self.model: type[BaseModel] = (
                create_model("Answer", answer=(output_type, ...)) if self._is_wrapped else output_type
            )
            self._schema = model_schema(self.model.model_json_schema)
        except (PydanticUserError, SchemaError, TypeError, ImportError) as error:
            why = str(error).partition("\n\nFor further information")[0]  # pydantic's pages, which say nothing more
            raise InvalidRequestError(f"output_type={shown(output_type)} has no JSON schema: {why}") from error

    @property
    def definition(self) -> dict[str, Any]:
        """The tool that takes the answer, in OpenAI's shape."""
        description = "Give the final answer, once nothing else needs to be done."
        function = {"name": FINAL_ANSWER, "description": description, "parameters": self._schema}
        return {"type": "function", "function": function}

    def parse(self, text: str) -> Any:
        """The object of which this is the JSON text.

        Raises:
            ToolError: it is none; says what is wrong.
        """
        from pydantic import ValidationError

        try:
            parsed = self.model.model_validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}" for fault in error.errors()
            )
            raise ToolError(f"the answer is not valid: {faults}") from None
        return getattr(parsed, "answer") if self._is_wrapped else parsed  # noqa: B009  (the model is made above)

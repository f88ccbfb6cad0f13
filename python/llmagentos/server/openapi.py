"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


class DocumentedApp(FastAPI):
    """Its document says which models there are, and leaves out the status 422 that FastAPI adds: what is not valid gets
    400 here."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        names = self.state.serving.models.names
        for name, schema in document["components"]["schemas"].items():
            asks_a_model = name.endswith("Request") and name != "ModerationRequest"  # there the name has no effect
            model = schema["properties"].get("model") if asks_a_model else None
            if model is not None:
                next(one for one in model.get("anyOf", [model]) if one["type"] == "string")["enum"] = names
        return document

"""Values checked against JSON schemas, with the package jsonschema, which only some uses need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmagentos.errors import InvalidRequestError


def validator_of(what: str, schema: Mapping[str, Any]) -> Callable[[Any], list[str]]:
    """From a value to what is wrong with it, each fault in a sentence; nothing where the schema describes it.

    References lead within the schema or to JSON Schema's own drafts: nothing is ever fetched.

    Args:
        what: is described, as errors call it.
        schema: of the draft that its `$schema` names, or of the newest.

    Raises:
        InvalidRequestError: it is no JSON schema, or the package is not installed.
    """
    try:
        from jsonschema import SchemaError as JsonSchemaError
        from jsonschema.validators import validator_for
        from jsonschema_specifications import REGISTRY
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise InvalidRequestError(f"the JSON schema of {what} needs: pip install 'llmagentos[agents]'") from error
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except JsonSchemaError as error:
        raise InvalidRequestError(f"the JSON schema of {what} is not valid: {error.message}") from None
    # Without a registry of its own jsonschema would fetch what a reference names.
    validator = kind(schema, registry=REGISTRY)

    def faults(value: Any) -> list[str]:
        try:
            return [
                f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}" if fault.absolute_path else fault.message
                for fault in validator.iter_errors(value)
            ]
        except Unresolvable as error:
            return [f"the schema refers to {error.ref!r}, which is not in it"]

    return faults

"""Whether an application is fit to be published."""

from __future__ import annotations

import ast
from collections.abc import Collection

from llmagentos.errors import ApplicationError, InvalidRequestError
from llmagentos.market.applications.files import Files, manifest_in
from llmagentos.market.entries import find

_MIN_DESCRIPTION = 20  # characters


def problems(where: str, files: Files, known_tools: Collection[str]) -> list[str]:
    """What is to be put right before others can use it, each in a sentence; nothing where it is fit.

    Args:
        where: what problems call it.
        known_tools: names that `load_tools` takes.
    """
    try:
        manifest = manifest_in(where, files)
    except (ApplicationError, InvalidRequestError) as error:
        return [str(error)]
    found: list[str] = []
    if len(manifest.description) < _MIN_DESCRIPTION:
        found.append("the description is too short to tell what the application is good for")
    found += [f"there is no tool named {name!r}" for name in manifest.tools if name not in known_tools]
    found += [f"the model {name!r} is not known" for name in manifest.models if not _is_model(name)]
    if "README.md" not in files:
        found.append("README.md is missing: say what the application does, and how to use it")
    if not any(name.upper().startswith("LICENSE") or name.upper().startswith("LICENCE") for name in files):
        found.append(f"LICENSE is missing: add the text of {manifest.licence}")
    if not any(name.startswith("tests/") and name.rpartition("/")[2].startswith("test_") for name in files):
        found.append("there are no tests: add files tests/test_*.py")
    for name, content in files.items():
        if name.endswith(".py"):
            try:
                ast.parse(content, name)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                found.append(f"{name} is not valid Python: {error}")
    return found


def _is_model(name: str) -> bool:
    # Of another source than the catalogue only using it can tell.
    return ":" in name or find(name) is not None

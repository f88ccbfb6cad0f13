"""The cases of all families: one module for each, with a list CASES."""

from __future__ import annotations

import importlib
import pkgutil

from tests.oracles.families.case import Case


def all_cases() -> list[Case]:
    """In the order of the modules' names."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [case for name in modules for case in importlib.import_module(f"{__name__}.{name}").CASES]


def cases_by_family() -> dict[str, list[Case]]:
    """By the names of the modules."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: list(importlib.import_module(f"{__name__}.{name}").CASES) for name in modules}

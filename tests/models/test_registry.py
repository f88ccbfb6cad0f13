"""The registry says of each family's file what the file says itself."""

from __future__ import annotations

from importlib import import_module

import pytest

from llmagentos.models import registry, supported_architectures, supported_hf_classes


@pytest.mark.parametrize("module", registry._FAMILIES)
def test_a_line_is_what_its_file_offers(module: str) -> None:
    family = import_module(f"llmagentos.models.{module}").FAMILY
    assert registry._FAMILIES[module] == (family.gguf, tuple(family.hf))


def test_no_two_families_share_a_name() -> None:
    lines = registry._FAMILIES.values()
    assert len(supported_architectures()) == sum(len(architectures) for architectures, _ in lines)
    assert len(supported_hf_classes()) == sum(len(classes) for _, classes in lines)

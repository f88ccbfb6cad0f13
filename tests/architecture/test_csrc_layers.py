"""Which folder of csrc may include which, and what kernels may not touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"

# Each folder and those it may include; a folder may always include itself.
LAYERS = {
    "base": set(),
    "quant": {"base"},
    "formats": {"base"},
    "tokenize": {"base"},
    "kernels": {"base", "quant"},
    "graph": {"base", "quant", "kernels"},
    "runtime": {"base", "quant", "kernels", "graph"},
    "bindings": {"base", "quant", "formats", "tokenize", "kernels", "graph", "runtime"},
}
QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
ANGLED = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)
SOURCES = sorted(path for path in CSRC.rglob("*") if path.suffix in {".h", ".cpp"})


def layer_of(path: Path) -> str:
    return path.relative_to(CSRC).parts[0]


def test_every_folder_has_a_layer() -> None:
    assert {layer_of(path) for path in SOURCES} <= LAYERS.keys()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_includes_only_what_it_may(layer: str) -> None:
    allowed = LAYERS[layer] | {layer}
    wrong = [
        f'{path.relative_to(CSRC)} includes "{name}"'
        for path in SOURCES
        if layer_of(path) == layer
        for name in QUOTED.findall(path.read_text())
        if name.split("/")[0] not in allowed
    ]
    assert wrong == []


def test_includes_start_at_csrc_and_exist() -> None:
    missing = [
        f'{path.relative_to(CSRC)} includes "{name}"'
        for path in SOURCES
        for name in QUOTED.findall(path.read_text())
        if not (CSRC / name).is_file()
    ]
    assert missing == []


def test_only_bindings_know_python() -> None:
    wrong = [
        f"{path.relative_to(CSRC)} includes <{name}>"
        for path in SOURCES
        if layer_of(path) != "bindings"
        for name in ANGLED.findall(path.read_text())
        if name.startswith("pybind11/") or name == "Python.h"
    ]
    assert wrong == []


def test_kernels_start_no_threads_and_per_isa_files_instantiate_nothing_of_the_library() -> None:
    """Templates of the standard library compiled with newer instructions would be shared with older CPUs' code."""
    threads = {"thread", "future", "condition_variable"}
    containers = {
        "vector",
        "string",
        "map",
        "memory",
        "functional",
        "iostream",
        "sstream",
        "algorithm",
        "span",
        "array",
    }
    wrong = []
    for path in SOURCES:
        if layer_of(path) != "kernels":
            continue
        text = path.read_text()
        per_isa = path.parent.name == "simd" or path.stem.endswith(
            ("_simd", "_avx2", "_avxvnni", "_avx512", "_avx512vnni")
        )
        banned = threads | (containers if per_isa else set())
        wrong += [f"{path.relative_to(CSRC)} includes <{name}>" for name in ANGLED.findall(text) if name in banned]
        wrong += [
            f'{path.relative_to(CSRC)} includes "{name}"'
            for name in QUOTED.findall(text)
            if name == "base/thread_pool.h"
        ]
    assert wrong == []

"""What the compiler put into the objects that are compiled once per ISA.

The linker keeps one copy of each inline function or template. A copy made for a newer CPU must never be the one it
keeps, so these objects may define symbols in their own ISA's namespace and nowhere else.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

BUILD = Path(__file__).parents[2] / "build"
OBJECTS = {
    "_kernels_sse4",
    "_kernels_avx2",
    "_kernels_avxvnni",
    "_kernels_avx512",
    "_kernels_avx512vnni",
    "_kernels_neon",
    "_kernels_neondot",
}


def isa_objects() -> dict[Path, str]:
    """Object files per ISA of the newest optimised build below build/, by the compilation database CMake leaves."""
    databases = [path for path in BUILD.glob("*/compile_commands.json") if "asan" not in path.parent.name]
    if not databases:
        return {}
    newest = max(databases, key=lambda path: path.stat().st_mtime)
    found = {}
    for entry in json.loads(newest.read_text()):
        words = shlex.split(entry["command"])
        path = Path(entry["directory"]) / words[words.index("-o") + 1]
        for part in path.parts:
            stem = part.removesuffix(".dir").removeprefix("llmagentos")
            if stem in OBJECTS and path.is_file():
                found[path] = stem.removeprefix("_kernels_")
    return found


def shared_symbols(path: Path, isa: str) -> list[str]:
    """Names that the linker could merge with another object's, outside llmagentos::<isa>."""
    own = f"10llmagentos{len(isa)}{isa}"
    with path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        return [
            symbol.name
            for symbol in symbols.iter_symbols()
            if symbol["st_shndx"] != "SHN_UNDEF"
            and symbol["st_info"]["bind"] != "STB_LOCAL"
            and own not in symbol.name
            # The pointer to the exception personality: data, the same in every object.
            and not symbol.name.startswith("DW.ref.")
        ]


def test_objects_compiled_for_an_isa_share_nothing() -> None:
    objects = isa_objects()
    if not objects:
        pytest.skip("no build of this checkout below build/: `pip install .` leaves one")
    shared = {f"{isa}: {path.name}: {name}" for path, isa in objects.items() for name in shared_symbols(path, isa)}
    assert shared == set()

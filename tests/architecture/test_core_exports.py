"""What other libraries in the process can see of the core.

Where the C++ library is linked in, symbols of it that the dynamic linker may merge with those of another copy, such as
the one that numpy brings, mix the two: their locales then crash.
"""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile

import llmagentos._core


def test_the_core_exports_nothing_but_its_entry() -> None:
    with Path(llmagentos._core.__file__).open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
        defined = {symbol.name for symbol in symbols if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"}
    assert defined == {"PyInit__core"}

"""Writes unicode_tables.cpp: the general category and White_Space of every code point, as ranges.

Run it with the `unicodedata2` package of the wanted Unicode version (15.1.0 is what tokenizers of today's models agree
on), which falls back to Python's own unicodedata:

    python csrc/tokenize/unicode_tables.py > csrc/tokenize/unicode_tables.cpp
"""

# ruff: noqa: INP001 (a script beside what it writes)
from __future__ import annotations

import sys

try:
    import unicodedata2 as unicodedata
except ImportError:
    import unicodedata

# The property White_Space; it is not the same as Python's str.isspace, which takes U+001C..U+001F too.
WHITE_SPACE = {
    *range(0x09, 0x0E),
    0x20,
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
}
LETTERS = {"Lu", "Ll", "Lt", "Lm", "Lo"}
N_CODE_POINTS = 0x110000
PER_LINE = 6


def constant(code_point: int) -> str:
    """The C++ expression of the code point's categories."""
    category = unicodedata.category(chr(code_point))
    name = category if category in LETTERS else "Cn" if category == "Cn" else category[0]
    return f"k{name}" + (" | kWhiteSpace" if code_point in WHITE_SPACE else "")


def ranges() -> list[tuple[int, str]]:
    """(first code point, categories) of each run of code points with the same categories."""
    found: list[tuple[int, str]] = []
    for code_point in range(N_CODE_POINTS):
        value = constant(code_point)
        if not found or found[-1][1] != value:
            found.append((code_point, value))
    return found


def main() -> None:
    out = sys.stdout
    out.write(f"// Written by unicode_tables.py from Unicode {unicodedata.unidata_version}. Do not edit.\n")
    out.write('#include <span>\n\n#include "tokenize/unicode.h"\n\nnamespace llmagentos::unicode {\nnamespace {\n\n')
    out.write("// clang-format off\nconstexpr CategoryRange kRanges[] = {\n")
    entries = [f"{{0x{first:X}, {value}}}," for first, value in ranges()]
    for start in range(0, len(entries), PER_LINE):
        out.write("    " + " ".join(entries[start : start + PER_LINE]) + "\n")
    out.write("};\n// clang-format on\n\n}  // namespace\n\n")
    out.write(
        "std::span<const CategoryRange> category_ranges() { return kRanges; }\n\n}  // namespace llmagentos::unicode\n"
    )


if __name__ == "__main__":
    main()

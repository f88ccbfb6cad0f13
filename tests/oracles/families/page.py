"""Writes the generated parts of docs/models.md from the cases and from what the package declares.

    python -m tests.oracles.families.page

A test checks that the page is up to date.
"""

from __future__ import annotations

import re
from pathlib import Path

from llmagentos.models import open_checkpoint
from llmagentos.models.hf_config import WITHOUT_EFFECT

from .cases import cases_by_family

DATA = Path(__file__).with_name("data")
PAGE = Path(__file__).parents[3] / "docs" / "models.md"


def families_table() -> str:
    """A row for each of transformers' classes: what GGUF calls it, and which options its cases check."""
    lines = ["| family | class in config.json | GGUF architecture | checked with |", "|---|---|---|---|"]
    for family, cases in cases_by_family().items():
        checks: dict[tuple[str, str], list[str]] = {}
        for case in cases:
            architecture = open_checkpoint(DATA / case.name).architecture
            checks.setdefault((case.saved_class, architecture), []).append(case.checks)
        for (name, architecture), checked in checks.items():
            lines.append(f"| {family} | {name} | {architecture} | {'; '.join(checked)} |")
    return "\n".join(lines)


def fields_without_effect() -> str:
    return ", ".join(f"`{name}`" for name in sorted(WITHOUT_EFFECT))


def written_over(page: str) -> str:
    """The page with its generated parts made anew."""
    for name, text in (("families", families_table()), ("fields", fields_without_effect())):
        pattern = rf"(<!-- {name}: generated -->\n).*?(\n<!-- end -->)"
        page = re.sub(pattern, lambda match, text=text: match[1] + text + match[2], page, count=1, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(written_over(PAGE.read_text()))

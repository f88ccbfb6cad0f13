"""docs/models.md says what the code has."""

from __future__ import annotations

from llmagentos.models import supported_hf_classes
from tests.oracles.families.cases import all_cases, without_head
from tests.oracles.families.page import PAGE, written_over


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert written_over(page) == page, "run: python -m tests.oracles.families.page"


def test_every_class_has_a_case() -> None:
    cases = [case for case in all_cases() if case not in without_head.CASES]
    assert set(supported_hf_classes()) == {case.saved_class for case in cases}

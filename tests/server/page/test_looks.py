"""How the page fits: on wide screens and phones, light and dark, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from .browser import PHONE, WIDE, Page
from .stand_in import Answer, StandIn, said

pytestmark = pytest.mark.browser

ANSWER = """## Rain in three steps

Water **evaporates**, *condenses* and falls. See `weather.py`:

```python
def rain(cloud: Cloud) -> float:
    return max(0.0, cloud.water - cloud.capacity)  # millimetres, in a line that is too long for a phone
```

1. The sun warms the sea.
2. Vapour rises:
   - it cools,
   - it becomes drops.

| where | mm a year |
|-------|----------:|
| Paris | 640 |
| Mawsynram | 11,872 |

> It never rains but it pours.
"""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"size": PHONE},
    "chinese": {"language": "zh", "theme": "dark"},
}


def overflow(page: Page) -> int:
    """Pixels that the page is wider than the window."""
    return int(page.script("return document.documentElement.scrollWidth - innerWidth"))


def cut_placeholders(page: Page) -> list[str]:
    """Placeholders that are wider than their fields."""
    code = """const pen = document.createElement("canvas").getContext("2d");
      return [...document.querySelectorAll("dialog input[placeholder]")].filter((field) => {
        const { font, paddingLeft, paddingRight } = getComputedStyle(field);
        pen.font = font;
        const space = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
        return pen.measureText(field.placeholder).width > space;
      }).map((field) => field.placeholder)"""
    return list(page.script(code))


def uneven_fields(page: Page) -> list[str]:
    """Fields of sampling that stand higher or lower than others of their row."""
    code = """const fields = [...document.querySelectorAll("#sampling input")];
      const place = (field) => field.getBoundingClientRect();
      return fields.filter((one) => fields.some((other) => {
        const rise = Math.abs(place(one).top - place(other).top);
        return 1 < rise && rise < place(other).height;
      })).map((field) => field.name)"""
    return list(page.script(code))


@pytest.mark.parametrize("look", LOOKS)
def test_a_conversation_fits(window: Page, server: StandIn, look: str) -> None:
    window.open(**LOOKS[look])
    server.answers += [Answer(said(ANSWER)), Answer(status=503, error="too much to do", headers={"Retry-After": "3"})]
    window.say("How does rain come about?")
    window.answered()
    window.picture(f"{look}-answer")
    window.say("And snow?")
    window.answered(2)
    window.picture(f"{look}-failure")
    assert overflow(window) <= 0
    assert (
        window.script("const box = document.querySelector('#composer').getBoundingClientRect(); return box.bottom")
        <= (PHONE if look == "phone" else WIDE)[1]
    )
    window.click("#open-settings")
    window.picture(f"{look}-settings")
    assert overflow(window) <= 0
    assert cut_placeholders(window) == []
    assert uneven_fields(window) == []


def test_on_a_phone_the_conversations_lie_over_the_page(window: Page, server: StandIn) -> None:
    server.answers.append(Answer(said("a")))
    window.open(size=PHONE)
    window.say("one")
    window.answered()
    assert not window.find("#sidebar").is_displayed()
    window.click("#menu")
    window.wait(lambda: window.script("return document.querySelector('#sidebar').getBoundingClientRect().left") == 0)
    window.picture("phone-sidebar")
    window.click("#chats .chat")
    window.wait(lambda: not window.find("#sidebar").is_displayed())
    assert window.find("#menu").get_attribute("aria-expanded") == "false"


def test_what_cannot_be_read_aloud_has_a_name(page: Page, server: StandIn) -> None:
    server.answers.append(Answer(said(ANSWER)))
    page.say("hi")
    page.answered()
    code = """return [...document.querySelectorAll("button, select, textarea, input, [role=img]")]
      .filter((node) => !node.textContent.trim() && !node.ariaLabel && !node.labels?.length && node.type !== "checkbox")
      .map((node) => node.outerHTML)"""
    assert page.script(code) == []

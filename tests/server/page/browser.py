"""What tests do with the page: a few words over Selenium."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30
WIDE = (1200, 800)
PHONE = (390, 780)


def start_browser(profile: Path) -> webdriver.Chrome:
    """Chromium without a window, in English."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    arguments = ["headless=new", "disable-gpu", "disable-dev-shm-usage", "lang=en-US", f"user-data-dir={profile}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("no-sandbox")  # Chromium's sandbox refuses to run as root
    for argument in arguments:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver") or ""))


class Page:
    """The page in a browser.

    Args:
        url: of the server.
        screenshots: the folder for pictures, if they are wanted.
    """

    def __init__(self, driver: webdriver.Chrome, url: str, screenshots: Path | None) -> None:
        self.driver = driver
        self.url = url
        self._screenshots = screenshots

    def open(
        self, path: str = "", *, size: tuple[int, int] = WIDE, dark: bool = False, hurry: int = 1, **settings: Any
    ) -> None:
        """Load the page anew, with nothing in the browser's storage but the settings.

        Args:
            hurry: how many times faster the page's timers run.
        """
        self.resize(*size)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        # Before the page's own scripts, and on this load only.
        code = f"localStorage.clear(); localStorage.setItem('llmagentos.settings', {json.dumps(json.dumps(settings))})"
        code += f"; const slow = setTimeout; setTimeout = (act, ms) => slow(act, ms / {hurry})"
        before = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": code})
        self.driver.get(self.url + path)
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", before)

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def script(self, code: str, *arguments: Any) -> Any:
        """Run a script in the page; the value of its return."""
        return self.driver.execute_script(code, *arguments)

    def module(self, path: str, names: str, expression: str, *arguments: Any) -> Any:
        """The value, as JSON, of an expression over what a module exports and `given`, the arguments.

        Args:
            path: of the module below js/.
            names: what is imported.
        """
        code = f"""const [given, done] = arguments;
        import("/js/{path}").then(({{ {names} }}) => {expression})
          .catch(String).then((value) => done(JSON.stringify(value)));
        """
        return json.loads(self.driver.execute_async_script(code, arguments))

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.wait(lambda: [self.find(selector).text])[0])  # it may be drawn anew between both calls

    def click(self, selector: str) -> None:
        self.wait(lambda: self.find(selector).is_displayed())
        self.find(selector).click()

    def button(self, label: str) -> Any:
        """The button that is called so, by its text or to screen readers; of several, the last."""
        code = """return [...document.querySelectorAll("button")]
          .findLast((one) => one.checkVisibility() && [one.innerText, one.ariaLabel].includes(arguments[0]))"""
        return self.wait(lambda: self.script(code, label))

    def say(self, text: str) -> None:
        """Write a message, line by line, and send it with Enter."""
        area = self.find("#composer textarea")
        first, *rest = text.split("\n")
        area.send_keys(first)
        for line in rest:
            area.send_keys(Keys.SHIFT, Keys.ENTER, Keys.NULL, line)
        area.send_keys(Keys.ENTER)

    def answered(self, n: int = 1) -> None:
        """Wait until there are n answers, none of them under way."""
        self.wait(lambda: len(self.all(".assistant")) == n and not self.all(".assistant.running"))

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until it is true; its value then."""
        # What is looked at may be drawn anew meanwhile.
        ignored = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.driver, SECONDS, 0.02, ignored).until(lambda _: condition())

    def type_key(self, *keys: str) -> None:
        """Press keys together, wherever the focus is."""
        actions = webdriver.ActionChains(self.driver)
        for key in keys[:-1]:
            actions.key_down(key)
        actions.send_keys(keys[-1])
        for key in keys[:-1]:
            actions.key_up(key)
        actions.perform()

    def complaints(self) -> list[str]:
        """Warnings and errors in the console, but for answers with a status that says so."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        texts = [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]
        return [text for text in texts if "Failed to load resource" not in text]

    def picture(self, name: str) -> None:
        """A screenshot, if they are wanted."""
        if self._screenshots is not None:
            self._screenshots.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(self._screenshots / f"{name}.png"))

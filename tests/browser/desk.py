"""Somebody at a browser: opens pages, reads what they show, clicks and types. What they see can be kept as pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import accessible

T = TypeVar("T")
PATIENCE = 30  # seconds
PICTURES = Path(settings.BASE_DIR, "docs", "pictures") if os.environ.get("PICTURES") else None
READ = "const main = document.getElementById('main'); return main ? main.innerText : ''"
# Chrome's driver says now the one, now the other of what went with its page.
GONE = ("stale element reference", "does not belong to the document")
SHOWING = "//*[@id='main']//{0}[contains(normalize-space(.), '{1}') or @value='{1}']"


@dataclass(frozen=True, slots=True)
class Desk:
    """`url` is the server's address. Whatever is looked for and does not come within half a minute fails the test."""

    browser: webdriver.Chrome
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.browser.get(f"{self.url}{path}")

    def follow(self, text: str) -> None:
        """Click the first link that shows this text."""
        self._until(f"link “{text}”", lambda: self._clicked(SHOWING.format("a", text)))

    def press(self, text: str) -> None:
        """Click the first button of a form that shows this text."""
        button = "*[self::button or self::input[@type='submit']]"
        self._until(f"button “{text}”", lambda: self._clicked(SHOWING.format(button, text)))

    def enter(self, field: str, value: str) -> None:
        """Type into the field of this name, or choose from its list by what the list shows."""
        found = self._shown(f"//*[@name='{field}']")
        if found.tag_name == "select":
            Select(found).select_by_visible_text(value)
            return
        if found.get_attribute("type") != "file":
            found.clear()
        found.send_keys(value)

    def sees(self, *texts: str) -> None:
        """Wait until the page shows all of these."""
        for text in texts:
            self._until(f"“{text}”", partial(self._shows, text))

    def look(self, name: str) -> None:
        """Judge the page by the rules of accessibility, and keep its picture if this run makes those of the guide."""
        self.faults.extend(f"{name}: {fault}" for fault in accessible.faults(self.browser))
        if PICTURES:
            PICTURES.mkdir(exist_ok=True)
            self.browser.save_screenshot(str(PICTURES / f"{name}.png"))

    def _text(self) -> str:
        return " ".join(self.browser.execute_script(READ).split())

    def _clicked(self, xpath: str) -> bool:
        for found in self.browser.find_elements(By.XPATH, xpath):
            if found.is_displayed():
                found.click()
                return True
        return False

    def _shows(self, text: str) -> bool:
        return text in self._text()

    def _shown(self, xpath: str) -> WebElement:
        return self._until(xpath, lambda: self.browser.find_element(By.XPATH, xpath))

    def _found(self, find: Callable[[], T]) -> T | None:
        try:
            return find()
        except NoSuchElementException:
            return None
        except WebDriverException as error:
            if any(words in str(error) for words in GONE):
                return None
            raise

    def _until(self, what: str, find: Callable[[], T]) -> T:
        """What is found once it is there and true. Raises AssertionError with what the page shows in its place."""
        try:
            found = WebDriverWait(self.browser, PATIENCE).until(lambda _: self._found(find))
        except TimeoutException:
            raise AssertionError(f"no {what} on {self.browser.title}: {self._text()[:3000]}") from None
        assert found is not None
        return found

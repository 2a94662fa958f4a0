"""What axe-core, the usual judge of WCAG rules, finds wrong with the page that a browser shows."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from selenium import webdriver

# What hides nothing from anybody (impact minor, moderate) is advice, not a fault.
FIND = """
const done = arguments[arguments.length - 1], page = document.documentElement, was = page.className, found = [];
const still = document.createElement("style");
still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important }";
document.head.append(still);
(async () => {
  for (const theme of ["light", "dark"]) {
    page.classList.toggle("dark", theme == "dark");
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
    const {violations} = await axe.run(document, {runOnly: tags, resultTypes: ["violations"]});
    for (const rule of violations.filter(one => ["serious", "critical"].includes(one.impact)))
      for (const node of rule.nodes)
        found.push(`${theme}, ${rule.id}: ${node.html.slice(0, 200)} (${node.failureSummary.slice(0, 250)})`);
  }
  page.className = was; still.remove(); done(found);
})().catch(error => done([String(error)]));
"""


def faults(browser: webdriver.Chrome) -> list[str]:
    """Serious and critical ones by the rules of WCAG 2.1 AA, in light and in dark, as `theme, rule: element (why)`."""
    browser.execute_script(_axe())
    found: list[str] = browser.execute_async_script(FIND)
    return found


@cache
def _axe() -> str:
    package = find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        raise LookupError("axe-core is not installed: `make test` does it, or pip as in the Makefile")
    return Path(package.origin).with_name("axe.min.js").read_text()

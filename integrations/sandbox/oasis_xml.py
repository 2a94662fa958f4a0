"""XML of the sandbox's Supplier Oasis: what a message must be, and the answers to it (supplier-oasis 2, 10.11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from lxml import etree
from werkzeug.wrappers import Response

NS = "api.supplieroasis.com"
OWN: Any = {None: NS}
DETAILS = ("code", "message", "salesChannelOrderNumber", "salesChannelLineNumber")


class Problem(Exception):
    """One thing wrong with a message, in the words of the errors message."""

    def __init__(self, code: str, message: str, number: str = "", line: str = "") -> None:
        super().__init__(code, message, number, line)

    def about(self, number: str, line: str) -> Problem:
        return Problem(self.args[0], self.args[1], number, line)


def message(body: bytes, root_name: str, *, strict: bool) -> tuple[etree._Element, bool]:
    """The root of a message, and whether some of its elements have no namespace. Raises Problem.

    Comments and processing instructions are gone. The root is in the API's namespace; its children inherit it, or have
    none as one client's do (supplier-oasis 10.7), which is refused when `strict`.
    """
    root = _parsed(body)
    if name(root) != root_name:
        raise Problem("BAD_ROOT", f"{name(root)} is not {root_name}")
    spaces = {etree.QName(element).namespace for element in root.iter()}
    foreign = spaces - {NS, None}
    if foreign or etree.QName(root).namespace != NS:
        raise Problem("BAD_NAMESPACE", f"The namespace is {NS}, not {', '.join(map(str, foreign)) or 'missing'}")
    if strict and None in spaces:
        raise Problem("BAD_NAMESPACE", "Some elements have no namespace")
    if not len(root):
        raise Problem("EMPTY_MESSAGE", f"{root_name} is empty")
    return root, None in spaces


def _parsed(body: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise Problem("BAD_XML", str(exc)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Problem("BAD_XML", "A document type definition is not allowed")
    return root


def name(element: etree._Element) -> str:
    return etree.QName(element).localname


def names(element: etree._Element) -> list[str]:
    return [name(child) for child in element]


def text(element: etree._Element, *path: str) -> str:
    """The trimmed text at the end of a path of local names; empty if there is no such element."""
    return untrimmed(element, *path).strip()


def untrimmed(element: etree._Element, *path: str) -> str:
    found: etree._Element | None = element
    for step in path:
        found = next((child for child in found if name(child) == step), None) if found is not None else None
    return (found.text or "") if found is not None else ""


def count(given: str) -> int:
    """A whole number from 0, or -1 for anything else."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1


def add(parent: etree._Element, tag: str, value: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NS}}}{tag}")
    child.text = value
    return child


def new(root_name: str) -> etree._Element:
    return etree.Element(f"{{{NS}}}{root_name}", nsmap=OWN)


def errors(problems: Iterable[Problem]) -> Response:
    root = new("errors")
    for problem in problems:
        error = add(root, "error")
        for detail, value in zip(DETAILS, problem.args, strict=True):
            if value:
                add(error, detail, value)
    return answer(root, 400)


def shuffle(root: etree._Element) -> None:
    """Mix the children of every element; the same answer is mixed in the same way each time."""
    dice = Random(0)  # noqa: S311
    for element in list(_parents(root)):
        children = list(element)
        dice.shuffle(children)
        element[:] = children


def _parents(root: etree._Element) -> Iterator[etree._Element]:
    return (element for element in root.iter() if len(element) > 1)


def answer(root: etree._Element, status: int = 200) -> Response:
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return Response(body, status, mimetype="application/xml")

"""What an answer of Supplier Oasis means for us (supplier-oasis 1.3, 4.5): nothing, or one of the five errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lxml import etree

from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Refused, TakenIn, Unavailable
from integrations.http import Answer, retry_after
from integrations.supplier_oasis.envelope import holds_orders

DEFAULT_WAIT = timedelta(seconds=60)
READ_BACK = "it is read back before it is sent again"
SENT_AGAIN = "they are sent again"
FAILING_WORDS = ("FAIL", "ERROR", "REJECT", "INVALID", "DENIED")
GOOD_WORDS = ("SUCCESS", "OK", "TRUE", "ACCEPTED")
VERDICTS = ("status", "result", "success", "resultcode")


def check_read(answer: Answer, what: str) -> None:
    """Raise unless the answer to a read is a 200 that can be parsed."""
    if answer.status == 200 and not answer.is_html:
        return
    if 200 <= answer.status < 300:
        seen = "a web page" if answer.is_html else f"HTTP {answer.status}"
        raise Unavailable(f"Supplier Oasis answered {what} with {seen} instead of XML: {answer.excerpt or 'empty'}")
    said = failure_text(answer) or answer.excerpt
    raise _common(answer, what) or Unavailable(f"Supplier Oasis refused {what}: HTTP {answer.status} {said}")


def check_orders(answer: Answer, what: str) -> None:
    """As `check_read`; nor may an answer without an order tell of a failure, which would pass for none found."""
    check_read(answer, what)
    text = "" if holds_orders(answer.body) else failure_text(answer)
    if text:
        raise Unavailable(f"Supplier Oasis answered {what} with an error: {text}; it is asked again with the next run")


def check_write(answer: Answer, what: str) -> None:
    """Raise unless the answer to a write is a clear yes: 2xx, XML, and no word of failure in it.

    202 alone says only that it was taken in: there the XML must say that all went well.
    """
    if 200 <= answer.status < 300:
        if not answer.body.strip():
            kind = TakenIn if answer.status == 202 else OutcomeUnknown
            raise _unclear(answer, what, "no word on the result", READ_BACK, kind)
        _check_accepted(answer, what, READ_BACK)
        if answer.status == 202 and not _says_well_done(answer):
            raise _unclear(answer, what, "no word on the result", READ_BACK, TakenIn)
        return
    _check_refused(answer, what, READ_BACK)


def check_publish(answer: Answer, what: str) -> bool:
    """Whether an answer says that quantities were taken; False for a 2xx without a word. Raises for any other."""
    if not 200 <= answer.status < 300:
        _check_refused(answer, what, SENT_AGAIN)
    if answer.body.strip():
        _check_accepted(answer, what, SENT_AGAIN)
    return bool(answer.body.strip())


def _check_refused(answer: Answer, what: str, then: str) -> None:
    if answer.status in (408, 409) or answer.status >= 500:
        raise _unclear(answer, what, f"{answer.excerpt or 'nothing'!r}, and may have taken it", then)
    about_a_record = answer.status == 404 and not answer.is_html and _parse(answer.body) is not None
    raise (None if about_a_record else _common(answer, what)) or Refused(
        f"Supplier Oasis refused {what}: HTTP {answer.status} {failure_text(answer) or answer.excerpt}"
    )


def _common(answer: Answer, what: str) -> IntegrationError | None:
    status = answer.status
    if status in (401, 403):
        return Misconfigured(
            f"Supplier Oasis refused the user name or password (HTTP {status}). Enter them again, then test.",
            credentials=True,
        )
    if status == 404:
        return Misconfigured(f"Supplier Oasis has nothing at this address (HTTP 404 for {what}). Check the base URL.")
    if status == 429:
        wait = retry_after(answer.headers, now=datetime.now(UTC)) or DEFAULT_WAIT
        return Unavailable(
            f"Supplier Oasis asks for a pause of {wait.total_seconds():.0f} s (HTTP 429)",
            retry_after=wait, throttled=True,
        )  # fmt: skip
    if status >= 500 or status == 408:
        wait_asked = retry_after(answer.headers, now=datetime.now(UTC))
        return Unavailable(f"Supplier Oasis is in trouble (HTTP {status} for {what})", retry_after=wait_asked)
    return None


def _unclear(
    answer: Answer, what: str, seen: str, then: str, kind: type[OutcomeUnknown] = OutcomeUnknown
) -> OutcomeUnknown:
    return kind(
        f"Supplier Oasis answered {what} with HTTP {answer.status} and {seen}; {then}",
        retry_after=retry_after(answer.headers, now=datetime.now(UTC)),
    )


def _check_accepted(answer: Answer, what: str, then: str) -> None:
    if answer.is_html or _parse(answer.body) is None:
        raise _unclear(answer, what, "something other than XML", then)
    text = failure_text(answer)
    if text:
        raise Refused(f"Supplier Oasis refused {what}: {text}")


def failure_text(answer: Answer) -> str:
    """What an XML answer says went wrong, empty if it says no such thing (4.5: error, fault, exception, status)."""
    root = _parse(answer.body)
    if root is None:
        return ""
    elements = list(root.iter(etree.Element))
    failing = [one for one in elements if _names_failure(one)]
    if not failing:
        return ""
    messages = [
        (one.text or "").strip()
        for one in elements
        if etree.QName(one).localname.lower() in ("message", "description", "detail", "faultstring")
    ]
    said = [text for text in messages if text] or [" ".join("".join(map(str, failing[0].itertext())).split())]
    return "; ".join(said)[:500] or "no reason given"


def _names_failure(element: etree._Element) -> bool:
    name = etree.QName(element).localname.lower().replace("default", "")  # which holds a fault, and is none
    text = (element.text or "").strip().upper()
    if any(word in name for word in ("error", "fault", "exception")):
        # An empty list of errors, or a count of none, is good news.
        return len(element) > 0 or text not in ("", "0", "FALSE", "NONE", "NULL")
    if name in VERDICTS:
        return any(word in text for word in FAILING_WORDS) or (name == "success" and text == "FALSE")
    return False


def _says_well_done(answer: Answer) -> bool:
    root = _parse(answer.body)
    verdicts = [] if root is None else [
        (one.text or "").strip().upper() for one in root.iter(etree.Element)
        if etree.QName(one).localname.lower() in VERDICTS
    ]  # fmt: skip
    return any(verdict in GOOD_WORDS for verdict in verdicts)


def _parse(body: bytes) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root.getroottree().docinfo.internalDTD is not None else root

"""What the log leaves out."""

from __future__ import annotations

import logging

from config.logs import WithoutCodes


def test_the_code_in_a_browsers_address_is_not_logged() -> None:
    line = "GET /admin/integrations/connection/authorized/?code=s3cret&state=abc HTTP/1.1"
    record = logging.LogRecord("django.server", logging.INFO, "", 0, '"%s" %s %s', (line, "302", "0"), None)
    assert WithoutCodes().filter(record)
    assert "authorized/?code=***&state=abc HTTP/1.1" in record.getMessage()
    assert "s3cret" not in record.getMessage()

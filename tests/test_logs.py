"""What the log leaves out."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from config.logs import WithoutCodes, keep_no_rows


def test_the_code_in_a_browsers_address_is_not_logged() -> None:
    line = "GET /admin/integrations/connection/authorized/?code=s3cret&state=abc HTTP/1.1"
    record = logging.LogRecord("django.server", logging.INFO, "", 0, '"%s" %s %s', (line, "302", "0"), None)
    assert WithoutCodes().filter(record)
    assert "authorized/?code=***&state=abc HTTP/1.1" in record.getMessage()
    assert "s3cret" not in record.getMessage()


def test_what_the_queue_keeps_of_a_time_out_quotes_no_row() -> None:
    try:
        try:
            raise ValueError("duplicate key\nDETAIL:  Key (ship_name)=(Ann Lee) already exists.")
        except ValueError:
            raise TimeoutError("Task exceeded maximum timeout value (600 seconds)")  # noqa: B904
    except TimeoutError as exc:
        task: dict[str, Any] = {"result": f"{exc} : {traceback.format_exc()}", "success": False}
    assert "Ann Lee" in task["result"]
    keep_no_rows(task=task, sender="django_q", func=None)
    assert "Ann Lee" not in task["result"]
    assert task["result"].startswith("Task exceeded maximum timeout value (600 seconds)\n  File ")
    assert "in test_what_the_queue_keeps_of_a_time_out_quotes_no_row" in task["result"]
    kept = {"result": "pull_orders: 3 orders", "success": True}
    keep_no_rows(task=kept, sender="django_q", func=None)
    assert kept["result"] == "pull_orders: 3 orders"

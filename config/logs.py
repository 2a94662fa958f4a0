"""What is kept out of the log."""

from __future__ import annotations

import logging
import re

CODE = re.compile(r"([?&]code=)[^&\s\"']+")


class WithoutCodes(logging.Filter):
    """Takes OAuth codes out of the addresses that the development server logs (docs/contracts.md)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(CODE.sub(r"\1***", one) if isinstance(one, str) else one for one in record.args)
        return True

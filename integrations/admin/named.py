"""Fields of records in the words of people, where the models' own names are those of the code."""

from __future__ import annotations

from typing import Any

from unfold.decorators import display


def named(field: str, words: str, *, boolean: bool = False) -> Any:
    """A method of an admin that shows this text, number or yes and no under these words."""

    @display(description=words, ordering=field, boolean=boolean)
    def shown(_admin: Any, record: Any) -> Any:
        value = getattr(record, field)
        return "–" if value in (None, "") and not boolean else value

    return shown

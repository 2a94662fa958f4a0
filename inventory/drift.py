"""Why a listing shows another quantity than it should. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inventory.checked import DriftedListing

C = DriftedListing.Cause


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a listing's quantities: the one taken last, the one refused since, and those taken before it."""

    taken: int | None = None
    refused: int | None = None
    earlier: Collection[int] = ()

    @property
    def wanted(self) -> int | None:
        """What should be shown: also what was refused."""
        return self.taken if self.refused is None else self.refused


def differs(sent: Sent, shown: int | None) -> bool:
    return shown != sent.wanted


def cause(sent: Sent, shown: int | None) -> DriftedListing.Cause:
    """Of one that differs. One that shows an older quantity of ours took the newer one first, or lost it."""
    if sent.refused is not None:
        return C.REFUSED
    if sent.taken is None:
        return C.NEVER_SENT
    return C.OUT_OF_ORDER if shown in sent.earlier else C.CHANGED_THERE

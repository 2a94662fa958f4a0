"""Dependencies point down (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RANK = {"integrations": 0, "inventory": 1, "orders": 2, "config": 3}
PROVIDER_MAY = ("integrations.account", "integrations.sent_orders", "integrations.ports", "integrations.errors", "integrations.http",
                "integrations.stock", "integrations.wording")  # fmt: skip
FILES = sorted(path for layer in RANK for path in (ROOT / layer).rglob("*.py") if "migrations" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_from_a_layer_above(path: Path) -> None:
    own = path.relative_to(ROOT).parts
    for name in imports(path):
        top = name.split(".")[0]
        assert RANK.get(top, -1) <= RANK[own[0]], f"{path} imports {name}"
        if own[0] == "integrations" and own[1] in ("supplier_oasis", "tradegecko"):
            inner = f"integrations.{own[1]}"
            assert top != "django", f"{path} imports {name}"
            assert top != "integrations" or name.startswith((*PROVIDER_MAY, inner)), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400

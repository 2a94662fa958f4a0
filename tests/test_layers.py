"""Dependencies point down (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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


def test_no_module_imports_from_a_layer_above() -> None:
    assert [f"{path} imports {name}" for path in FILES for name in imports(path) if not _may_import(path, name)] == []


def _may_import(path: Path, name: str) -> bool:
    own, top = path.relative_to(ROOT).parts, name.split(".")[0]
    if own[0] == "integrations" and own[1] in ("supplier_oasis", "tradegecko"):
        is_allowed = name.startswith((*PROVIDER_MAY, f"integrations.{own[1]}"))
        return top != "django" and RANK.get(top, -1) <= RANK[own[0]] and (top != "integrations" or is_allowed)
    return RANK.get(top, -1) <= RANK[own[0]]


def test_no_file_is_longer_than_400_lines() -> None:
    assert [str(path) for path in FILES if len(path.read_text().splitlines()) > 400] == []

"""The admin of the middle layer."""

from inventory.admin import alias_imports, aliases, guarded, stock

__all__ = ["alias_imports", "aliases", "guarded", "stock"]

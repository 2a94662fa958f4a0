"""The admin of the middle layer."""

from inventory.admin import alias_imports, aliases, checks, files, guarded, listings, rules, stock

__all__ = ["alias_imports", "aliases", "checks", "files", "guarded", "listings", "rules", "stock"]

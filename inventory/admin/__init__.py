"""The admin of the middle layer."""

from inventory.admin import aliases, stock

__all__ = ["aliases", "stock"]

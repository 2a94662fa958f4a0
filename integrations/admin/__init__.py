"""The admin's pages of the bottom layer."""

from integrations.admin import audit, connections, names, people, records

__all__ = ["audit", "connections", "names", "people", "records"]

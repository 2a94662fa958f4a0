"""The admin's pages of the bottom layer."""

from integrations.admin import audit, connections, people, records

__all__ = ["audit", "connections", "people", "records"]

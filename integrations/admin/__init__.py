"""The admin's pages of the bottom layer."""

from integrations.admin import connections, people, records

__all__ = ["connections", "people", "records"]

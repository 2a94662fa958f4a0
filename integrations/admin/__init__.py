"""The admin's pages of the bottom layer."""

from integrations.admin import audit, connections, exchanges, names, people, runs

__all__ = ["audit", "connections", "exchanges", "names", "people", "runs"]

"""The admin's pages of the bottom layer."""

from integrations.admin import audit, connections, exchanges, people, runs

__all__ = ["audit", "connections", "exchanges", "people", "runs"]

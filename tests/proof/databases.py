"""Databases for processes that are killed: a fresh copy of a prepared one in a moment, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg


class Databases(ABC):
    """`address` is how Django is told of the kind; the names given to `copy` become those of Django's settings."""

    address: str

    @abstractmethod
    def name(self, what: str) -> str:
        """The database for this, as Django names it."""

    @abstractmethod
    def copy(self, what: str, to: str) -> str:
        """A copy of a database that nobody uses, in place of what was there before. Returns its name."""

    @abstractmethod
    def create(self, what: str) -> str:
        """An empty one. Returns its name."""

    @abstractmethod
    def drop_all(self) -> None:
        """Nothing is left behind."""


class SqliteFiles(Databases):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"sqlite:///{self.name('none')}"

    def name(self, what: str) -> str:
        return str(self._folder / f"{what}.sqlite3")

    def create(self, what: str) -> str:
        for suffix in ("", "-wal", "-shm"):
            Path(self.name(what) + suffix).unlink(missing_ok=True)
        return self.name(what)

    def copy(self, what: str, to: str) -> str:
        """The last to close a database leaves no write-ahead log: the one file is all of it."""
        assert not Path(self.name(what) + "-wal").exists()
        return shutil.copy(self.name(what), self.create(to))

    def drop_all(self) -> None:
        """The folder is the test's own."""


class PostgresDatabases(Databases):
    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        self._prefix = f"{parts.path.strip('/')}_proof_{os.getpid()}"
        self._server = psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True)
        self._known: set[str] = set()

    def name(self, what: str) -> str:
        return f"{self._prefix}_{what}"

    def create(self, what: str) -> str:
        return self._create(what, "")

    def copy(self, what: str, to: str) -> str:
        return self._create(to, f' TEMPLATE "{self.name(what)}"')

    def drop_all(self) -> None:
        for what in self._known:
            self._do(f'DROP DATABASE IF EXISTS "{self.name(what)}" WITH (FORCE)')
        self._server.close()

    def _create(self, what: str, template: str) -> str:
        self._known.add(what)
        self._do(f'DROP DATABASE IF EXISTS "{self.name(what)}" WITH (FORCE)')
        self._do(f'CREATE DATABASE "{self.name(what)}"{template}')
        return self.name(what)

    def _do(self, statement: str) -> None:
        self._server.execute(statement.encode())

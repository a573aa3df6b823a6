"""A build under review, its store in whichever database, and what the store holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from serving import Server

from builders.store.database import Store


class Site:
    """A build and the store that its review is held in."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    @classmethod
    def beside(cls, folder: Path) -> Site:
        """Return the site of a build whose store lies beside it."""
        return cls(folder, str(folder.parent / "hearten.sqlite"))

    def serve(self, *options: Any) -> Server:
        return Server(self.folder, "--store", self.address, *options)

    def run(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement in the store, and return the rows it has."""
        store = Store(self.address)
        try:
            with store.engine.begin() as connection:
                found = connection.execute(sa.text(statement))
                return [dict(row._mapping) for row in found] if found.returns_rows else []
        finally:
            store.close()

    def held(self) -> list[dict[str, Any]]:
        """Return the events held, in order."""
        return self.run("select * from review_events order by number")

    def everything(self) -> str:
        """Return all that the store holds, as text."""
        store = Store(self.address)
        tables = sa.inspect(store.engine).get_table_names()
        store.close()
        return str([self.run(f"select * from {table}") for table in tables])


def held(folder: Path) -> list[dict[str, Any]]:
    """Return the events held in the store beside a build, in order."""
    return Site.beside(folder).held()

"""Annotators and their invitations; outside the store, annotators are pseudonyms.

An annotator's id (``a-`` and ten hexadecimal digits) is drawn at random and is the pseudonym in
everything exported; the name stays in the store. A token is shown once, when it is made.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import sqlalchemy as sa

from builders.errors import ConfigError
from builders.review.data.tables import annotators, writing
from builders.store.database import Store

Role = Literal["annotator", "lead"]


@dataclass(frozen=True, slots=True)
class Annotator:
    """An annotator; `name` is None for a placeholder."""

    id: str
    name: str | None
    role: Role
    takes_crisis: bool


class People:
    """The annotators of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def invite(self, name: str, role: Role = "annotator") -> str:
        """Return a new token for a name, replacing its older one; only its hash is stored.

        Raises:
            ConfigError: the name is empty or longer than 80 characters.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= 80:
            raise ConfigError(
                f"{name[:80]!r} is not a valid annotator name",
                expected="1 to 80 characters",
                do="choose another name",
            )
        token = secrets.token_urlsafe(32)
        with writing(self._store) as connection:
            kept = {"role": role, "token_sha256": _hashed(token)}
            known = annotators.c.name == name
            if not connection.execute(sa.update(annotators).where(known).values(kept)).rowcount:
                row = {"id": f"a-{secrets.token_hex(5)}", "name": name, "takes_crisis": False}
                connection.execute(sa.insert(annotators).values(row | kept | {"at": time.time()}))
        return token

    def by_token(self, token: str) -> Annotator | None:
        """Return the annotator with this token. Hashes are compared in constant time."""
        wanted = _hashed(token)
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).where(annotators.c.token_sha256 == wanted)
            row = connection.execute(query).first()
        if row is None or not hmac.compare_digest(row.token_sha256, wanted):
            return None
        return _annotator(row)

    def named(self, name: str, role: Role = "annotator") -> Annotator:
        """Return the annotator with a name, created if new: no token is needed on loopback."""
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).where(annotators.c.name == " ".join(name.split()))
            row = connection.execute(query).first()
        if row is not None:
            return _annotator(row)
        found = self.by_token(self.invite(name, role))
        if found is None:
            raise RuntimeError(f"the annotator {name} was not stored")
        return found

    def get(self, annotator: str) -> Annotator | None:
        """Return the annotator of an id."""
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).where(annotators.c.id == annotator)
            row = connection.execute(query).first()
        return _annotator(row) if row is not None else None

    def take_crisis(self, annotator: str, wanted: bool) -> None:
        """Save whether an annotator accepts crisis items."""
        with writing(self._store) as connection:
            mine = annotators.c.id == annotator
            connection.execute(sa.update(annotators).where(mine).values(takes_crisis=wanted))

    def all(self) -> list[Annotator]:
        """Return all annotators, in the order they joined."""
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).order_by(annotators.c.at, annotators.c.id)
            return [_annotator(row) for row in connection.execute(query)]


def _hashed(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _annotator(row: sa.Row) -> Annotator:
    return Annotator(row.id, row.name, row.role, row.takes_crisis)

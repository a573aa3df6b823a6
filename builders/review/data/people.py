"""Annotators and their invitations; outside the store, annotators are pseudonyms.

An annotator's id (``a-`` and ten hexadecimal digits) is drawn at random and is the pseudonym in
everything exported; the name stays in the store. A token is shown once, when it is made. It
expires, and a newer one of the same person or their removal ends it and all of their sessions.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.errors import ConfigError
from builders.review.data.tables import annotators, settings, writing
from builders.store.database import Store

Role = Literal["annotator", "lead"]
INVITATION_DAYS = 14
_KEPT = "invited people"  # in the table of settings, under a name that no build can have
_sessions = sa.table("review_sessions", sa.column("annotator"))


@dataclass(frozen=True, slots=True)
class Annotator:
    """An annotator; `name` is None for a placeholder."""

    id: str
    name: str | None
    role: Role
    takes_crisis: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """When an invitation ends, in Unix time; 0 for a person who was removed."""

    until: float

    @property
    def is_removed(self) -> bool:
        """Return whether the person was removed."""
        return not self.until


class People:
    """The annotators of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def invite(self, name: str, role: Role = "annotator") -> str:
        """Return a new token for a name; its older one and its sessions end. Only its hash is kept.

        Raises:
            ConfigError: the name is empty or longer than 80 characters.
        """
        name = _checked(name)
        token = secrets.token_urlsafe(32)
        with writing(self._store) as connection:
            who = self._put(connection, name, role, token)
            self._end(connection, who, Invitation(time.time() + 86_400 * INVITATION_DAYS))
        return token

    def remove(self, name: str) -> None:
        """End the invitation and all sessions of a person; what they decided stays.

        Raises:
            ConfigError: there is no such person.
        """
        name = " ".join(name.split())
        with writing(self._store) as connection:
            who = connection.scalar(sa.select(annotators.c.id).where(annotators.c.name == name))
            if who is None:
                raise ConfigError(
                    f"there is no annotator {name[:80]!r}",
                    do="see who there is with hearten review-people",
                )
            mine = annotators.c.id == who
            connection.execute(sa.update(annotators).where(mine).values(token_sha256=None))
            self._end(connection, who, Invitation(0.0))

    def invitations(self) -> dict[str, Invitation]:
        """Return the invitations by the id of the person; those of earlier releases are unknown."""
        with self._store.translated(), self._store.engine.connect() as connection:
            return _invitations(connection)

    def _put(self, connection: Connection, name: str, role: Role, token: str | None) -> str:
        """Store a person with a role and a token, and return their id."""
        known = annotators.c.name == name
        kept = {"role": role, "token_sha256": token and _hashed(token)}
        if not connection.execute(sa.update(annotators).where(known).values(kept)).rowcount:
            row = {"id": f"a-{secrets.token_hex(5)}", "name": name, "takes_crisis": False}
            connection.execute(sa.insert(annotators).values(row | kept | {"at": time.time()}))
        who: str = connection.execute(sa.select(annotators.c.id).where(known)).scalar_one()
        return who

    def _end(self, connection: Connection, who: str, invitation: Invitation) -> None:
        """End the sessions of a person, and note their new invitation."""
        connection.execute(sa.delete(_sessions).where(_sessions.c.annotator == who))
        until = {id_: one.until for id_, one in _invitations(connection).items()}
        value = orjson.dumps(until | {who: invitation.until}).decode()
        statement = self._store.insert(settings).values(build=_KEPT, value=value)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["build"], set_={"value": value})
        )

    def by_token(self, token: str) -> Annotator | None:
        """Return the annotator with this token, unless it has expired.

        Hashes are compared in constant time.
        """
        wanted = _hashed(token)
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).where(annotators.c.token_sha256 == wanted)
            row = connection.execute(query).first()
            invited = _invitations(connection)
        if row is None or not hmac.compare_digest(row.token_sha256, wanted):
            return None
        if row.id in invited and invited[row.id].until < time.time():
            return None
        return _annotator(row)

    def named(self, name: str, role: Role = "annotator") -> Annotator:
        """Return the annotator with a name, created if new: no token is needed on loopback."""
        with self._store.translated(), self._store.engine.connect() as connection:
            query = sa.select(annotators).where(annotators.c.name == " ".join(name.split()))
            row = connection.execute(query).first()
        if row is not None:
            return _annotator(row)
        name = _checked(name)
        with writing(self._store) as connection:
            who = self._put(connection, name, role, None)
        return Annotator(who, name, role, takes_crisis=False)

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


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        raise ConfigError(
            f"{name[:80]!r} is not a valid annotator name",
            expected="1 to 80 characters",
            do="choose another name",
        )
    return name


def _invitations(connection: Connection) -> dict[str, Invitation]:
    value = connection.scalar(sa.select(settings.c.value).where(settings.c.build == _KEPT))
    known: dict[str, float] = orjson.loads(value) if value else {}
    return {who: Invitation(until) for who, until in known.items()}


def _hashed(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _annotator(row: sa.Row) -> Annotator:
    return Annotator(row.id, row.name, row.role, row.takes_crisis)

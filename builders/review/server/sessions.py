"""Who is at the page: sessions, held in the store by the hash of their cookie.

A restart keeps them. One begins with the token of an invitation, or with a name alone where the
server listens on loopback. What changes something must carry a second token, which only our own
pages know.
"""

from __future__ import annotations

import hmac
import secrets
import time
from hashlib import sha256

import sqlalchemy as sa

from builders.review.data.people import Annotator, People
from builders.review.data.tables import writing
from builders.store.database import Store
from builders.store.tables import metadata

COOKIE = "hearten_review"
LASTS_SECONDS = 30 * 86_400

_sessions = sa.Table(
    "review_sessions",
    metadata,
    sa.Column("cookie_sha256", sa.String(64), primary_key=True),
    sa.Column("annotator", sa.String(16), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)


class Sessions:
    """The sessions of a store."""

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people

    def begin(self, annotator: Annotator) -> str:
        """Return the cookie of a new session; only its hash is kept."""
        cookie = secrets.token_urlsafe(32)
        now = time.time()
        row = {"cookie_sha256": _hashed(cookie), "annotator": annotator.id}
        with writing(self._store) as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.expires < now))
            connection.execute(sa.insert(_sessions).values(row | {"expires": now + LASTS_SECONDS}))
        return cookie

    def whose(self, cookie: str | None) -> Annotator | None:
        """Return whose session a cookie is, or None. It is compared by its hash."""
        if not cookie:
            return None
        mine = _sessions.c.cookie_sha256 == _hashed(cookie)
        query = sa.select(_sessions.c.annotator).where(mine, _sessions.c.expires > time.time())
        with self._store.translated(), self._store.engine.connect() as connection:
            annotator = connection.scalar(query)
        return self._people.get(annotator) if annotator else None

    def end(self, cookie: str) -> None:
        """End a session."""
        mine = _sessions.c.cookie_sha256 == _hashed(cookie)
        with writing(self._store) as connection:
            connection.execute(sa.delete(_sessions).where(mine))


def form_token(cookie: str) -> str:
    """Return the token that requests of a session must carry; nothing but its cookie makes it."""
    return sha256(f"form|{cookie}".encode()).hexdigest()


def is_form_token(cookie: str, given: str | None) -> bool:
    """Return whether a request carries its session's token, compared in constant time."""
    return hmac.compare_digest(form_token(cookie).encode(), (given or "").encode())


def _hashed(cookie: str) -> str:
    return sha256(f"cookie|{cookie}".encode("utf-8", "surrogatepass")).hexdigest()

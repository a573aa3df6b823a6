"""Sessions, stored by the hash of their cookie.

They survive a restart. A session starts with an invitation token, or with only a name if the
server listens on loopback. Requests that change something need a second token, which only our own
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
        """Return the cookie of a new session; only its hash is stored."""
        cookie = secrets.token_urlsafe(32)
        now = time.time()
        row = {"cookie_sha256": _hashed(cookie), "annotator": annotator.id}
        with writing(self._store) as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.expires < now))
            connection.execute(sa.insert(_sessions).values(row | {"expires": now + LASTS_SECONDS}))
        return cookie

    def whose(self, cookie: str | None) -> Annotator | None:
        """Return the annotator of a session cookie, or None. Hashes are compared."""
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
    """Return the form token of a session, derived from its cookie only."""
    return sha256(f"form|{cookie}".encode()).hexdigest()


def is_form_token(cookie: str, given: str | None) -> bool:
    """Return whether a form token matches its session, compared in constant time."""
    return hmac.compare_digest(form_token(cookie).encode(), (given or "").encode())


def _hashed(cookie: str) -> str:
    return sha256(f"cookie|{cookie}".encode("utf-8", "surrogatepass")).hexdigest()

"""`hearten review-people`: who may sign in to the review page, and who may not any more."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from builders.review.data.people import Invitation, People
from builders.settings import STORE_FILE
from builders.store.database import Store


def people(folder: Path, store: str | None, removed: Sequence[str], *, as_json: bool) -> None:
    """Remove people, then print all of them.

    Args:
        folder: the folder of a build.
        store: the store's address, by default the file beside the build.
        removed: names of people whose invitation and sessions end.
        as_json: print JSON.

    Raises:
        ConfigError: there is no person of such a name.
    """
    with closing(Store(store or str(folder.parent / STORE_FILE), writes=bool(removed))) as held:
        known = People(held)
        for name in removed:
            known.remove(name)
        invited = known.invitations()
        told = [
            {"name": one.name or one.id, "id": one.id, "role": one.role, **_state(invited, one.id)}
            for one in known.all()
        ]
    if as_json:
        print(json.dumps({"people": told}, ensure_ascii=False))
        return
    for row in told:
        print(f"{row['name']} ({row['role']}, {row['id']}): {row['state']}")


def _state(invited: dict[str, Invitation], who: str) -> dict[str, object]:
    """Return the state of an invitation in words, and when it ends, in Unix time."""
    one = invited.get(who)
    if one is None:
        return {"state": "not invited, or by an earlier release", "until": None}
    if one.is_removed:
        return {"state": "removed", "until": None}
    day = time.strftime("%Y-%m-%d", time.gmtime(one.until))
    expired = one.until < time.time()
    return {"state": f"invitation {'expired' if expired else 'until'} {day}", "until": one.until}

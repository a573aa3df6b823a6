"""What people preferred: the reply they accepted or wrote, against the one they turned down.

Only people's decisions count. An answer that failed a check and was asked for again is in the store
as well, but it was turned down for its form (no JSON, a strategy too many, too long), and nobody
compared it with the one that passed: such pairs would teach a model our checks, not empathy.
"""

from __future__ import annotations

from pathlib import Path

from builders.errors import ConfigError
from builders.release.drafts import Drafts
from builders.release.export.choosing import LeftOut
from builders.release.export.examples import Example
from builders.store.database import store_exists


class Preferences:
    """Adds to examples what people decided about their replies.

    Args:
        task: dpo, kto, or another one, which needs no decision.
        store: the store that holds the drafts, which only dpo needs.
    """

    def __init__(self, task: str, store: str) -> None:
        self._task = task
        self._drafts = Drafts(store)
        if task == "dpo" and not store_exists(store):
            raise ConfigError(
                f"there is no store {store}",
                expected="the store that holds the drafts which people edited",
                do="name it with --store",
            )

    def close(self) -> None:
        """Let the store go."""
        self._drafts.close()

    def add(self, example: Example) -> LeftOut | None:
        """Fill in `rejected` or `label` where the task needs it; return why it cannot be done."""
        if self._task not in ("dpo", "kto"):
            return None
        review = example.record["review"]
        if review is None:
            return LeftOut("not_reviewed", "nobody has reviewed the reply")
        if self._task == "kto":
            example.label = review["status"] != "rejected"
            return None
        if review["status"] != "edited":
            return LeftOut(
                "no_pair", f"the reply was {review['status']}; an edited one makes a pair"
            )
        example.rejected = self._drafts.replaced(example.record)
        if example.rejected is None:
            return LeftOut("draft_not_held", "the store has no such draft")
        return None


def nothing_preferred(task: str, build: Path) -> ConfigError:
    """Return what is said of a build that nobody has reviewed, where dpo or kto is asked for."""
    return ConfigError(
        f"there are no {'pairs' if task == 'dpo' else 'verdicts'}: "
        "nobody has reviewed a reply of this build",
        where=build,
        do="review it first, or take --task sft",
    )

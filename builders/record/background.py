"""The background of a dialogue in words that may be said: by its origin, to prompts and exports.

What a corpus has of a scene is the number of its season and who is in it; a goal is what one
speaker was asked to get done, which nobody else knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Of whose dialogue it says what another one does not know.
_UNSAID = frozenset({"goal"})
_NUMBERS = re.compile(r"^Season \d+, episode \d+(?:, scene \d+)?\.\s*")
# To its end: a title in the list has a full stop, too.
_PRESENT = re.compile(r"Present: (.*)\.$")
_PARTED = re.compile(r"\s*,\s*|\s+and\s+|\s*&\s*")


@dataclass(slots=True, frozen=True)
class DialogueSummary:
    """What a model tells of the turns before a target's: its `text`, or why there is none.

    `dropped` is a code that is counted, None if the text was kept; `answers` is the number used.
    """

    text: str | None
    dropped: str | None
    answers: int


def sayable(text: str | None, origin: str | None) -> str | None:
    """Return what may be said of a background to whoever replies; None if nothing.

    The numbers of a season and an episode are left out, and each person is named once.
    """
    if not text or origin in _UNSAID:
        return None
    if origin != "scene":
        return text
    return _PRESENT.sub(lambda found: present(people(found[1])), _NUMBERS.sub("", text)) or None


# Each target of a dialogue is told the same.
@lru_cache(maxsize=64)
def without_people(text: str | None, origin: str | None) -> str | None:
    """Return what `sayable` does without its list of who is present."""
    told = sayable(text, origin)
    return (_PRESENT.sub("", told).strip() or None) if told and origin == "scene" else told


def people(listed: str) -> list[str]:
    """Return each person of a list once, also those who are listed together."""
    return list(dict.fromkeys(one for one in _PARTED.split(listed) if one))


def present(names: list[str]) -> str:
    """Return a sentence about who is present."""
    return f"Present: {', '.join(names)}."

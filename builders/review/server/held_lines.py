"""Lines held for people: those whom a lead named as qualified may write a reply, a few a day.

A build drafts nothing for a line that tells of a crisis. Who is named sees one line at a time with
what was said before it, writes a reply or passes, and may leave for good at any time. So many lines
a day are shown and no more. What is written is an event of the kind `held` in the store: it is in
no export, no publication and no pair.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson

from builders.review.data.events import NotAllowed
from builders.review.data.held_answers import answer_held, held_answers
from builders.review.data.people import Annotator
from builders.review.data.settings import save_settings
from builders.review.server.desk import Desk, Faulty, NotTheirs
from builders.safety.routing import refused_in_reply

_DAY = 86_400
_SHOWN = ("id", "speaker", "text", "text_context", "codes")


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """What somebody made of a held line: a reply, or None where they pass."""

    event_id: str
    text: str | None
    seconds: float | None


class HeldLines:
    """The held lines of a desk's build.

    Args:
        desk: the desk of the build under review.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lines: dict[str, dict[str, Any]] = {}
        for table in desk.build.held_groups():
            for row in table.to_pylist():
                turns = [turn["id"] for turn in row["text_context"] or ()]
                if not any(map(desk.known.excluded, (row["id"], *turns))):
                    self._lines[row["id"]] = row

    def next(self, person: Annotator) -> dict[str, object]:
        """Return the next line for a person, how many they may still see today, and why none.

        Raises:
            NotAllowed: no lead named them.
        """
        self._check(person)
        made = held_answers(self._desk.reviews, self._desk.name)
        today = sum(e.annotator == person.id and e.at >= _midnight() for e in made)
        left = max(0, self._desk.settings.held_per_day - today)
        answered = {event.item for event in made if event.verdict == "reply"}
        mine = {event.item for event in made if event.annotator == person.id}
        open_lines = [n for n in self._lines if n not in answered and n not in mine]
        if not left or not open_lines:
            return {"line": None, "left": left, "why": "done" if left else "enough"}
        row = self._lines[open_lines[0]]
        line = {name: row[name] for name in _SHOWN} | {"seen": _hash(row)}
        return {"line": line, "left": left, "why": None}

    def answer(self, item: str, seen: str, person: Annotator, said: HeldAnswer) -> None:
        """Keep what a person made of the line that they were shown.

        Raises:
            NotAllowed: no lead named them, or they have seen enough for today.
            NotTheirs: it is not the line that they were shown.
            Faulty: the reply says what none may say.
        """
        shown = self.next(person)["line"]
        if not isinstance(shown, Mapping) or (shown["id"], shown["seen"]) != (item, seen):
            raise NotTheirs(f"{item} is not open to you", do="reload the page")
        if said.text is not None:
            _check_text(said.text)
        with self._desk.writing:
            body = {"text": said.text, "seconds": said.seconds}
            line = (self._desk.name, item, seen)
            answer_held(self._desk.reviews, person.id, line, body, said.event_id)

    def leave(self, person: Annotator) -> None:
        """Take a person off the list for good, as they wish."""
        with self._desk.writing:
            settings = self._desk.settings
            left = tuple(one for one in settings.qualified if one != person.id)
            self._desk.settings = replace(settings, qualified=left)
            save_settings(self._desk.store, self._desk.name, self._desk.settings)

    def _check(self, person: Annotator) -> None:
        if person.id not in self._desk.settings.qualified:
            raise NotAllowed(
                "held lines are shown only to people whom a lead named as qualified",
                do="ask a lead to start the review with --qualified and your name",
            )


def _check_text(text: str) -> None:
    if not text.strip():
        raise Faulty(["text: write a reply, or pass"])
    if found := refused_in_reply(text):
        codes = ", ".join(dict.fromkeys(one.pattern.code for one in found))
        raise Faulty([f"text: no reply may say this ({codes})"])


def _midnight() -> float:
    now = time.time()
    return now - now % _DAY


def _hash(row: Mapping[str, Any]) -> str:
    told = {name: row[name] for name in _SHOWN}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()

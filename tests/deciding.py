"""What people decide about a build's samples, as events in the store beside it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from builders.record.dataset import Build
from builders.review.data.events import Decision, Event, Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.store.database import Store


def decide(folder: Path, decisions: Mapping[str, Decision], who: str = "Ann") -> list[Event]:
    """Let somebody decide about samples of a build, by their ids."""
    build = Build(folder)
    name = build.manifest["result"]["name"]
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        list(Items(store).register(build))
        person, reviews = People(store).named(who), Reviews(store)
        return [
            reviews.decide(person.id, reviews.shown(name, item, person.id), decision)
            for item, decision in decisions.items()
        ]


def edits(folder: Path, item: str, text: str) -> Decision:
    """Return an edit of a sample's reply."""
    record = next(one for one in Build(folder).rows() if one["id"] == item)
    return Decision("edit", reply={**reply_of(record), "text": text})


def compare(one: Path, other: Path, better: Mapping[str, str], who: str = "Ann") -> None:
    """Let somebody compare the replies of two builds: ``a`` is that of the first."""
    names = [Build(folder).manifest["result"]["name"] for folder in (one, other)]
    with closing(Store(str(one.parent / "hearten.sqlite"))) as store:
        for folder in (one, other):
            list(Items(store).register(Build(folder)))
        person, reviews = People(store).named(who), Reviews(store)
        for item, choice in better.items():
            mine, theirs = (reviews.shown(name, item, person.id) for name in names)
            reviews.compare(person.id, mine, theirs.seen, choice)

"""Merged views as events would make them, without a build."""

from __future__ import annotations

from dataclasses import asdict

from builders.review.data.events import Decision, Event
from builders.review.data.queue import Item
from builders.review.outcome.merge import Merged, merge


def item(number: int, **fields) -> Item:
    made = {
        "build": "meld",
        "item": f"meld-dev-{number}-1",
        "seen": "0" * 64,
        "position": number,
        "doubt": 0.0,
        "crisis": False,
        "gold": False,
        "submitted": 0,
        "corpus": "meld",
        "label": "sadness",
        "emotion": "grief",
        "strategies": "validation",
        "shard": "x.parquet",
        "row": number,
    }
    return Item(**made | fields)


def event(of: Item, who: str, decision: Decision, kind: str = "decision", number: int = 0) -> Event:
    body = asdict(decision)
    del body["verdict"]
    return Event(
        number=number,
        id=f"{of.item} {who} {kind}",
        build=of.build,
        item=of.item,
        seen=of.seen,
        annotator=who,
        version=1,
        kind=kind,
        verdict=decision.verdict,
        undoes=None,
        surplus=False,
        body=body,
        at=float(number),
    )


def view(of: Item, **decisions: Decision) -> Merged:
    """Return the view of an item; `gold` as a name makes a gold answer."""
    made = [
        event(of, who, decision, "gold" if who == "gold" else "decision", number)
        for number, (who, decision) in enumerate(decisions.items())
    ]
    merged = merge(of, made)
    assert merged is not None
    return merged

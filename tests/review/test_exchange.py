import json
from dataclasses import replace

import pytest
from test_merge import decide, edit

from builders.errors import SourceError
from builders.release.preferences import preferences
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items
from builders.review.data.settings import Settings, save_settings
from builders.review.exchange.events_file import (
    event_lines,
    import_events,
    merged_lines,
    write_lines,
)
from builders.review.outcome.merge import views
from builders.store.database import Store

ACCEPT = Decision("accept", comment="naïve \u2028 李雷", seconds_heard=1.5)
REJECT = Decision("reject", reason="generic")


@pytest.fixture(params=["sqlite"])
def url(request, tmp_path):
    """What is written is the same whatever holds the events; test_events.py has both databases."""
    return str(tmp_path / "hearten.sqlite")


@pytest.fixture
def items(review):
    save_settings(review.store, review.name, Settings(overlap=3, gold_share=0))
    return review.queue.next(review.name, review.cem, 4)


@pytest.fixture
def decided(review, items):
    """Everything that can happen, on four items."""
    record = review.build.row(items[1].shard, items[1].row)
    decide(review, items[0], review.ann, ACCEPT)
    decide(review, items[1], review.ann, edit(record))
    decide(review, items[2], review.ann, REJECT)
    decide(review, items[2], review.bob, replace(REJECT, reason="too_much"))
    decide(review, items[3], review.ann, ACCEPT)
    decide(review, items[3], review.bob, REJECT)
    review.reviews.undo(review.ann.id, review.name)
    shown = review.reviews.shown(review.name, items[0].item, review.bob.id)
    review.reviews.compare(review.bob.id, shown, "b" * 64, "a")
    shown = review.reviews.shown(review.name, items[3].item, review.lea.id)
    review.reviews.adjudicate(review.lea.id, shown, ACCEPT)
    return items


def written(review, tmp_path, name="events.jsonl"):
    path = tmp_path / name
    write_lines(path, event_lines(review.reviews.of_build(review.name)))
    return path


def test_events_come_back_from_a_file_as_they_were(review, decided, tmp_path):
    path = written(review, tmp_path)
    other = Store(str(tmp_path / "other.sqlite"))
    list(Items(other).register(review.build))
    assert import_events(other, review.build, path) == (9, 9, 0)
    assert import_events(other, review.build, path) == (9, 0, 0)
    shown = [
        [(v.item.item, v.review, v.reasons) for v in views(store, review.name)]
        for store in (review.store, other)
    ]
    assert shown[0] == shown[1] and len(shown[0]) == 4
    again = tmp_path / "again.jsonl"
    write_lines(again, event_lines(Reviews(other).of_build(review.name)))
    assert again.read_bytes() == path.read_bytes()
    other.close()


def test_a_file_written_later_has_the_same_lines_and_more(review, decided, tmp_path):
    before = written(review, tmp_path).read_bytes()
    decide(review, decided[0], review.bob, ACCEPT)
    after = written(review, tmp_path).read_bytes()
    assert after.startswith(before) and after.count(b"\n") == before.count(b"\n") + 1


def test_a_file_has_pseudonyms_and_no_names(review, decided, tmp_path):
    text = written(review, tmp_path).read_text() + "".join(
        line.decode() for line in merged_lines(views(review.store, review.name))
    )
    for who in (review.ann, review.bob, review.lea):
        assert who.name not in text
    assert review.ann.id in text


def test_merged_lines_say_what_was_decided_and_by_whom(review, decided):
    lines = [json.loads(line) for line in merged_lines(views(review.store, review.name))]
    by_id = {line["id"]: line for line in lines}
    accepted, edited, rejected, settled = (by_id[item.item] for item in decided)
    assert (accepted["status"], accepted["decided_by"]) == ("accepted", {review.ann.id: "accept"})
    assert edited["reply"]["text"] == "That sounds like a lot to carry tonight."
    assert rejected["status"] == "rejected" and set(rejected["reasons"]) == {"generic", "too_much"}
    assert (settled["policy"], settled["reviewers"]) == ("adjudicated", 2)


def test_a_file_that_is_not_there_is_named(review, tmp_path):
    with pytest.raises(SourceError, match="cannot read events .*gone.jsonl"):
        import_events(review.store, review.build, tmp_path / "gone.jsonl")


def test_edits_and_rejections_become_pairs_with_their_origin(review, decided):
    pairs = {pair["id"]: pair for pair in preferences(review.build, review.store)}
    _, edited, rejected, _ = (item.item for item in decided)
    assert pairs.keys() == {edited, rejected}
    assert pairs[edited]["origin"] == "edit"
    assert pairs[edited]["chosen"]["text"] == "That sounds like a lot to carry tonight."
    assert pairs[edited]["rejected"]["text"] != pairs[edited]["chosen"]["text"]
    assert pairs[edited]["chosen_from"] == {"reviewers": 1}
    assert pairs[edited]["rejected_from"]["build"] == "meld"
    assert pairs[rejected]["origin"] == "rejection" and pairs[rejected]["chosen"] is None
    assert (pairs[rejected]["reviewers"], len(pairs[rejected]["reasons"])) == (2, 2)

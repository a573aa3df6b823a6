"""Which pair somebody gets next, in SQLite and in PostgreSQL."""

import shutil
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from rival import in_other_words

from builders.record.dataset import Build
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.data.pairs import Pairs
from builders.review.data.settings import Settings, save_settings
from builders.review.data.tables import leases


@pytest.fixture
def pairs(review, built, tmp_path):
    """Four pairs of the build with another one, each for two people."""
    shutil.copytree(built, tmp_path / "meld")
    other = Build(in_other_words(tmp_path / "meld", "rival", 4))
    list(Items(review.store).register(other))
    save_settings(review.store, review.name, Settings(overlap=2))
    made = Pairs(review.store, review.name, "rival")
    counts = made.register(review.build, other)
    assert counts == {"pairs": 4, "same": 27, "one": 0}
    return made


def compare(review, pairs, person, item, choice="a"):
    pair = pairs.pair(item)
    shown = review.reviews.shown(review.name, item, person.id)
    event = review.reviews.compare(person.id, replace(shown, seen=pair.seen), pair.other, choice)
    pairs.count(item, person.id)
    return event


def names(found):
    return [pair.item for pair in found]


def test_a_pair_is_given_to_k_people_and_begun_ones_come_first(review, pairs):
    first = names(pairs.next(review.ann, 2))
    assert first == names(pairs.next(review.ann, 2)), "what somebody holds comes again"
    assert names(pairs.next(review.bob, 2)) == first
    assert not set(names(pairs.next(review.cem, 4))) & set(first)
    compare(review, pairs, review.ann, first[1])
    assert pairs.left(review.ann) == 3 and pairs.left(review.lea) == 4
    compare(review, pairs, review.bob, first[1])
    assert pairs.left(review.lea) == 3
    with review.store.engine.begin() as connection:
        connection.execute(sa.update(leases).values(expires=time.time() - 1))
    compare(review, pairs, review.cem, names(pairs.next(review.cem, 4))[2])
    assert names(pairs.next(review.lea, 1)) != first[:1], "a begun one is finished first"


def test_what_was_taken_back_is_open_to_whoever_took_it_back(review, pairs):
    (item,) = names(pairs.next(review.ann, 1))
    compare(review, pairs, review.ann, item)
    assert pairs.pair(item).submitted == 1 and item not in names(pairs.next(review.ann, 4))
    review.reviews.undo(review.ann.id, review.name, ("comparison",))
    pairs.count(item, "")
    pairs.again(item, review.ann.id)
    assert pairs.pair(item).submitted == 0
    assert item in names(pairs.next(review.ann, 4))


def test_finding_the_pairs_anew_keeps_what_was_compared(review, pairs, tmp_path):
    (item,) = names(pairs.next(review.ann, 1))
    compare(review, pairs, review.ann, item)
    pairs.register(review.build, Build(tmp_path / "rival"))
    assert pairs.pair(item).submitted == 1
    assert item not in names(pairs.next(review.ann, 4))


def test_a_comparison_the_other_way_round_is_the_same_one(review, pairs):
    (item,) = names(pairs.next(review.ann, 1))
    turned = Reviews(review.store)
    shown = turned.shown("rival", item, review.ann.id)
    turned.compare(review.ann.id, shown, pairs.pair(item).seen, "b")
    pairs.count(item, review.ann.id)
    assert pairs.pair(item).submitted == 1
    assert item not in names(pairs.next(review.ann, 4))

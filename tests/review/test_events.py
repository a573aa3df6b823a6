import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from builders.errors import ConfigError
from builders.review.data.events import (
    Conflict,
    Decision,
    NotAllowed,
    Reviews,
    Shown,
    counted,
    standing,
)
from builders.review.data.settings import Settings, load_settings, save_settings
from builders.review.data.tables import annotators, events, items, writing
from builders.store.database import Store

ACCEPT = Decision("accept", ratings={"fit": 4}, seconds_heard=2.5)
REJECT = Decision("reject", reason="generic")
SKIP = Decision("skip", reason="cannot_judge")


def names(review):
    with review.store.engine.connect() as connection:
        return list(connection.scalars(sa.select(items.c.item).order_by(items.c.position)))


def first(review):
    return names(review)[0]


def decide(review, who, decision, item=None, **more):
    shown = review.reviews.shown(review.name, item or first(review), who.id)
    return review.reviews.decide(who.id, shown, decision, **more)


def overlap(review, k, **more):
    save_settings(review.store, review.name, Settings(overlap=k, gold_share=0, **more))


def test_a_decision_is_held_whole(review, url):
    edit = Decision(
        "edit",
        reply={"text": "naïve 李雷 \u2028 '; DROP"},
        strategies=("validation", "inquiry"),
        ratings={"fit": 5, "restraint": 1},
        emotion="grief",
        flags=("audio_broken",),
        comment="<script>",
        seconds_heard=3.25,
        hidden=True,
        before={"strategies": ["inquiry"]},
    )
    before = time.time()
    event = decide(review, review.ann, edit)
    again = Store(url)
    (held,) = Reviews(again).history(review.name)
    again.close()
    assert held == event and held.decision == edit
    assert held.seen == review.queue.item(review.name, held.item).seen
    assert (held.annotator, held.version, held.surplus) == (review.ann.id, 1, False)
    assert before <= held.at <= time.time()


def test_a_later_decision_replaces_the_earlier_one_and_both_are_kept(review):
    decide(review, review.ann, ACCEPT)
    second = decide(review, review.ann, REJECT)
    assert len(review.reviews.history(review.name)) == 2
    assert standing(review.reviews.of_item(first(review))) == [second]
    assert review.queue.item(review.name, first(review)).submitted == 1


def test_undo_goes_back_any_number_of_steps(review):
    a = decide(review, review.ann, ACCEPT)
    b = decide(review, review.ann, REJECT)
    c = decide(review, review.ann, ACCEPT, names(review)[1])
    decide(review, review.bob, ACCEPT)
    undo = lambda: review.reviews.undo(review.ann.id, review.name)  # noqa: E731
    mine = lambda: [  # noqa: E731
        e.id for e in standing(review.reviews.history(review.name, review.ann.id))
    ]
    assert mine() == [b.id, c.id]
    assert undo() == c and mine() == [b.id]
    assert review.queue.item(review.name, c.item).submitted == 0
    assert undo() == b and mine() == [a.id]
    assert undo() == a and mine() == []
    assert undo() is None
    assert len(standing(review.reviews.history(review.name))) == 1
    assert len(review.reviews.history(review.name)) == 7


def test_the_second_of_two_tabs_is_told(review):
    shown = review.reviews.shown(review.name, first(review), review.ann.id)
    review.reviews.decide(review.ann.id, shown, ACCEPT)
    with pytest.raises(Conflict, match=f"{first(review)} has since been decided in another tab"):
        review.reviews.decide(review.ann.id, shown, REJECT)
    assert [e.verdict for e in review.reviews.history(review.name)] == ["accept"]
    review.reviews.undo(review.ann.id, review.name)
    with pytest.raises(Conflict):
        review.reviews.decide(review.ann.id, replace(shown, version=1), REJECT)


def test_a_decision_sent_twice_is_one(review):
    shown = review.reviews.shown(review.name, first(review), review.ann.id)
    sent = [review.reviews.decide(review.ann.id, shown, ACCEPT, "one-uuid") for _ in range(2)]
    assert sent[0] == sent[1]
    assert len(review.reviews.history(review.name)) == 1


def test_an_item_is_given_to_no_more_than_k(review):
    overlap(review, 2)
    ann, bob = (review.queue.next(review.name, who)[0] for who in (review.ann, review.bob))
    assert ann.item == bob.item == first(review)
    assert review.queue.next(review.name, review.cem)[0].item == names(review)[1]
    assert [i.item for i in review.queue.next(review.name, review.ann)] == [ann.item]


def test_leases_alone_do_not_wait_for_the_disk(review):
    name = review.store.engine.dialect.name
    ask = "PRAGMA synchronous" if name == "sqlite" else "SHOW synchronous_commit"
    full, less = {"sqlite": (2, 1), "postgresql": ("on", "off")}[name]
    with writing(review.store) as connection:
        assert connection.exec_driver_sql(ask).scalar() == full
    with writing(review.store, durable=False) as connection:
        assert connection.exec_driver_sql(ask).scalar() == less
    with pytest.raises(ZeroDivisionError), writing(review.store, durable=False):
        raise ZeroDivisionError
    for _ in range(3):
        with review.store.engine.connect() as connection:
            assert connection.exec_driver_sql(ask).scalar() == full


def test_a_lease_that_is_over_gives_the_item_to_another_and_the_late_one_is_surplus(review):
    overlap(review, 1, lease_seconds=1)
    (given,) = review.queue.next(review.name, review.ann)
    shown = review.reviews.shown(review.name, given.item, review.ann.id)
    time.sleep(1.1)
    overlap(review, 1)
    assert not review.queue.renew(review.name, given.item, review.ann.id)
    assert review.queue.next(review.name, review.bob)[0].item == given.item
    late = review.reviews.decide(review.ann.id, shown, ACCEPT)
    assert late.surplus
    assert not decide(review, review.bob, ACCEPT, given.item).surplus
    assert [e.annotator for e in counted(review.reviews.of_item(given.item))] == [review.bob.id]
    assert review.queue.item(review.name, given.item).submitted == 1


def test_a_late_decision_counts_where_nobody_took_the_place(review):
    overlap(review, 1, lease_seconds=1)
    review.queue.next(review.name, review.ann)
    time.sleep(1.1)
    assert not decide(review, review.ann, ACCEPT).surplus
    assert not decide(review, review.ann, REJECT).surplus


def test_a_skip_leaves_the_item_open_for_others_and_is_not_offered_again(review):
    overlap(review, 1)
    review.queue.next(review.name, review.ann)
    decide(review, review.ann, SKIP)
    assert review.queue.item(review.name, first(review)).submitted == 0
    assert review.queue.next(review.name, review.ann)[0].item == names(review)[1]
    assert review.queue.next(review.name, review.bob)[0].item == first(review)


def test_everybody_gets_every_item_once_and_then_nothing(review):
    overlap(review, 2)
    for who in (review.ann, review.bob):
        got = []
        while given := review.queue.next(review.name, who, 3):
            got += [item.item for item in given]
            for item in given:
                decide(review, who, ACCEPT, item.item)
        assert sorted(got) == sorted(names(review))
        assert review.queue.left(review.name, who).mine == 0
    assert review.queue.next(review.name, review.cem) == []
    left = review.queue.left(review.name, review.ann)
    assert left.done == left.items == left.decided_by_me == len(names(review))


def test_many_at_once_never_decide_more_than_k_times(review):
    overlap(review, 2)
    people = [review.people.named(f"Annotator {n}") for n in range(6)]
    failed = []

    def work(who):
        try:
            while given := review.queue.next(review.name, who):
                decide(review, who, ACCEPT, given[0].item)
        except Exception as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    made = review.reviews.history(review.name)
    assert not any(event.surplus for event in made)
    for name in names(review):
        assert sum(event.item == name for event in made) == 2


def test_items_begun_by_others_are_finished_first_and_doubtful_ones_come_first(review):
    with review.store.engine.begin() as connection:
        doubtful = names(review)[3]
        connection.execute(sa.update(items).where(items.c.item == doubtful).values(doubt=7))
    overlap(review, 2, order="doubt")
    assert review.queue.next(review.name, review.ann)[0].item == doubtful
    decide(review, review.ann, ACCEPT, doubtful)
    decide(review, review.cem, ACCEPT, names(review)[5])
    assert [i.item for i in review.queue.next(review.name, review.bob, 2)] == [
        doubtful,
        names(review)[5],
    ]


def test_crisis_items_go_only_to_those_who_take_them(review):
    overlap(review, 1)
    with review.store.engine.begin() as connection:
        connection.execute(
            sa.update(items).where(items.c.item == first(review)).values(crisis=True)
        )
    assert review.queue.next(review.name, review.ann)[0].item == names(review)[1]
    review.people.take_crisis(review.bob.id, True)
    assert review.queue.next(review.name, review.people.get(review.bob.id))[0].item == first(review)


def test_gold_items_go_to_everybody_by_their_share_and_are_never_surplus(review):
    gold = names(review)[4]
    shown = review.reviews.shown(review.name, gold, review.lea.id)
    review.reviews.set_gold(review.lea.id, shown, Decision("accept"))
    assert review.queue.item(review.name, gold).gold
    save_settings(review.store, review.name, Settings(overlap=1, gold_share=0.999))
    for who in (review.ann, review.bob, review.cem):
        assert review.queue.next(review.name, who)[0].item == gold
        assert not decide(review, who, ACCEPT, gold).surplus
    review.reviews.undo(review.lea.id, review.name)
    assert not review.queue.item(review.name, gold).gold


def test_who_has_had_an_item_before_them_may_not_adjudicate_it(review):
    overlap(review, 2)
    review.queue.next(review.name, review.ann)
    decide(review, review.bob, REJECT)
    for who in (review.ann, review.bob):
        shown = review.reviews.shown(review.name, first(review), who.id)
        with pytest.raises(NotAllowed, match="this annotator has already seen"):
            review.reviews.adjudicate(who.id, shown, ACCEPT)
    shown = review.reviews.shown(review.name, first(review), review.lea.id)
    event = review.reviews.adjudicate(review.lea.id, shown, replace(ACCEPT, comment="it fits"))
    assert event.kind == "adjudication" and event.decision.comment == "it fits"
    assert [e.kind for e in standing(review.reviews.of_item(first(review)))] == [
        "decision",
        "adjudication",
    ]


def test_two_drafts_of_one_target_are_compared(review):
    shown = review.reviews.shown(review.name, first(review), review.ann.id)
    event = review.reviews.compare(review.ann.id, shown, "b" * 64, "b")
    assert (event.kind, event.verdict, event.body) == ("comparison", "b", {"other": "b" * 64})


def test_a_decision_on_content_that_changed_is_kept_and_asked_again(review):
    overlap(review, 1)
    shown = review.reviews.shown(review.name, first(review), review.ann.id)
    stale = review.reviews.decide(review.ann.id, replace(shown, seen="0" * 64), ACCEPT)
    assert review.queue.item(review.name, first(review)).submitted == 0
    assert review.queue.next(review.name, review.ann)[0].item == first(review)
    assert review.reviews.history(review.name) == [stale]


def test_events_from_elsewhere_are_added_once(review, tmp_path):
    made = [decide(review, review.ann, ACCEPT), decide(review, review.ann, REJECT)]
    other = Reviews(Store(str(tmp_path / "other.sqlite")))
    assert other.add(made) == (2, 0)
    assert other.add(made) == (0, 0)
    held = other.history(review.name)
    assert [replace(event, number=made[n].number) for n, event in enumerate(held)] == made
    other._store.close()


def test_only_the_hash_of_a_token_is_kept_and_a_new_one_ends_the_old(review):
    token = review.people.invite("Dora")
    assert review.people.by_token(token).name == "Dora"
    assert review.people.by_token(token + "x") is None
    assert review.people.by_token("\ud83d") is None
    with review.store.engine.connect() as connection:
        assert token not in str(connection.execute(sa.select(annotators)).all())
    newer = review.people.invite(" Dora ", "lead")
    assert review.people.by_token(token) is None
    assert review.people.by_token(newer).role == "lead"
    assert len(review.people.all()) == 5


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_name_that_is_none_is_refused(review, name):
    with pytest.raises(ConfigError, match="is not a valid annotator name"):
        review.people.invite(name)


def test_settings_keep_their_salt_and_hide_the_same_drafts_every_time(review):
    made = load_settings(review.store, review.name)
    assert load_settings(review.store, review.name) == made
    half = replace(made, hidden_share=0.5)
    save_settings(review.store, review.name, half)
    pairs = [(f"a-{n}", f"item-{n % 7}") for n in range(400)]
    hidden = [half.hides(*pair) for pair in pairs]
    assert hidden == [load_settings(review.store, review.name).hides(*pair) for pair in pairs]
    assert 150 < sum(hidden) < 250
    assert not any(made.hides(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"overlap": 0}, "overlap is 0"),
        ({"order": "random"}, "build or doubt"),
        ({"hidden_share": 1.5}, "hidden_share is 1.5"),
    ],
)
def test_a_setting_out_of_range_is_named(review, wrong, words):
    with pytest.raises(ConfigError, match=words):
        save_settings(review.store, review.name, Settings(**wrong))


def test_an_item_that_the_build_does_not_have_is_a_key_error(review):
    with pytest.raises(KeyError, match="nowhere"):
        review.reviews.shown(review.name, "nowhere", review.ann.id)
    with pytest.raises(KeyError, match="nowhere"):
        review.queue.item(review.name, "nowhere")


def test_a_decision_about_what_nobody_registered_is_still_an_event(store):
    reviews = Reviews(store)
    shown = Shown("x", "meld-dev-1-1", "0" * 64, 0)
    assert reviews.decide("a-1", shown, ACCEPT) == reviews.of_build("x")[0]
    with store.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 1

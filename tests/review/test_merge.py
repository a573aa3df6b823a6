from dataclasses import replace

import pytest
import sqlalchemy as sa

from builders.errors import ConfigError
from builders.labels.strategies import allowed
from builders.record.schema import validator, violations
from builders.review.data.decisions import choices, edited, emotions_of, faults, reply_wanted
from builders.review.data.events import Decision
from builders.review.data.items import content_hash, reply_of
from builders.review.data.settings import Settings, save_settings
from builders.review.data.tables import items
from builders.review.outcome.merge import MergedEmotion, views, with_review

ACCEPT = Decision("accept")
REJECT = Decision("reject", reason="generic")


@pytest.fixture(params=["sqlite"])
def url(request, tmp_path):
    """Merging is the same whatever holds the events; test_events.py has both databases."""
    return str(tmp_path / "hearten.sqlite")


@pytest.fixture
def item(review):
    save_settings(review.store, review.name, Settings(overlap=3, gold_share=0))
    return review.queue.next(review.name, review.cem)[0]


@pytest.fixture
def record(review, item):
    return review.build.row(item.shard, item.row)


def decide(review, item, who, decision):
    shown = review.reviews.shown(review.name, item.item, who.id)
    return review.reviews.decide(who.id, shown, decision)


def view(review):
    (only,) = views(review.store, review.name)
    return only


def edit(record, text="That sounds like a lot to carry tonight."):
    return Decision("edit", reply={**reply_of(record), "text": text})


def test_nothing_decided_is_no_view(review, item):
    decide(review, item, review.ann, Decision("skip", reason="cannot_judge"))
    assert views(review.store, review.name) == []


def test_all_alike_is_unanimous_and_more_than_half_a_majority(review, item):
    decide(review, item, review.ann, ACCEPT)
    assert (view(review).status, view(review).policy, view(review).reviewers) == (
        "accepted",
        "unanimous",
        1,
    )
    decide(review, item, review.bob, REJECT)
    assert (view(review).status, view(review).policy) == ("disputed", "majority")
    assert view(review).decisive is None and view(review).reasons == ()
    decide(review, item, review.cem, replace(REJECT, reason="too_much"))
    assert (view(review).status, view(review).policy) == ("rejected", "majority")
    assert sorted(view(review).reasons) == ["generic", "too_much"]


def test_an_edit_is_the_reply_of_the_record_which_is_valid(review, item, record):
    decide(review, item, review.ann, edit(record))
    merged = with_review(record, view(review))
    assert merged["desired_response"]["text"] == "That sounds like a lot to carry tonight."
    assert merged["review"] == {
        "status": "edited",
        "policy": "unanimous",
        "reviewers": 1,
        "ratings": [],
        "flags": [],
        "emotion": {
            "heard": None,
            "policy": "majority",
            "votes": [],
        },
    }
    assert violations(validator("sample"), merged) == []
    assert record["review"] is None


def test_two_different_edits_are_a_disagreement_and_two_equal_ones_are_not(review, item, record):
    decide(review, item, review.ann, edit(record))
    decide(review, item, review.bob, edit(record, "You have every reason to be worn out."))
    assert view(review).status == "disputed"
    assert with_review(record, view(review))["desired_response"] == record["desired_response"]
    decide(review, item, review.bob, edit(record))
    assert (view(review).status, view(review).policy) == ("edited", "unanimous")


def test_accepting_under_other_strategies_changes_them_and_keeps_the_text(review, item, record):
    other = next(
        name
        for name in allowed(emotions_of(record), 0)
        if not faults(Decision("accept", strategies=(name,)), record)
        and [name] != record["desired_response"]["strategies"]
    )
    decide(review, item, review.ann, Decision("accept", strategies=(other,)))
    assert view(review).status == "edited"
    response = with_review(record, view(review))["desired_response"]
    assert (response["strategies"], response["response_strategy"]) == ([other], other)
    assert response["text"] == record["desired_response"]["text"]


def test_accepting_under_the_drafts_own_strategies_is_plain_acceptance(review, item, record):
    same = tuple(record["desired_response"]["strategies"])
    decide(review, item, review.ann, Decision("accept", strategies=same))
    decide(review, item, review.bob, ACCEPT)
    assert (view(review).status, view(review).policy) == ("accepted", "unanimous")
    assert reply_wanted(Decision("accept", strategies=same), record) is None


def test_an_adjudication_settles_it_and_may_be_undone(review, item):
    decide(review, item, review.ann, ACCEPT)
    decide(review, item, review.bob, REJECT)
    shown = review.reviews.shown(review.name, item.item, review.lea.id)
    review.reviews.adjudicate(review.lea.id, shown, replace(ACCEPT, comment="it fits"))
    settled = view(review)
    assert (settled.status, settled.policy, settled.reviewers) == ("accepted", "adjudicated", 3)
    review.reviews.undo(review.lea.id, review.name)
    assert view(review).status == "disputed"


def test_a_gold_answer_stands_like_an_adjudication(review, item):
    shown = review.reviews.shown(review.name, item.item, review.lea.id)
    review.reviews.set_gold(review.lea.id, shown, REJECT)
    decide(review, item, review.ann, ACCEPT)
    assert (view(review).status, view(review).policy) == ("rejected", "adjudicated")


def test_the_emotion_that_people_hear_is_merged_apart_from_the_reply(review, item, record):
    decide(review, item, review.ann, replace(REJECT, emotion="grief"))
    assert view(review).heard == MergedEmotion("grief", "unanimous", (("grief", 1),))
    decide(review, item, review.bob, ACCEPT)
    both = view(review)
    assert (both.status, both.heard.emotion, both.heard.policy) == ("disputed", None, "majority")
    assert dict(both.heard.votes) == {"grief": 1}, "who names none has no vote, and still counts"
    decide(review, item, review.cem, replace(ACCEPT, emotion="grief"))
    assert view(review).status == "accepted"
    assert view(review).heard == MergedEmotion("grief", "majority", (("grief", 2),))
    shown = review.reviews.shown(review.name, item.item, review.lea.id)
    review.reviews.adjudicate(review.lea.id, shown, replace(ACCEPT, emotion="shame"))
    assert view(review).heard.emotion == "shame"
    assert view(review).heard.policy == "adjudicated"
    merged = with_review(record, view(review))
    assert merged["review"]["emotion"]["heard"] == "shame"
    for name in ("annotation", "target_utterance"):
        assert merged[name] == record[name]
    assert violations(validator("sample"), merged) == []


def test_an_emotion_that_nobody_names_is_heard_by_nobody(review, item):
    for who in (review.ann, review.bob):
        decide(review, item, who, ACCEPT)
    assert view(review).heard == MergedEmotion(None, "majority", ())
    decide(review, item, review.cem, replace(ACCEPT, emotion=item.emotion))
    assert view(review).heard == MergedEmotion(None, "majority", ((item.emotion, 1),))
    shown = review.reviews.shown(review.name, item.item, review.lea.id)
    review.reviews.adjudicate(review.lea.id, shown, replace(ACCEPT, comment="as they say"))
    assert (view(review).policy, view(review).heard.policy) == ("adjudicated", "majority")


def test_the_label_itself_may_be_what_all_hear(review, item):
    for who in (review.ann, review.bob):
        decide(review, item, who, replace(ACCEPT, emotion=item.emotion))
    assert view(review).heard == MergedEmotion(item.emotion, "unanimous", ((item.emotion, 2),))


def test_ratings_and_flags_are_gathered_from_everybody(review, item):
    decide(review, item, review.ann, replace(ACCEPT, ratings={"fit": 5, "restraint": 2}))
    decide(review, item, review.bob, replace(ACCEPT, ratings={"fit": 2}, flags=("unsafe",)))
    skipped = Decision("skip", reason="cannot_hear", flags=("audio_broken", "unsafe"))
    decide(review, item, review.cem, skipped)
    assert view(review).ratings == (("fit", 3.5, 2), ("restraint", 2.0, 1))
    assert view(review).flags == ("audio_broken", "unsafe")


def test_a_decision_on_content_that_changed_counts_no_longer(review, item):
    decide(review, item, review.ann, ACCEPT)
    with review.store.engine.begin() as connection:
        changed = sa.update(items).where(items.c.item == item.item)
        connection.execute(changed.values(seen="0" * 64))
    assert views(review.store, review.name) == []


def test_a_reply_that_the_rules_allow_no_longer_is_never_published(review, item, record):
    broken = edit(record, "See www.example.org now, please.")
    decide(review, item, review.ann, broken)
    with pytest.raises(ConfigError, match="is not valid: text: it holds a link"):
        with_review(record, view(review))


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (Decision("maybe"), "verdict: 'maybe' is not one of accept, edit, reject, skip"),
        (Decision("edit"), "reply: required for an edit"),
        (Decision("accept", reply={"text": "x"}), "reply: required for an edit"),
        (Decision("reject"), "reason: None is not one of does_not_fit"),
        (Decision("skip", reason="generic"), "reason: 'generic' is not one of cannot_judge"),
        (replace(ACCEPT, flags=("loud",)), "flags: 'loud' is not one of audio_broken"),
        (replace(ACCEPT, ratings={"fit": 6}), "ratings: fit is 6; expected 1 to 5"),
        (replace(ACCEPT, ratings={"fit": True}), "ratings: fit is True; expected 1 to 5"),
        (replace(ACCEPT, ratings={"charm": 3}), "ratings: 'charm' is not one of fit"),
        (replace(ACCEPT, strategies=()), "strategies: expected one to three"),
        (replace(ACCEPT, strategies=("hugging",)), "strategies: unknown strategy 'hugging'"),
        (replace(ACCEPT, strategies=("redirection",)), 'strategies.0: "redirection" is not one'),
        (
            replace(ACCEPT, strategies=("clarification", "validation")),
            "clarification asks a question, so it must come last",
        ),
        (replace(ACCEPT, emotion="Glee"), "emotion: unknown emotion 'Glee'"),
        (replace(ACCEPT, seconds_heard=-1), "seconds_heard"),
        (replace(ACCEPT, comment="half a pair: \ud83d"), "comment: it cannot be stored"),
        (replace(ACCEPT, comment="x" * 5001), "comment: 5,001 characters long"),
    ],
)
def test_a_decision_that_is_not_whole_says_what_is_wrong(record, decision, words):
    assert words in " ".join(faults(decision, record))


def _negative(record):
    """Return the record's label made one that every negative strategy suits."""
    emotions = {
        "primary": "sadness",
        "secondary": None,
        "root": "sadness",
        "alternatives": [],
        "valence": "negative",
        "arousal": "low",
    }
    return {"target_utterance": {**record["target_utterance"], "emotions": emotions}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": "No."}, "text: it has 1 words"),
        ({"text": "**So sorry** about your day."}, "markdown"),
        ({"text": ""}, "text"),
        ({"strategies": []}, "strategies"),
        ({"emotion": "glee"}, "emotion"),
        ({"more": 1}, "more"),
    ],
)
def test_an_edited_reply_passes_the_same_checks_as_a_drafted_one(record, change, words):
    wrong = faults(Decision("edit", reply={**reply_of(record), **change}), record)
    assert words in " ".join(wrong)


def test_an_edited_reply_is_spoken_anew(record):
    record = {**record, "reply_audio": {"path": "x.flac", "bytes": None}}
    same = edited(record, reply_of(record))
    assert same["reply_audio"] == record["reply_audio"]
    other = edited(record, {**reply_of(record), "text": "That is a lot for one day."})
    assert other["reply_audio"] is None


def test_every_sample_of_a_build_may_be_accepted_as_it_is(review):
    for record in review.build.rows():
        assert faults(ACCEPT, record) == []
        own = Decision("edit", reply=reply_of(record))
        assert faults(own, record) == []


def test_the_hash_is_of_what_is_seen_and_heard_and_of_nothing_else(record):
    seen = content_hash(record)
    judged = {**record, "judgements": [], "checks": {"set_version": "1", "results": []}}
    assert content_hash({**judged, "audio": {"path": "x", "bytes": b"1"}}) == seen
    info = {**record["audio_info"], "sha256_pcm": "0" * 64}
    response = {**record["desired_response"], "text": "Something else entirely."}
    label = _negative(record)["target_utterance"] | {"text": "Something else."}
    changes = {"audio_info": info, "desired_response": response, "target_utterance": label}
    for name, value in changes.items():
        assert content_hash({**record, name: value}) != seen


def test_the_table_of_choices_has_words_for_every_code():
    for kind, least in (("reject", 5), ("skip", 3), ("flag", 4), ("scale", 3)):
        assert len(choices(kind)) >= least
        for code, choice in choices(kind).items():
            assert code == choice.code and choice.words and choice.meaning

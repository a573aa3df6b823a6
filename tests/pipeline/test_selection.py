import random
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from invented import HAPPY, InventedReader, corpus, flac, utterance
from keeping import kept_in

from builders.audio.analysis import Hearing
from builders.pipeline.selection import Selection, Wanted, rank, select
from builders.pipeline.stream import Stream, survey, with_clips
from builders.pipeline.worth import WorthJudge
from builders.record.manifest import Ledger
from builders.record.types import Annotation, Dialogue, Emotions, Media, Reject, Target

PRIDE = Emotions("pride", "happiness", "positive", "medium")
SAD = Emotions("sadness", "sadness", "negative", "low")
CANDIDATES = [
    (utterance(n, text="word " * (n % 9 + 1)), (HAPPY, PRIDE, SAD)[n % 3]) for n in range(300)
]


def chosen(wanted: Wanted, candidates=CANDIDATES) -> set[str]:
    selection, count = select(wanted, candidates)
    ids = {u.id for u, emotions in candidates if selection.against(u, emotions) is None}
    assert len(ids) == count
    return ids


@pytest.mark.parametrize("name", ["limit", "max_per_emotion"])
def test_a_larger_limit_contains_the_smaller_one(name):
    sizes = [1, 2, 7, 40, 99, 100, 300, 1000]
    choices = [chosen(Wanted(**{name: size})) for size in sizes]
    assert all(smaller <= larger for smaller, larger in zip(choices, choices[1:], strict=False))
    most = 1 if name == "limit" else 3
    assert [len(ids) for ids in choices] == [min(300, most * size) for size in sizes]


def test_a_larger_limit_contains_the_smaller_one_beside_every_other_wish():
    wishes = {"emotions": frozenset({"happiness"}), "min_words": 3, "max_per_emotion": 50}
    smaller, larger = (chosen(Wanted(limit=limit, **wishes)) for limit in (20, 60))
    assert smaller < larger
    assert (len(smaller), len(larger)) == (20, 60)


@pytest.mark.parametrize("wanted", [Wanted(limit=50), Wanted(max_per_emotion=20, limit=45)])
def test_the_choice_does_not_depend_on_the_order_of_reading(wanted):
    shuffled = CANDIDATES.copy()
    random.Random(5).shuffle(shuffled)
    assert chosen(wanted) == chosen(wanted, shuffled)


def test_the_choice_is_no_run_of_neighbours():
    numbers = sorted(int(name.rsplit("-", 1)[1]) for name in chosen(Wanted(limit=30)))
    assert numbers[-1] - numbers[0] > 200


def test_the_rank_of_an_id_is_the_same_for_ever():
    assert rank("meld-dev-1-1") == 655431013256852690


def test_an_emotion_is_asked_for_by_leaf_or_by_root():
    leaf, root = chosen(Wanted(frozenset({"pride"}))), chosen(Wanted(frozenset({"happiness"})))
    assert leaf == {u.id for u, emotions in CANDIDATES if emotions is PRIDE}
    assert root == {u.id for u, emotions in CANDIDATES if emotions is not SAD}


def test_an_utterance_needs_as_many_words_as_asked_for():
    ids = chosen(Wanted(min_words=4))
    assert ids == {u.id for u, _ in CANDIDATES if len(u.text.split()) >= 4}


def test_nothing_is_chosen_where_nothing_suits():
    assert chosen(Wanted(frozenset({"disgust"}), limit=5)) == set()


@pytest.mark.parametrize(
    ("wanted", "said", "emotions", "reason"),
    [
        (Wanted(), utterance(1, targetable=False), HAPPY, "not_a_target_turn"),
        (Wanted(), utterance(1), None, "unmapped_on_purpose"),
        (Wanted(frozenset({"anger"})), utterance(1), HAPPY, "emotion"),
        (Wanted(min_words=99), utterance(1), HAPPY, "min_words"),
    ],
)
def test_what_is_not_chosen_has_its_reason(wanted, said, emotions, reason):
    assert Selection(wanted).against(said, emotions) == reason


def stream(reader: InventedReader, wanted: Wanted, folder: Path | None = None):
    """Return what a stream yields, with clips where there is a folder for what is heard of them.

    Its ledger is filled as by a build.
    """
    read, ledger = corpus(reader), Ledger()
    surveyed, hearing = survey(read, wanted), None
    with kept_in(folder) if folder else nullcontext() as kept:
        if kept:
            hearing = Hearing(reader.root, *kept)
            hearing.listen(with_clips(read, surveyed.selection), workers=2)
        items = list(Stream(read, surveyed, 8, "assistant", hearing, ledger))
    for item in items:
        if isinstance(item, Reject):
            ledger.rejected(item.split, item.reason)
        else:
            ledger.kept(item.split)
    return items, ledger


def dialogue(name: str, split: str, labels: list[str | None], **fields) -> Dialogue:
    said = [
        utterance(n, dialogue=name, label=label, text="word " * (n + 1), **fields)
        for n, label in enumerate(labels)
    ]
    return Dialogue(split, name, said)


def test_every_utterance_read_is_a_target_a_reject_or_a_count_with_its_reason():
    broken = Reject("meld-dev-3-1", "dev", "read", "broken_time", "the end is before the start")
    reader = InventedReader(
        {
            "train": [dialogue("1", "train", ["joy"] * 6 + [None])],
            "dev": [broken, dialogue("2", "dev", ["joy", "sadness", "joy", "anger"])],
        }
    )
    items, ledger = stream(reader, Wanted(frozenset({"happiness"}), min_words=2, limit=4))
    counts = ledger.by_split()
    assert sum(isinstance(item, Target) for item in items) == 4
    assert {split: counts[split]["read"] for split in counts} == {"train": 7, "dev": 5}
    assert counts["dev"]["rejected"] == {"broken_time": 1}
    passed_over = Counter(counts["train"]["not_selected"]) + Counter(counts["dev"]["not_selected"])
    assert passed_over == {"unmapped_on_purpose": 1, "emotion": 2, "min_words": 2, "limit": 2}


def test_a_clip_that_cannot_be_had_is_a_reject_and_leaves_a_turn_without_a_digest(tmp_path):
    for number in (0, 2):
        (tmp_path / f"{number}.flac").write_bytes(flac(0.3, seed=number))
    said = [utterance(n, media=Media(tmp_path / f"{n}.flac") if n != 1 else None) for n in range(3)]
    reader = InventedReader({"dev": [Dialogue("dev", "1", said)]}, tmp_path)
    (first, second, third), ledger = stream(reader, Wanted(), tmp_path / "heard")
    assert isinstance(second, Reject)
    assert (second.id, second.stage, second.reason) == ("meld-dev-1-1", "audio", "clip_missing")
    assert [t.audio_sha256 for t in third.turns] == [first.clip.sha256_pcm, None]
    assert ledger.by_split()["dev"] == {
        "read": 3,
        "kept": 2,
        "rejected": {"clip_missing": 1},
        "held": {},
        "not_selected": {},
    }


UNSETTLED = Emotions("ambiguous", "unknown", "unknown", "unknown")


def rated(number: int, agreement: float | None):
    said = Annotation(agreement=agreement) if number % 2 else None
    return utterance(number, text="so it goes", annotation=said), HAPPY


def test_no_target_has_an_excluded_emotion_by_leaf_or_by_root():
    leaf = chosen(Wanted(exclude_emotions=frozenset({"pride"})))
    root = chosen(Wanted(exclude_emotions=frozenset({"happiness"})))
    assert leaf == {u.id for u, emotions in CANDIDATES if emotions is not PRIDE}
    assert root == {u.id for u, emotions in CANDIDATES if emotions is SAD}


def test_balanced_targets_are_as_many_of_each_coarse_label_as_the_rarest_has():
    uneven = CANDIDATES + [(utterance(1000 + n), UNSETTLED) for n in range(3)]
    by_id = {u.id: emotions.root for u, emotions in uneven}
    taken = Counter(by_id[name] for name in chosen(Wanted(balance=True), uneven))
    # What is not settled is no emotion to be balanced with.
    assert taken == {"happiness": 100, "sadness": 100, "unknown": 3}


def test_balance_and_limits_go_together():
    assert len(chosen(Wanted(balance=True, max_per_emotion=30))) == 60
    smaller, larger = (chosen(Wanted(balance=True, limit=limit)) for limit in (20, 60))
    assert smaller < larger and len(smaller) == 20


def test_nothing_is_balanced_where_nothing_suits():
    assert chosen(Wanted(frozenset({"disgust"}), balance=True)) == set()


@pytest.mark.parametrize(
    ("known", "expected"), [(False, {"0", "1", "2", "4", "5"}), (True, {"1", "5"})]
)
def test_too_few_raters_for_the_label_leave_a_target_out(known, expected):
    shares = [0.1, 0.9, 0.9, 0.2, None, 0.6, None, None]
    candidates = [rated(number, share) for number, share in enumerate(shares[:6])]
    ids = chosen(Wanted(min_agreement=0.5, known_agreement=known), candidates)
    assert {name.rsplit("-", 1)[1] for name in ids} == expected


def test_what_raters_did_not_settle_is_left_out_where_that_is_asked_for():
    candidates = [(utterance(1), UNSETTLED), (utterance(2), SAD)]
    assert len(chosen(Wanted(ambiguous=False), candidates)) == 1
    assert len(chosen(Wanted(), candidates)) == 2


# Worth a reply

SPOKEN = [
    ("Ann", "Hello there!"),
    ("Bo", "My cat ran away last night."),
    ("Ann", "The grey one or the white one?"),
    ("Bo", "Yeah."),
    ("Ann", "The chairs are in the shed."),
]


def spoken_corpus(worth: WorthJudge | None):
    said = [replace(utterance(n), speaker=who, text=text) for n, (who, text) in enumerate(SPOKEN)]
    return replace(corpus(InventedReader({"dev": [Dialogue("dev", "1", said)]})), worth=worth)


def test_what_is_not_worth_a_reply_is_counted_by_its_reason():
    read, ledger = spoken_corpus(WorthJudge("en", False, True)), Ledger()
    items = [*Stream(read, survey(read, Wanted()), 8, "assistant", None, ledger)]
    assert [item.utterance.text for item in items] == [SPOKEN[1][1], SPOKEN[3][1]]
    for item in items:
        ledger.kept(item.split)
    assert ledger.by_split()["dev"]["not_selected"] == {
        "no_feeling_or_event": 2,
        "only_a_greeting": 1,
    }
    assert survey(read, Wanted()).chosen == 2
    # Turns that were not said before the utterance carry nothing for it.
    apart = spoken_corpus(WorthJudge("en", False, connected=False))
    assert survey(apart, Wanted()).chosen == 1
    assert survey(spoken_corpus(None), Wanted()).chosen == 5


def test_limits_count_those_that_are_worth_a_reply():
    read = spoken_corpus(WorthJudge("en", False, True))
    taken = survey(read, Wanted(limit=1))
    assert taken.chosen == 1
    assert len([*Stream(read, taken, 8, "assistant", None, Ledger())]) == 1

"""Pairs that no person made: contrast, planted faults, judges; and what their words alone tell."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from builds import hearten, one_line_error
from deciding import decide
from exporting import Row, changed, lines, reviewed, small_build
from minimal_pairs import LABELS, REPLIES, TITLES, matched, member

import builders.release.export
from builders import resources
from builders.errors import ConfigError, LabelError, UsageError
from builders.evaluation.decoys import DecoySet
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.replies import Replies, language_of
from builders.evaluation.scales import kinds_of
from builders.evaluation.scoring import BETTER, PAIRS, version_of
from builders.record.dataset import Build
from builders.release.eligibility import restrictions
from builders.release.export.options import Options, make_options
from builders.release.pairs import made_pairs
from builders.release.pairs.bag_of_words import MOST, MOST_PAIRS, WordsAlone, said_of
from builders.release.pairs.contrast import contrast_pairs
from builders.release.pairs.judged import judged_pairs
from builders.release.pairs.planted import planted_pairs
from builders.release.pairs.planting import (
    PlantedEdit,
    changed_words,
    edited,
    is_minimal,
    load_edits,
    load_kinds,
)
from builders.release.pairs.reply_pair import ReplyPair
from builders.review.data.events import Decision
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue


def contrast(folder: Path) -> tuple[list[ReplyPair], Counter[str]]:
    build = Build(folder)
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        return contrast_pairs(build, store, restrictions(build.shards()))


def planted(folder: Path) -> tuple[list[ReplyPair], Counter[str]]:
    build = Build(folder)
    return planted_pairs(build, restrictions(build.shards()))


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A build with two groups: of three voices, and of two."""
    rows = [member(n, 1, root) for n, root in enumerate(LABELS)]
    rows += [member(n, 2, root) for n, root in enumerate(("sadness", "happiness"))]
    return small_build(tmp_path / "trial", rows)


# Contrast


def test_each_reply_of_a_minimal_pair_is_as_often_chosen_as_rejected(three):
    matched(three)
    found, without = contrast(three)
    assert len(found) == 2 * (3 + 1) and not without
    assert Counter(p.chosen for p in found) == Counter(p.rejected for p in found)
    assert all(p.chosen != p.rejected and p.by == "a-judge" for p in found)
    kept = {row["id"]: row["desired_response"]["text"] for row in Build(three).rows()}
    assert all(p.chosen == kept[p.id] and p.rejected == kept[p.beside or ""] for p in found)


@pytest.mark.parametrize("verdict", ["wrong", "flipped", "cannot_tell", "refused"])
def test_only_pairs_that_a_judge_matched_in_both_orders(three, verdict):
    matched(three, verdict)
    found, without = contrast(three)
    assert not found
    assert without == {"not_matched_in_both_orders_by_the_judge": 4}


@pytest.mark.parametrize("fit", [False, None])
def test_a_judge_that_is_not_fit_makes_no_pair(three, fit):
    matched(three, fit=fit)
    assert contrast(three) == ([], {"judged_by_no_fit_judge": 4})
    matched(three, model="another-judge")
    matched(three, "flipped", "a-third-judge", fit=fit)
    assert len(contrast(three)[0]) == 8, "the last fit judge decides"


def test_the_last_judge_decides(three):
    matched(three)
    matched(three, "flipped", "another-judge", group="g1")
    assert {p.id.split("-")[2] for p in contrast(three)[0]} == {"2"}


@pytest.mark.parametrize("agreement", [0.59, None])
def test_both_clips_need_the_agreement_of_those_who_heard_them(tmp_path, agreement):
    rows = [member(0, 1, "happiness"), member(1, 1, "sadness", agreement)]
    folder = small_build(tmp_path / "trial", rows)
    matched(folder)
    assert contrast(folder) == ([], {"of_low_or_unknown_agreement": 1})


def test_reviewers_who_hear_something_else_count_too(tmp_path):
    rows = [member(0, 1, "happiness"), reviewed(member(1, 1, "sadness"), "accepted", "happiness")]
    folder = small_build(tmp_path / "trial", rows)
    matched(folder)
    assert contrast(folder) == ([], {"of_low_or_unknown_agreement": 1})


def test_a_reply_that_also_answers_a_clip_heard_alike_makes_no_pair(tmp_path):
    rows = [
        member(0, 1, "happiness", reply="Tell me all about it."),
        member(1, 1, "sadness", reply="I'm here with you, Ada."),
        member(2, 1, "sadness", reply="Tell me all about it."),
    ]
    folder = small_build(tmp_path / "trial", rows)
    matched(folder)
    assert contrast(folder) == ([], {"same_replies": 1, "reply_fits_both": 1})


def test_a_crisis_a_rejected_reply_and_an_excluded_person_are_in_no_pair(tmp_path):
    route = {"route": "crisis", "codes": [], "by": "a test", "pii": {"text": None, "sound": None}}
    rows = [
        member(0, 1, "happiness"),
        member(1, 1, "sadness", safety=route),
        member(0, 2, "happiness"),
        reviewed(member(1, 2, "sadness"), "rejected"),
        member(0, 3, "happiness"),
        member(1, 3, "sadness"),
    ]
    folder = small_build(tmp_path / "trial", rows)
    matched(folder)
    build, address = Build(folder), str(folder.parent / "hearten.sqlite")
    known = restrictions(build.shards(), lambda name: name == "meld-train-3-0")
    made = made_pairs(build, address, known, ("contrast", "planted"), print)
    assert all(pair.source == "planted" for found in made.pairs.values() for pair in found)
    assert made.pairs.keys().isdisjoint({"meld-train-1-1", "meld-train-2-1", "meld-train-3-0"})


# Planted


def test_an_edit_is_minimal_by_its_words_and_its_length():
    kept = "That sounds hard, and I am here with you now."
    assert is_minimal(kept, "That sounds lovely, and I am here with you now.")
    assert not is_minimal(kept, kept)
    assert not is_minimal(kept, "That sounds lovely, so stop it and go away now.")
    assert not is_minimal(kept, f"{kept} And so on and on.")
    assert not is_minimal("I hear you.", "I hear nothing.")
    assert not is_minimal("", "Go away.")
    assert changed_words("a b c d".split(), "a x c".split()) == 2


@pytest.mark.parametrize(
    ("find", "put", "text", "made"),
    [
        (
            "hard",
            "lovely",
            "That is hard. Hard!",
            ["That is lovely. Hard!", "That is hard. Lovely!"],
        ),
        ("hard", "lovely", "That is harder.", []),
        ("$", ", so what", "I hear you.", ["I hear you, so what."]),
        ("", "go away", "I see. Take it slow.", ["Go away. Take it slow.", "I see. Go away."]),
        (
            "",
            "go away",
            "It hurts, and I see it.",
            ["Go away, and I see it.", "It hurts, and go away."],
        ),
        ("", "go away", "If it hurts, tell me.", []),
        ("", "go away", "Is it bad?", ["Go away."]),
        ("", "who asked?", "I see, go on.", ["I see, who asked?"]),
    ],
)
def test_an_edit_leaves_a_sentence_a_sentence(find, put, text, made):
    assert list(edited(text, PlantedEdit("hostile", frozenset({"any"}), find, put, ""))) == made


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of many replies to three emotions."""
    rows = [
        member(number, group, root, reply=f"{REPLIES[root].format(TITLES[group])} Take it slow.")
        for group in range(8)
        for number, root in enumerate(LABELS)
    ]
    return small_build(tmp_path_factory.mktemp("planted") / "trial", rows)


def test_each_planted_fault_is_a_minimal_edit_of_a_known_kind(many):
    found, without = planted(many)
    assert len(found) == 24 - without.total() > 12
    assert all(is_minimal(pair.chosen, pair.rejected) for pair in found)
    kinds = {kind.name for kind in load_kinds()}
    assert {pair.kind for pair in found} <= kinds - {"agrees_with_self_blame"}
    assert len({pair.kind for pair in found}) > 2
    assert planted(many)[0] == found


def test_agreeing_with_a_self_blame_is_planted_only_where_a_reviewer_marked_one(tmp_path):
    rows = [
        reviewed(
            member(n, n, "sadness", reply="You did your best that day, and I see it, Bo."),
            "accepted",
        )
        for n in range(30)
    ]
    for sample, _ in rows[:15]:
        sample["review"]["flags"] = ["self_blame"]
    found, _ = planted(small_build(tmp_path / "trial", rows))
    agreeing = {pair.id for pair in found if pair.kind == "agrees_with_self_blame"}
    assert agreeing and agreeing <= {sample["id"] for sample, _ in rows[:15]}


def test_a_fault_is_none_if_the_label_allows_what_it_puts(many):
    roots = {row["id"]: row["target_utterance"]["emotions"]["root"] for row in Build(many).rows()}
    edits = [edit for edit in load_edits("en") if edit.kind == "wrong_emotion"]
    for pair in planted(many)[0]:
        if pair.kind == "wrong_emotion":
            means = {edit.means for edit in edits if pair.rejected in edited(pair.chosen, edit)}
            assert means and means != {roots[pair.id]}


def test_the_kept_reply_of_another_sample_is_never_the_bad_one(tmp_path, monkeypatch):
    only = (PlantedEdit("hostile", frozenset({"any"}), "here", "gone", ""),)
    monkeypatch.setattr("builders.release.pairs.planted.load_edits", lambda _language: only)
    rows = [
        member(0, 1, "sadness", reply="All right, I am here with you."),
        member(1, 1, "sadness", reply="All right, I am gone with you!"),
        member(2, 1, "sadness", reply="Well, I am here all of the day."),
    ]
    found, without = planted(small_build(tmp_path / "trial", rows))
    assert [pair.id for pair in found] == ["meld-train-1-2"]
    assert without == {"without_a_minimal_edit": 2}


def test_no_fault_is_planted_in_a_language_without_edits(tmp_path):
    folder = small_build(tmp_path / "trial", [changed(member(0, 1, "sadness"), language="de")])
    assert planted(folder) == ([], {"in_a_language_without_edits": 1})


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        ("en/hostile.tsv", "gladness\t\tgo away\t", "for is 'gladness'"),
        ("en/wrong_emotion.tsv", "any\t\tgo away\tcheer", "means is 'cheer'"),
        ("en/wrong_strategy.tsv", "any\t\tgo away\t", "means is ''"),
        ("_kinds.tsv", "cold\t\tno_flag\tIt is cold.", "mark is 'no_flag'"),
    ],
)
def test_a_wrong_cell_of_the_tables_is_named(tmp_path, monkeypatch, table, row, words):
    import shutil

    shutil.copytree(resources.label_maps(), tmp_path / "label_maps")
    path = tmp_path / "label_maps" / "preference" / table
    path.write_text(path.read_text("utf-8") + row + "\n", "utf-8")
    monkeypatch.setattr(resources, "label_maps", lambda: tmp_path / "label_maps")
    load_edits.cache_clear()
    load_kinds.cache_clear()
    with pytest.raises(LabelError) as caught:
        load_edits("en")
    assert words in str(caught.value) and path.name in str(caught.value)
    load_edits.cache_clear()
    load_kinds.cache_clear()


# Words alone


def test_words_alone_find_a_style_and_nothing_in_contrast(many):
    matched(many)
    found = contrast(many)[0]
    seen = WordsAlone()
    for pair in found:
        seen.add("contrast", pair.chosen, pair.rejected, pair.id[:12], (pair.beside or "")[:12])
    for number in range(40):
        kept = f"I hear that from {TITLES[number % 8]} today."
        seen.add("styled", kept, f"{kept} Whatever!", str(number))
    contrasted, styled = seen.told()
    assert (contrasted["pairs"], contrasted["accuracy"]) == (len(found), 0.5)
    assert styled["accuracy"] == 1.0
    assert "a style to spot" in said_of(styled) and "style" not in said_of(contrasted)
    assert contrasted["accuracy"] <= MOST


def test_what_shares_a_dialogue_is_held_out_together():
    seen = WordsAlone()
    for number in range(40):
        # Learnt by heart it is told; by words it is not, since no two dialogues share any.
        seen.add("judge", f"good{number} word{number}", f"bad{number}", str(number // 4))
    (told,) = seen.told()
    assert (told["groups"], told["accuracy"]) == (10, 0.5)


def test_of_few_pairs_nothing_is_said():
    seen = WordsAlone()
    for number in range(19):
        seen.add("edit", "Good.", "Bad.", str(number))
    (told,) = seen.told()
    assert told["accuracy"] is None and "too few pairs" in said_of(told)


def test_many_pairs_are_sampled_by_whole_groups():
    seen = WordsAlone()
    for number in range(2 * MOST_PAIRS + 7):
        seen.add("edit", "Good.", "Bad.", str(number // 3))
    (told,) = seen.told()
    assert told["pairs"] == 2 * MOST_PAIRS + 7
    assert told["accuracy"] == 1.0 and told["groups"] <= MOST_PAIRS


# Exports


def exported(build: Path, to: Path, *sources: str, format: str = "trl", **options):
    asked = Options(format, "dpo", pairs_from=sources, **options)
    return builders.release.export.export(build, to, asked)


def test_several_sources_lie_apart_and_each_row_says_where_it_comes_from(many, tmp_path):
    matched(many)
    decide(many, {"meld-train-0-0": Decision("edit", reply=_edit(many, "meld-train-0-0"))})
    done = exported(many, tmp_path / "out", "people", "contrast", "planted")
    people, contrasted, faulty = (
        lines(tmp_path / "out" / f"train.{name}.jsonl")
        for name in ("people", "contrast", "planted")
    )
    assert [(row["origin"], row["kind"]) for row in people] == [("edit", "edit")]
    assert {(row["origin"], row["kind"], row["by"]) for row in contrasted} == {
        ("contrast", "another_voice", "a-judge")
    }
    assert {row["origin"] for row in faulty} == {"planted"}
    assert {told["origin"] for told in done.words_alone} == {"edit", "contrast", "planted"}
    assert "train.people.jsonl" in (tmp_path / "out" / "README.md").read_text()


def _edit(folder: Path, item: str) -> dict:
    reply = next(row for row in Build(folder).rows() if row["id"] == item)["desired_response"]
    names = ("emotion", "strategies", "awareness")
    return {**{name: reply[name] for name in names}, "text": "I am with you, all evening long."}


def test_a_contrast_pair_goes_out_with_both_halves_or_not_at_all(tmp_path):
    rows = [member(0, 1, "happiness"), member(1, 1, "sadness")]
    rows += [
        member(0, 2, "happiness"),
        changed(member(1, 2, "sadness"), audio_info={"samples": 640_000}),
    ]
    folder = small_build(tmp_path / "trial", rows)
    matched(folder)
    exported(folder, tmp_path / "out", "contrast", format="ms-swift", profile="qwen2-audio")
    assert {row["id"] for row in lines(tmp_path / "out" / "train.jsonl")} == {
        "meld-train-1-0",
        "meld-train-1-1",
    }


def test_pairs_need_dpo_and_a_source_that_has_some(three, tmp_path):
    with pytest.raises(UsageError, match="--task dpo"):
        make_options(format="trl", task="sft", pairs_from=["contrast"])
    matched(three, "flipped")
    with pytest.raises(ConfigError, match="matched in both orders"):
        exported(three, tmp_path / "out", "contrast")


def test_the_command_prints_what_words_alone_tell(three, tmp_path):
    matched(three)
    to = ("--format", "trl", "--task", "dpo", "--to", tmp_path / "out")
    ended = hearten("export", three, *to, "--pairs-from", "contrast", "--pairs-from", "planted")
    assert ended.code == 0, ended.err
    assert "contrast: too few pairs to say what words alone tell" in ended.out
    wrong = hearten("export", three, *to, "--pairs-from", "judge")
    assert "no judge that is fit" in one_line_error(wrong)


def test_an_unknown_source_is_named(three, tmp_path):
    to = ("--format", "trl", "--task", "dpo", "--to", tmp_path / "out")
    wrong = hearten("export", three, *to, "--pairs-from", "robots")
    assert wrong.code == 2
    assert "expected one of people, judge, contrast, planted" in one_line_error(wrong)


# Judges


def with_drafts(number: int, other: str, key: str) -> Row:
    row = member(0, number, "sadness")
    reply = {**row[0]["desired_response"], "text": other}
    reply = {name: reply[name] for name in ("text", "emotion", "strategies", "awareness")}
    draft = {
        **{"model": "m", "draft": 2, "seed": 1, "request_key": key * 64, "prompt_version": "1"},
        **{"attempts": 1, "reason": None, "reply": reply, "checks": []},
    }
    return changed(row, drafting={"candidates": [draft]})


def preferred(folder: Path, margins: dict[str, float | None], model: str, fit: bool | None) -> None:
    """Store what a judge says of drafts, by request key, and what it was measured to be."""
    build, version = Build(folder), version_of(PAIRS, BETTER)
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        judgements = [
            Judgement(
                shown.seen(), shown.id, key, PAIRS, BETTER, margins[key[0]], "reply", model, version
            )
            for shown, _, key in Replies(build).drafts()
        ]
        Judgements(store).append(judgements)
        if fit is None:
            return
        decoys = DecoySet(language_of(build))
        told = {kind.name: [[n, fit] for n in range(200)] for kind in kinds_of(BETTER)}
        values = KeyValue(store)
        values.put("fitness", decoys.key(model, BETTER), Kept(orjson.dumps(told)))
        values.close()


def judged(folder: Path) -> tuple[list[ReplyPair], Counter[str]]:
    build = Build(folder)
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        return judged_pairs(build, store, restrictions(build.shards()))


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    """A build of three targets with two drafts each."""
    texts = {"a": "Cheer up, Bo.", "b": "I hear you, Cleo.", "c": "It is what it is, Dan."}
    rows = [with_drafts(n, text, key) for n, (key, text) in enumerate(texts.items(), start=1)]
    return small_build(tmp_path / "trial", rows)


def test_a_fit_judge_makes_a_pair_of_drafts_two_points_apart_in_both_orders(drafts):
    preferred(drafts, {"a": 2.0, "b": -3.0, "c": 1.0}, "a-judge", fit=True)
    found, without = judged(drafts)
    assert [(pair.chosen, pair.rejected, pair.by) for pair in found] == [
        (REPLIES["sadness"].format("Bo"), "Cheer up, Bo.", "a-judge"),
        ("I hear you, Cleo.", REPLIES["sadness"].format("Cleo"), "a-judge"),
    ]
    assert without == {"less_than_two_points_apart_in_an_order": 1}


@pytest.mark.parametrize("fit", [False, None])
def test_an_unfit_judge_and_one_that_was_not_measured_make_none(drafts, fit):
    preferred(drafts, {"a": 5.0, "b": -5.0, "c": 9.0}, "a-judge", fit)
    assert judged(drafts) == ([], {"judged_by_no_fit_judge": 3})
    preferred(drafts, {"a": -2.0, "b": -2.0, "c": None}, "another", fit=True)
    assert {pair.by for pair in judged(drafts)[0]} == {"another"}
    assert len(judged(drafts)[0]) == 2


def test_a_draft_that_was_kept_or_accepted_elsewhere_is_not_the_worse_one(tmp_path):
    rows = [with_drafts(1, REPLIES["sadness"].format("Cleo"), "a"), member(0, 2, "sadness")]
    rows += [reviewed(with_drafts(3, "I hear you, Dan.", "b"), "accepted")]
    folder = small_build(tmp_path / "trial", rows)
    preferred(folder, {"a": 5.0, "b": -5.0}, "a-judge", fit=True)
    assert judged(folder) == ([], {"of_replies_kept_elsewhere_or_alike": 2})

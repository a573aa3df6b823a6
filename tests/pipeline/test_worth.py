"""Builds whose targets must be worth a reply: the default, the options, what was begun before."""

from __future__ import annotations

from collections import Counter

import pytest
from builds import hearten, manifest, one_line_error, samples
from endpoints import TestEndpoint

from builders import resources
from builders.pipeline.run import build_dataset

MELD = resources.corpora() / "meld" / "sample"
# The tests' own setting of it is taken back.
UNSET = {"HEARTEN_REPLY_WORTHY": ""}


def build(folder, *more, corpus="meld", **env):
    source = resources.corpora() / corpus / "sample"
    return hearten(
        *("build", "--corpus", corpus, "--source", source, "--text-only", "--output", folder),
        *more,
        **(UNSET | env),
    )


def not_selected(folder) -> Counter:
    found: Counter[str] = Counter()
    for counts in manifest(folder)["result"]["splits"].values():
        found.update(counts["not_selected"])
    return found


REASONS = {"no_feeling_or_event", "only_a_greeting", "only_a_backchannel", "under_four_words"}


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """Build the corpus as it is built where nothing is said of it."""
    folder = tmp_path_factory.mktemp("worth")
    ended = build(folder)
    assert ended.code == 0, ended.err
    return folder, ended


def test_an_assistant_replies_to_what_is_worth_it_and_the_others_are_counted(default):
    folder, ended = default
    left = not_selected(folder / "meld")
    assert left and left.keys() <= REASONS
    told = next(line for line in ended.out.splitlines() if line.startswith("  not selected: "))
    assert all(f"{count} {reason}" in told for reason, count in left.items())
    counts = manifest(folder / "meld")["result"]["counts"]
    assert counts["not_selected"] == left.total() and counts["kept"] > 0
    page = (folder / "meld" / "report.html").read_text()
    assert all(reason in page or reason.replace("_", " ") in page for reason in left)
    assert manifest(folder / "meld")["result"]["config"]["reply_worthy"] is True


@pytest.mark.parametrize("more", [("--no-reply-worthy",), ("--persona", "addressee")])
def test_it_can_be_switched_off_and_is_off_where_people_answer_each_other(tmp_path, more):
    assert build(tmp_path, *more).code == 0
    assert not not_selected(tmp_path / "meld")
    assert "reply_worthy" not in manifest(tmp_path / "meld")["result"]["config"]


def test_a_sample_shows_all_it_has_unless_asked(tmp_path):
    sample = ("build", "--corpus", "meld", "--sample", "--text-only", "--output", tmp_path)
    assert hearten(*sample, **UNSET).code == 0
    assert not not_selected(tmp_path / "meld-sample")
    assert hearten(*sample, "--name", "worth", "--reply-worthy", **UNSET).code == 0
    assert not_selected(tmp_path / "worth")


def test_a_build_that_was_begun_with_all_targets_goes_on_with_all(tmp_path):
    assert build(tmp_path, "--no-reply-worthy", "--limit", 5).code == 0
    again = build(tmp_path, "--limit", 8)
    assert again.code == 0, again.err
    assert len(samples(tmp_path / "meld")) == 8
    assert not_selected(tmp_path / "meld").keys() == {"limit"}
    refused = build(tmp_path, "--reply-worthy", "--limit", 8)
    assert refused.code == 1 and "reply_worthy" in one_line_error(refused)


def test_members_of_a_minimal_pair_are_never_left_out(tmp_path):
    assert build(tmp_path, corpus="crema_d").code == 0
    folder = tmp_path / "crema_d"
    left = not_selected(folder)
    assert left.keys() <= {"no_feeling_by_label"}
    whole = build(tmp_path, "--no-reply-worthy", "--name", "whole", corpus="crema_d")
    assert whole.code == 0
    every = {record["id"]: record for record in samples(tmp_path / "whole")}
    gone = every.keys() - {record["id"] for record in samples(folder)}
    assert len(gone) == left.total()
    assert all(every[name]["contrast"]["group"] is None for name in gone)
    neutral = [r for r in samples(folder) if r["target_utterance"]["emotions"]["root"] == "neutral"]
    assert neutral and all(record["contrast"]["group"] for record in neutral)


def test_from_python_it_is_as_on_the_command_line(tmp_path, default):
    made = build_dataset("meld", source=MELD, text_only=True, output=tmp_path)
    assert made.manifest["result"]["counts"] == manifest(default[0] / "meld")["result"]["counts"]
    every = build_dataset("meld", sample=True, text_only=True, output=tmp_path)
    assert every.manifest["result"]["counts"]["not_selected"] == 0


# Balanced over what is planned


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Build a sample with replies that are planned, balanced over the first strategy."""
    folder = tmp_path_factory.mktemp("balanced")
    with TestEndpoint(any_model=True) as endpoint:
        told = ("build", "--corpus", "meld", "--sample", "--text-only", "--output", folder)
        model = ("--model", "m", "--base-url", endpoint.base_url, "--plan", "hash")
        for name, more in (("all", ()), ("even", ("--balance", "strategy"))):
            ended = hearten(*told, *model, *more, "--name", name, "--show", 0)
            assert ended.code == 0, ended.err
    return folder


def first_planned(folder) -> Counter:
    return Counter(record["plan"]["strategies"][0] for record in samples(folder))


def test_planned_strategies_are_balanced_by_what_the_build_then_plans(planned):
    every, even = first_planned(planned / "all"), first_planned(planned / "even")
    least = min(every.values())
    assert max(every.values()) > least
    assert even == dict.fromkeys(every, least)
    assert not_selected(planned / "even") == {"balance": every.total() - even.total()}
    taken = {record["id"] for record in samples(planned / "even")}
    assert taken < {record["id"] for record in samples(planned / "all")}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--balance", "strategy"), "name a --model and add --plan hash"),
        (("--balance", "tone"), "expected one of emotion, strategy"),
        (("--exclude-emotion", "angr"), "there is no emotion 'angr'; did you mean anger"),
        (("--emotion", "joy", "--exclude-emotion", "happiness"), "happiness is given with --emoti"),
        (("--min-agreement", "1.5"), "--min-agreement is '1.5'; expected a number from 0 to 1"),
        (("--min-agreement", "nan"), "--min-agreement is 'nan'; expected a number from 0 to 1"),
        (("--known-agreement",), "--known-agreement is given without --min-agreement"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path, more, message):
    ended = build(tmp_path, *more)
    assert ended.code in (1, 2) and message in one_line_error(ended)
    assert not (tmp_path / "meld").exists()


def test_a_corpus_that_knows_no_agreement_keeps_all_or_says_why_it_keeps_none(tmp_path):
    assert build(tmp_path, "--no-reply-worthy", "--min-agreement", 0.7).code == 0
    assert not not_selected(tmp_path / "meld")
    known = ("--min-agreement", 0.7, "--known-agreement", "--name", "known")
    ended = build(tmp_path, "--no-reply-worthy", *known)
    assert ended.code == 1
    assert "(not selected: 31 no_agreement)" in one_line_error(ended)

"""What replies really do: found by cues or by a model, asked for again once, and published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from builds import hearten, manifest, one_line_error, samples
from endpoints import TestEndpoint
from invented import ORIGIN, SAD, target, utterance

from builders.errors import LabelError
from builders.labels.strategies import strategies
from builders.labels.strategy_groups import alike, groups, read_groups
from builders.llm.request import key
from builders.llm.settings import Sampling
from builders.llm.task import Accepted
from builders.record.planned_reply import PlannedReply
from builders.record.sample import assemble
from builders.record.types import Target
from builders.report.confusions import NOT_SEEN, asked_of, confusions, executed_of, pairs
from builders.store.database import Answer
from builders.tasks.reply.draft import Draft, Drafter, drafted
from builders.tasks.reply.executing import CueTagger, HiddenNames, ModelTagger

CUES = CueTagger()
MEETS = "Of course that hurts; it mattered to you."
ASKS = "What has stayed with you since then?"
VAGUE = "The kettle is on, and the blue cups are out."


def planned(*names: str, words: tuple[int, int] = (4, 48)) -> Target:
    """Return a target with a plan, and nothing that a check of facts could find missing."""
    made = target(1, SAD)
    made.plan = PlannedReply(names, words, ("neutral", "sadness"), "model")
    return made


def answered(text: str, *names: str, emotion: str = "neutral") -> Answer:
    """Return a model's answer with a reply that claims to follow these strategies."""
    awareness = {"act": "acknowledges", "emotions": ["sadness"]}
    reply = {"text": text, "emotion": emotion, "strategies": names, "awareness": awareness}
    return said(reply)


def said(document: dict[str, Any]) -> Answer:
    """Return an answer that is this object."""
    return Answer("ok", orjson.dumps(document).decode(), 1, 1, 0.0)


class Asked:
    """Steps about one target, with the requests that they make."""

    def __init__(self, subject: Target, tagger: CueTagger | ModelTagger | None = CUES) -> None:
        drafter = Drafter("m", "assistant", "voice", Sampling(), tagger=tagger)
        first = drafter.first_request(subject)
        self._steps = drafter.steps(subject, first)
        self.requests = [next(self._steps)]

    def answer(self, *answers: Answer) -> Draft:
        """Give the answers one after the other; return the draft that the last one brings."""
        for number, one in enumerate(answers):
            try:
                self.requests.append(self._steps.send(one))
            except StopIteration as ended:
                assert number == len(answers) - 1
                assert isinstance(ended.value, Draft)
                return ended.value
        raise AssertionError("the steps go on")

    @property
    def last(self) -> str:
        """Return the last thing that was asked."""
        return self.requests[-1].messages[-1]["content"]


def test_a_reply_that_does_as_planned_is_taken_at_once() -> None:
    draft = Asked(planned("validation")).answer(answered(MEETS, "validation"))
    assert draft.reply["strategies"] == ["validation"]
    assert draft.executed
    assert draft.executed["adherence"] == 1
    spans = draft.executed["strategies"]
    assert [MEETS[one["start"] : one["end"]] for one in spans] == [MEETS]
    assert draft.executed["by"].startswith("cues en+")


def test_another_strategy_is_said_once_and_what_is_done_is_published() -> None:
    asked = Asked(planned("mindful_presence"))
    draft = asked.answer(
        answered(MEETS, "mindful_presence"), answered(f"Yes. {MEETS}", "mindful_presence")
    )
    assert len(asked.requests) == 2
    assert "text: it does validation, and was to do mindful_presence" in asked.last
    assert draft.reply["strategies"] == ["validation"]
    assert draft.coercions[-1] == {
        "field": "strategies",
        "from": "mindful_presence",
        "to": "validation",
    }
    assert draft.executed
    assert draft.executed["adherence"] == 0
    assert [note.code for note in draft.notes] == ["strategies_differ"]


def test_a_correction_that_does_as_planned_is_taken() -> None:
    asked = Asked(planned("open_ended_questioning"))
    draft = asked.answer(
        answered(MEETS, "open_ended_questioning"), answered(ASKS, "open_ended_questioning")
    )
    assert draft.reply["text"] == ASKS
    assert not draft.notes


def test_a_worse_correction_leaves_the_first_reply() -> None:
    asked = Asked(planned("open_ended_questioning"))
    draft = asked.answer(answered(MEETS, "open_ended_questioning"), said({"text": "no"}))
    assert draft.reply["text"] == MEETS
    assert draft.request == asked.requests[0]


def test_the_key_in_the_record_is_that_of_the_reply() -> None:
    asked = Asked(planned("open_ended_questioning"))
    draft = asked.answer(answered(MEETS, "open_ended_questioning"), said({"text": "no"}))
    kept = drafted(Accepted(draft, "f" * 64, 2))
    assert kept.request_key == key(asked.requests[0])


def test_what_cannot_be_told_is_no_reason_to_ask_and_never_counts_as_done() -> None:
    draft = Asked(planned("validation")).answer(answered(VAGUE, "validation"))
    assert draft.executed == {"strategies": [], "by": CUES.version, "adherence": 0}
    assert draft.reply["strategies"] == ["validation"]
    assert [note.code for note in draft.notes] == ["strategies_not_seen"]


def test_of_two_strategies_only_the_one_that_is_seen_is_published() -> None:
    both = ("mindful_presence", "open_ended_questioning")
    draft = Asked(planned(*both)).answer(answered(f"{VAGUE} {ASKS}", *both))
    assert draft.reply["strategies"] == ["open_ended_questioning"]
    assert draft.executed
    assert draft.executed["adherence"] == 0.5


def test_one_more_than_asked_is_published_without_asking_again() -> None:
    draft = Asked(planned("open_ended_questioning")).answer(
        answered(f"{MEETS} {ASKS}", "open_ended_questioning")
    )
    assert draft.reply["strategies"] == ["validation", "open_ended_questioning"]
    assert draft.executed
    assert draft.executed["adherence"] == 1
    assert not draft.notes


def test_a_strategy_that_is_easily_confused_is_published_without_asking_again() -> None:
    draft = Asked(planned("normalization")).answer(answered(MEETS, "normalization"))
    assert draft.reply["strategies"] == ["validation"]
    assert not draft.notes


def test_an_answer_that_names_other_strategies_than_planned_is_asked_for_again() -> None:
    asked = Asked(planned("open_ended_questioning"))
    asked.answer(
        answered(VAGUE, "mindful_presence", emotion="sadness"),
        answered(ASKS, "open_ended_questioning"),
    )
    assert "strategies: name open_ended_questioning and no other" in asked.last


def test_emotion_and_length_outside_the_plan_are_notes() -> None:
    subject = planned("validation", words=(31, 48))
    subject.plan = PlannedReply(("validation",), (31, 48), ("sadness",), "model")
    draft = Asked(subject).answer(answered(MEETS, "validation"))
    assert [note.code for note in draft.notes] == ["emotion_off_plan", "length_off_plan"]


def test_the_schema_of_a_planned_reply_has_the_plan_alone() -> None:
    subject = planned("validation", "open_ended_questioning")
    properties = Asked(subject).requests[0].schema.document["properties"]
    assert properties["strategies"]["items"]["enum"] == ["validation", "open_ended_questioning"]
    assert properties["emotion"]["enum"] == ["neutral", "sadness"]


def test_without_a_plan_the_prompt_and_its_key_are_what_they_were() -> None:
    plain = Drafter("m", "assistant", "voice", Sampling())
    tagged = Drafter("m", "assistant", "voice", Sampling(), tagger=CUES)
    assert plain.first_request(target(1, SAD)) == tagged.first_request(target(1, SAD))
    assert "What this reply does" not in str(plain.first_request(target(1, SAD)).messages)


def test_a_model_tags_blind_to_the_plan_and_places_the_words() -> None:
    tagger = ModelTagger("t", 100)
    asked = Asked(planned("open_ended_questioning"), tagger)
    acts = [
        {"strategy": "validation", "words": "of course that hurts"},
        {"strategy": "open_ended_questioning", "words": ASKS},
    ]
    text = MEETS
    draft = asked.answer(
        answered(text, "open_ended_questioning"),
        said({"acts": acts[:1]}),
        answered(ASKS, "open_ended_questioning"),
        said({"acts": acts[1:]}),
    )
    question = asked.requests[1]
    assert question.model == "t"
    assert MEETS in question.messages[0]["content"]
    assert "was to do" not in question.messages[0]["content"]
    assert "it does validation, and was to do open_ended_questioning" in str(
        asked.requests[2].messages
    )
    assert draft.beside == 2
    assert draft.executed == {
        "strategies": [{"strategy": "open_ended_questioning", "start": 0, "end": len(ASKS)}],
        "by": "t",
        "adherence": 1,
    }


def test_names_of_a_script_are_in_no_question_and_find_their_place(
    real_names: HiddenNames,
) -> None:
    subject = target(1, SAD, utterance=utterance(1, text="Joey has gone."))
    tagger, reply = ModelTagger("t", 100), "Of course you miss Joey."
    asked = tagger.question(subject, reply, real_names).request.messages[0]["content"]
    assert "Joey" not in asked
    assert "miss Nick" in asked
    steps = tagger.tags(subject, reply, real_names)
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send(said({"acts": [{"strategy": "validation", "words": "you miss Nick."}]}))
    assert [reply[one.start : one.end] for one in ended.value.value.tags] == ["you miss Joey."]


@pytest.fixture
def real_names() -> HiddenNames:
    """Return a keeper of names that calls Joey Nick in requests."""

    class Nick:
        def hidden(self, _: Target, text: str) -> str:
            return text.replace("Joey", "Nick")

        def own_names(self, _: Target, text: str) -> str:
            return text.replace("Nick", "Joey")

    return Nick()


def test_words_that_the_reply_does_not_hold_are_no_finding() -> None:
    tagger = ModelTagger("t", 100)
    acts = [{"strategy": "validation", "words": "you poor thing"}]
    draft = Asked(planned("validation"), tagger).answer(
        answered(MEETS, "validation"), said({"acts": acts})
    )
    assert draft.executed == {"strategies": [], "by": "t", "adherence": 0}


def test_a_tagger_without_a_usable_answer_leaves_the_reply_untold() -> None:
    draft = Asked(planned("validation"), ModelTagger("t", 100)).answer(
        answered(MEETS, "validation"), *[said({"acts": []})] * 3
    )
    assert draft.executed == {"strategies": [], "by": "t", "adherence": 0}
    assert draft.beside == 3


def test_every_strategy_has_a_group_and_none_has_two(tmp_path: Path) -> None:
    assert groups().keys() == strategies().keys()
    assert alike("inquiry", "clarification")
    assert not alike("inquiry", "validation")
    table = tmp_path / "_groups.tsv"
    table.write_text("group\tstrategies\treason\na\tvalidation\tx\nb\tvalidation\tx\n", "utf-8")
    with pytest.raises(LabelError, match=r"_groups\.tsv:3; expected strategies, each in one"):
        read_groups(table)


def build(output: Path, *more: Any) -> Any:
    """Build the sample of MELD."""
    sample = ("build", "--corpus", "meld", "--sample", "--text-only", "--limit", "8")
    return hearten(*sample, "--output", output, *more)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a build whose replies were planned by hash, by a model, and not."""
    output = tmp_path_factory.mktemp("planned")
    with TestEndpoint(any_model=True) as endpoint:
        told = ["--model", "tiny", "--base-url", endpoint.base_url]
        for name in ("hash", "model", "none"):
            ended = build(output, *told, "--plan", name, "--name", name)
            assert ended.code == 0, ended.err
        asked = endpoint.log()["count"]
        ended = build(output, *told, "--plan", "model", "--name", "again")
        assert ended.code == 0, ended.err
        assert endpoint.log()["count"] == asked
        ended = build(output, *told, "--plan", "hash", "--name", "tagged", "--tag-model", "other")
        assert ended.code == 0, ended.err
    return output


def test_a_build_keeps_plan_and_execution(built: Path) -> None:
    rows = samples(built / "hash")
    assert rows
    for row in rows:
        assert row["plan"]["by"] == "hash"
        assert 1 <= len(row["plan"]["strategies"]) <= 2
        assert row["executed"]["by"] == CUES.version
        assert "draft/plan 1" in row["drafting"]["prompt_version"]
        seen = [one["strategy"] for one in row["executed"]["strategies"]]
        if seen:
            assert row["desired_response"]["strategies"] == seen[:3]
        done = sum(name in seen for name in row["plan"]["strategies"])
        assert row["executed"]["adherence"] == done / len(row["plan"]["strategies"])
    config = manifest(built / "hash")["result"]["config"]
    assert config["plan"] == "hash"
    assert config["tagger_version"] == CUES.version


def test_a_model_plans_in_a_question_that_is_held(built: Path) -> None:
    rows = samples(built / "model")
    assert "model" in {row["plan"]["by"] for row in rows}
    assert samples(built / "again") == rows


def test_a_build_without_a_plan_is_what_it_was(built: Path) -> None:
    assert {(row["plan"], row["executed"]) == (None, None) for row in samples(built / "none")} == {
        True
    }
    config = manifest(built / "none")["result"]["config"]
    assert not config.keys() & {"plan", "tag_model", "plan_version", "tagger_version"}


def test_the_report_says_what_was_asked_and_done(built: Path) -> None:
    rows = samples(built / "hash")
    found = confusions(sorted((built / "hash" / "data").glob("*.parquet")))
    assert found.looked_at == len(rows)
    assert found.told == sum(bool(row["executed"]["strategies"]) for row in rows)
    asked = Counter(name for row in rows for name in row["plan"]["strategies"])
    for name, cells in found.grid.rows:
        assert sum(cell.count for cell in cells) >= asked[name]
    assert {len(cells) for _, cells in found.grid.rows} == {len(strategies()) + 1}
    assert len(found.merged_grid.rows) == len(set(groups().values()))
    assert "Strategies asked for and executed" in (built / "hash" / "report.html").read_text(
        "utf-8"
    )
    assert "asked for and executed" not in (built / "none" / "report.html").read_text("utf-8")


def test_asked_and_done_stand_beside_each_other() -> None:
    asked, done = ["validation", "inquiry"], ["validation", "celebration"]
    assert list(pairs(asked, done)) == [("validation", "validation"), ("inquiry", "celebration")]
    assert list(pairs(["inquiry"], [])) == [("inquiry", NOT_SEEN)]
    assert list(pairs(["inquiry"], ["inquiry", "validation"])) == [("inquiry", "inquiry")]


def test_what_a_model_claimed_is_known_without_a_plan() -> None:
    draft = Asked(target(1, SAD), CUES).answer(
        answered(MEETS, "mindful_presence"), answered(MEETS, "mindful_presence")
    )
    row = assemble(target(1, SAD), drafted(Accepted(draft, "f" * 64, 2)), ORIGIN)
    assert row["plan"] is None
    assert asked_of(row) == ["mindful_presence"]
    assert executed_of(row) == ["validation"] == row["desired_response"]["strategies"]


def test_another_model_tags_the_replies(built: Path) -> None:
    assert {row["executed"]["by"] for row in samples(built / "tagged")} == {"other"}


@pytest.mark.parametrize("option", [("--plan", "hash"), ("--tag-model", "m")])
def test_the_phrasebook_follows_no_plan(tmp_path: Path, option: tuple[str, str]) -> None:
    ended = build(tmp_path, *option)
    assert f"{option[0]} needs --model" in one_line_error(ended)

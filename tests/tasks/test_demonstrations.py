"""Our own cases as tables, which of them a target is shown, and what a build keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from builds import hearten, manifest, one_line_error, samples
from deciding import Decision, decide
from endpoints import TestEndpoint
from invented import HAPPY, SAD, target, utterance

from builders.errors import ConfigError, HeartenError, LabelError
from builders.llm.request import key
from builders.llm.settings import Sampling
from builders.record.planned_reply import PlannedReply
from builders.record.types import Emotions, Turn
from builders.tasks.reply.asking import PromptExtras
from builders.tasks.reply.demonstration_tables import COLUMNS, built_in, read_cases
from builders.tasks.reply.demonstrations import LEAST, SHOWN, Demonstration, Demonstrations
from builders.tasks.reply.draft import Drafter

OURS = read_cases(built_in("en"))


def case(name: str, **given: Any) -> Demonstration:
    invented = {
        "root": "happiness",
        "emotion": "happiness",
        "voice": None,
        "turns": (),
        "utterance": f"Case {name} went well.",
        "strategies": ("celebration",),
        "reply_emotion": "happiness",
        "reply": f"Hooray for {name}, that is worth a cake!",
    }
    return Demonstration(id=name, **(invented | given))


def shown(cases: list[Demonstration], number: int = 1, **fields: Any) -> list[str]:
    emotions = fields.pop("emotions", HAPPY)
    persona = fields.pop("persona", "assistant")
    plan = fields.pop("plan", None)
    subject = target(number, emotions, **fields)
    return [one.id for one in Demonstrations(cases, "here").shown(subject, persona, 0, plan)]


def test_a_target_is_shown_cases_of_its_own_coarse_label() -> None:
    cases = [case(f"c{n}") for n in range(4)] + [case("sad", root="sadness", emotion="sadness")]
    assert len(shown(cases)) == SHOWN and "sad" not in shown(cases)
    assert shown(cases, emotions=SAD) == []  # celebration is nothing for a sad speaker


def test_the_nearest_words_come_first() -> None:
    cases = [case(f"c{n:02d}", utterance=f"Number {n} is done.") for n in range(30)]
    cases.append(case("boat", utterance="The boat came home and everybody waved."))
    assert shown(cases, utterance=utterance(1, text="A boat waved at us!"))[0] == "boat"


def test_what_was_said_before_counts_too() -> None:
    cases = [case(f"c{n:02d}", utterance=f"Number {n} is done.") for n in range(30)]
    cases.append(case("kite", turns=(("Listener", "Did you fly the kite?"),)))
    before = [Turn(utterance(0, text="That kite!"), "assistant", None, None)]
    assert shown(cases, utterance=utterance(1, text="Yes."), turns=before)[0] == "kite"


def test_cases_that_do_other_things_go_before_more_of_the_same() -> None:
    cases = [case(f"c{n}") for n in range(5)] + [case("asks", strategies=("inquiry",))]
    for number in range(8):
        assert "asks" in shown(cases, number)


def test_targets_without_a_likeness_see_different_cases() -> None:
    cases = [case(f"c{n:02d}") for n in range(40)]
    first = {
        shown(cases, number, utterance=utterance(number, text="Oh"))[0] for number in range(30)
    }
    assert len(first) > 12


def test_no_target_is_shown_its_own_dialogue() -> None:
    own = case("own", dialogue="meld-dev-1-")
    other = case("other", dialogue="meld-dev-12-")
    assert shown([own, other]) == ["other"]


def test_a_case_is_for_whom_it_says() -> None:
    cases = [case("a", personas=("assistant",)), case("d", personas=("addressee",))]
    assert shown(cases) == ["a"]
    assert shown(cases, persona="addressee") == ["d"]


def planned(*strategies: str, words: tuple[int, int] = (4, 48)) -> PlannedReply:
    return PlannedReply(strategies, words, ("happiness", "surprise", "neutral"))


ACTS = {
    "cheers": ("celebration",),
    "asks": ("inquiry",),
    "both": ("celebration", "inquiry"),
    "looks": ("celebration", "future_oriented_discussion"),
}


def test_what_does_all_that_is_planned_goes_before_what_does_a_part_of_it() -> None:
    cases = [case(name, strategies=acts) for name, acts in ACTS.items()]
    for number in range(6):
        assert shown(cases, number, plan=planned("celebration", "inquiry"))[0] == "both"
        one = shown(cases, number, plan=planned("inquiry"))
        assert one[0] == "asks" and set(one) == {"asks", "both"}


def test_another_thing_is_shown_only_where_two_cases_are_lacking() -> None:
    cases = [case("asks", strategies=("inquiry",)), case("cheers"), case("again")]
    assert shown(cases, plan=planned("inquiry"))[0] == "asks"
    assert len(shown(cases, plan=planned("inquiry"))) == LEAST
    assert set(shown(cases, plan=planned("celebration"))) == {"cheers", "again"}


def test_the_planned_length_and_the_very_label_go_first() -> None:
    long = " ".join(["Hooray"] * 20) + "!"
    cases = [case(f"c{n}") for n in range(9)] + [case("long", reply=long)]
    cases.append(case("proud", emotion="pride"))
    for number in range(6):
        assert shown(cases, number, plan=planned("celebration", words=(19, 30)))[0] == "long"
        proud = Emotions("pride", "happiness", "positive", "medium")
        assert "proud" in shown(cases, number, emotions=proud, plan=planned("celebration"))


def test_no_case_is_spoken_in_an_emotion_that_the_plan_leaves_out() -> None:
    cases = [
        case("glad"),
        case("calm", reply_emotion="neutral"),
        case("sad", reply_emotion="grief"),
    ]
    plan = PlannedReply(("celebration",), (4, 48), ("neutral",))
    assert shown(cases, plan=plan) == ["calm"]
    assert "sad" not in shown(cases, plan=planned("celebration"))


def test_no_case_of_the_same_scene_is_shown_though_another_corpus_has_it() -> None:
    line = "He married the butcher in a lighthouse!"
    twin = case("twin", dialogue="emorynlp-train-7-", turns=(("Listener", line.upper()),))
    other = case("other", dialogue="emorynlp-train-8-")
    before = [Turn(utterance(0, text=line), "user", None, None)]
    assert shown([twin, other], turns=before) == ["other"]
    reference = utterance(2, text=line)
    assert shown([twin, other], reference=reference) == ["other"]
    assert set(shown([twin, other])) == {"twin", "other"}


def test_a_set_has_one_digest_whatever_the_order() -> None:
    cases = [case("a"), case("b")]
    one, other = Demonstrations(cases, "here"), Demonstrations(cases[::-1], "here")
    assert one.digest == other.digest
    assert one.digest != Demonstrations([case("a"), case("b", reply="So it is.")], "here").digest


def test_a_prompt_shows_cases_before_the_dialogue_and_other_keys_stay() -> None:
    plain = Drafter("a-model", "assistant", "voice", Sampling())
    extras = PromptExtras(demonstrations=Demonstrations(OURS, "ours"))
    with_cases = Drafter("a-model", "assistant", "voice", Sampling(), extras=extras)
    subject = target(1, HAPPY)
    asked, bare = with_cases.first_request(subject), plain.first_request(subject)
    text = asked.messages[-1]["content"]
    assert isinstance(text, str) and text.endswith(str(bare.messages[-1]["content"]))
    assert text.count('Reply: "') == SHOWN
    assert key(asked) != key(bare)
    none = PromptExtras(demonstrations=Demonstrations([case("x", root="fear")], "here"))
    nothing = Drafter("a-model", "assistant", "voice", Sampling(), extras=none)
    assert key(nothing.first_request(subject)) == key(bare)


def table(folder: Path, **cells: str) -> Path:
    row = {
        "id": "one",
        "persona": "both",
        "emotion": "sadness",
        "voice": "",
        "turns": "Listener: What now? | Speaker: Wait.",
        "utterance": "It is gone.",
        "strategies": "validation, open_ended_questioning",
        "reply_emotion": "neutral",
        "reply": "Gone, after all that. What was it like?",
    } | cells
    folder.mkdir(exist_ok=True)
    lines = ["\t".join(COLUMNS), "\t".join(row[name] for name in COLUMNS)]
    (folder / "own.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_a_table_of_one_s_own_is_read(tmp_path: Path) -> None:
    (one,) = read_cases(table(tmp_path / "own"))
    assert one.turns == (("Listener", "What now?"), ("Speaker", "Wait."))
    assert one.strategies == ("validation", "open_ended_questioning")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"emotion": "sad"}, "expected one of happiness, sadness"),
        ({"strategies": "celebration"}, "celebration is not among them"),
        ({"strategies": "open_ended_questioning, validation"}, "so it must come last"),
        ({"turns": "Ann: Hello."}, "expected 'Speaker: …' and 'Listener: …'"),
        ({"reply": ""}, "expected some text"),
        ({"persona": "all"}, "expected one of both, assistant, addressee"),
        ({"strategies": "consoling"}, "consoling is not among them"),
        ({"reply": "Gone, after all"}, "the last one has no end, as in a cell cut off"),
        (
            {"utterance": "Es ist weg.", "reply": "Ach, nach all der Zeit. Wie war das für dich?"},
            "the checks refuse the reply of one as other_language",
        ),
        ({"reply": "Gone. Take two aspirin now."}, "refuse the reply of one as medical_advice"),
    ],
)
def test_a_broken_case_is_one_line_that_names_the_cell(
    tmp_path: Path, cells: dict[str, str], said: str
) -> None:
    with pytest.raises(HeartenError) as raised:
        read_cases(table(tmp_path / "own", **cells))
    assert said in str(raised.value) and "own.tsv:2" in str(raised.value)


def test_a_table_that_was_cut_off_is_no_whole_one(tmp_path: Path) -> None:
    path = table(tmp_path / "own") / "own.tsv"
    whole = path.read_text("utf-8")
    path.write_text(whole.removesuffix("\n"), "utf-8")
    with pytest.raises(LabelError, match="the last line has no end, as in a file that was cut off"):
        read_cases(path.parent)
    path.write_text(whole.rpartition("\t")[0] + "\n", "utf-8")
    with pytest.raises(LabelError, match=r"8 cells in .*own.tsv:2; expected 9"):
        read_cases(path.parent)


def test_a_folder_without_tables_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no tables of demonstrations"):
        read_cases(tmp_path)


def test_a_language_has_one_folder_for_all_its_regions() -> None:
    assert built_in("en-AU") == built_in("en")
    with pytest.raises(ConfigError, match="no demonstrations in the language 'de-AT'"):
        built_in("de-AT")


def test_one_id_in_two_tables_is_refused(tmp_path: Path) -> None:
    folder = table(tmp_path / "own")
    (folder / "more.tsv").write_bytes((folder / "own.tsv").read_bytes())
    with pytest.raises(ConfigError, match="the id one stands in two tables"):
        read_cases(folder)


def build(output: Path, *more: Any, corpus: str = "meld") -> Any:
    return hearten(
        *("build", "--corpus", corpus, "--sample", "--text-only", "--output", output), *more
    )


def test_a_build_keeps_what_each_prompt_showed(tmp_path: Path) -> None:
    with TestEndpoint(any_model=True) as endpoint:
        told = ["--model", "tiny", "--base-url", endpoint.base_url, "--demonstrations", "ours"]
        ended = build(tmp_path, *told)
        assert ended.code == 0, ended.err
        asked = endpoint.log()["count"]
        again = build(tmp_path, *told, "--name", "again")
        assert again.code == 0 and endpoint.log()["count"] == asked
    rows = samples(tmp_path / "meld-sample")
    fit = orjson.loads((tmp_path / "meld-sample" / "fits" / "demonstrations.json").read_bytes())
    assert fit["origin"] == "ours" and len(fit["cases"]) == len(OURS)
    for row in rows:
        assert row["demonstrations"]["set_digest"] == fit["set_digest"]
        assert set(row["demonstrations"]["ids"]) <= fit["cases"].keys()
        assert "draft/demonstrations" in row["drafting"]["prompt_version"]
    config = manifest(tmp_path / "meld-sample")["result"]["config"]
    assert config["demonstrations_version"] == fit["set_digest"]


def test_replies_of_a_phrasebook_are_shown_to_nobody_before_people_accepted_them(
    tmp_path: Path,
) -> None:
    assert build(tmp_path).code == 0
    with TestEndpoint(any_model=True) as endpoint:
        told = ["--model", "tiny", "--base-url", endpoint.base_url, "--name", "next"]
        told += ["--demonstrations", tmp_path / "meld-sample"]
        ended = build(tmp_path, *told)
        assert ended.code == 1
        assert "no reply of that build is one to learn from" in one_line_error(ended)
        assert endpoint.log()["count"] == 0


def test_replies_that_people_accepted_are_shown_but_none_of_dev_or_of_the_same_dialogue(
    tmp_path: Path,
) -> None:
    assert build(tmp_path, "--persona", "addressee").code == 0
    folder = tmp_path / "meld-sample"
    every = [row["id"] for row in samples(folder)]
    decide(folder, {name: Decision("accept") for name in every})
    with TestEndpoint(any_model=True) as endpoint:
        told = ["--model", "tiny", "--base-url", endpoint.base_url, "--name", "next"]
        told += ["--demonstrations", folder]
        ended = build(tmp_path, *told)
        assert ended.code == 0, ended.err
    rows = samples(tmp_path / "next")
    shown = {row["id"]: row["demonstrations"]["ids"] for row in rows if row["demonstrations"]}
    assert shown
    for name, ids in shown.items():
        assert all(one.startswith("meld-train-") for one in ids)
        assert not [one for one in ids if one.rsplit("-", 1)[0] == name.rsplit("-", 1)[0]]


def test_nobody_is_shown_cases_without_a_model(tmp_path: Path) -> None:
    ended = build(tmp_path, "--demonstrations", "ours")
    assert ended.code == 1 or ended.code == 2
    assert "--demonstrations needs --model" in one_line_error(ended)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    ended = build(
        *(tmp_path, "--model", "tiny", "--base-url", "http://127.0.0.1:9/v1"),
        *("--demonstrations", tmp_path / "away"),
    )
    assert "which is no folder; expected ours, a folder of tables" in one_line_error(ended)

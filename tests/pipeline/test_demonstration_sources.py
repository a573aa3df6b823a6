"""Where demonstrations come from: frozen, of split train alone, and sent only where they may be."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from builds import Ended, hearten, manifest, one_line_error, rejected, samples
from endpoints import TestEndpoint

from builders.corpora import load_card
from builders.errors import ConfigError
from builders.pipeline.combine import combine
from builders.pipeline.demonstrations import open_demonstrations
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, nobody
from builders.settings import make_config
from builders.tasks.reply.demonstration_tables import COLUMNS

SADNESS = ("--corpus", "meld", "--sample", "--text-only", "--emotion", "sadness")
FAR = ("https://models.example.com/v1",)
HERE = ("http://127.0.0.1:9/v1",)


def told(endpoint: TestEndpoint, output: Path, *more: object) -> tuple[object, ...]:
    """Return the command of a build that asks the endpoint."""
    model = ("--model", "tiny", "--base-url", endpoint.base_url)
    return ("build", *model, "--output", output, "--show", 0, *more)


@pytest.fixture(scope="module")
def drafted(tmp_path_factory) -> Path:
    """Return a folder with builds of MELD and IEMOCAP whose replies a model wrote."""
    output = tmp_path_factory.mktemp("drafted")
    with TestEndpoint(any_model=True) as endpoint:
        for corpus in ("meld", "iemocap"):
            more = ("--corpus", corpus, "--sample", "--text-only", "--name", corpus)
            ended = hearten(*told(endpoint, output, *more))
            assert ended.code == 0, ended.err
    return output


def cases_of(folder: Path, addresses: tuple[str, ...] = HERE, **settings: object) -> list[str]:
    """Return the ids of the cases that a build of MELD would show of a folder."""
    config = make_config(
        corpus="meld",
        source=folder,
        name="next",
        output=folder.parent,
        model="tiny",
        base_urls=addresses,
        demonstrations=str(folder),
        **settings,
    )
    found = open_demonstrations(config, load_card("meld"))
    assert found is not None
    return [case.id for case in found.cases]


def test_cases_of_a_build_are_of_split_train(drafted):
    every = {row["source"]["split"] for row in samples(drafted / "meld")}
    ids = cases_of(drafted / "meld")
    assert every > {"train"} and ids
    assert {one.split("-")[1] for one in ids} == {"train"}


def test_a_corpus_without_splits_gives_what_a_combined_set_of_it_would_train_on(drafted):
    rows = {row["id"]: row["source"] for row in samples(drafted / "iemocap")}
    folds = load_card("iemocap").combined_folds
    away = {f"{fold}:test" for split in ("dev", "test") for fold in folds[split]}
    held = {name for name, source in rows.items() if away.intersection(source["folds"])}
    ids = set(cases_of(drafted / "iemocap"))
    assert held and ids and not ids & held
    together = [Build(drafted / name) for name in ("meld", "iemocap")]
    combine(together, drafted / "both", Restrictions(nobody))
    of_both = set(cases_of(drafted / "both"))
    assert of_both == ids | set(cases_of(drafted / "meld"))


def test_no_case_goes_where_its_corpus_may_not_be_sent(drafted):
    with pytest.raises(ConfigError, match="IEMOCAP: .* may not be sent to a third party such as"):
        cases_of(drafted / "iemocap", FAR)
    assert cases_of(drafted / "iemocap", FAR, may_send=("iemocap",))
    assert cases_of(drafted / "meld", FAR)


def test_only_the_model_that_drafts_is_shown_cases_so_where_others_are_does_not_matter(drafted):
    voters = (f"voter@{FAR[0]}",)
    assert cases_of(drafted / "iemocap", vote_models=voters)


def test_a_right_to_send_the_corpus_of_the_cases_can_be_claimed(drafted, tmp_path):
    with TestEndpoint(any_model=True) as endpoint:
        more = (*SADNESS, "--demonstrations", drafted / "iemocap", "--i-may-send", "iemocap")
        ended = hearten(*told(endpoint, tmp_path, *more))
        assert ended.code == 0, ended.err
        line = one_line_error(hearten(*told(endpoint, tmp_path, *SADNESS, *more[-2:])))
        assert "--i-may-send iemocap is about another corpus" in line


def test_a_build_that_is_not_finished_is_no_source(drafted, tmp_path):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_text("{}")
    with TestEndpoint(any_model=True) as endpoint:
        more = (*SADNESS, "--demonstrations", tmp_path / "begun")
        line = one_line_error(hearten(*told(endpoint, tmp_path / "out", *more)))
        assert "begun" in line and endpoint.log()["count"] == 0


def own_cases(folder: Path, **cells: str) -> Path:
    """Write a table of two cases of one's own."""
    row = {
        "persona": "both",
        "emotion": "sadness",
        "voice": "softer",
        "turns": "",
        "strategies": "validation",
        "reply_emotion": "neutral",
    } | cells
    said = {
        "one": ("The lighthouse is gone.", "No wonder the bay looks strange to you now."),
        "two": ("They sold the mill.", "All those summers at the wheel, of course that hurts."),
    }
    lines = ["\t".join(COLUMNS)]
    for name, (utterance, reply) in said.items():
        case = row | {"id": name, "utterance": utterance, "reply": cells.get("reply", reply)}
        lines.append("\t".join(case[column] for column in COLUMNS))
    folder.mkdir(exist_ok=True)
    (folder / "cases.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_folder_that_was_edited_between_two_runs_stops_the_second(tmp_path):
    folder = own_cases(tmp_path / "cases")
    whole = (folder / "cases.tsv").read_text()
    with TestEndpoint(faults=[{"kind": "error_500", "every": 1}], any_model=True) as endpoint:
        more = (*SADNESS, "--patience", 0.1, "--demonstrations", folder)
        assert hearten(*told(endpoint, tmp_path, *more)).code != 0
        endpoint.control(faults=[])
        (folder / "cases.tsv").write_text(whole.replace("of course", "naturally"))
        line = one_line_error(hearten(*told(endpoint, tmp_path, *more)))
        assert "demonstrations" in line and "--name" in line
        (folder / "cases.tsv").write_text(whole)
        ended = hearten(*told(endpoint, tmp_path, *more))
        assert ended.code == 0, ended.err
    kept = orjson.loads((tmp_path / "meld-sample/fits/demonstrations.json").read_bytes())
    assert kept["origin"] == "a folder of tables" and [*kept["cases"]] == ["one", "two"]
    for row in samples(tmp_path / "meld-sample"):
        assert set(row["demonstrations"]["ids"]) == {"one", "two"}
        assert row["demonstrations"]["set_digest"] == kept["set_digest"]
    assert manifest(tmp_path / "meld-sample")["result"]["fits"]["demonstrations"]


def test_broken_cases_stop_a_build_before_anything_is_asked(tmp_path):
    german = "Das tut mir leid, das war bestimmt sehr schwer."
    with TestEndpoint(any_model=True) as endpoint:
        more = (*SADNESS, "--demonstrations", own_cases(tmp_path / "cases", reply=german))
        line = one_line_error(hearten(*told(endpoint, tmp_path, *more)))
        assert "cases.tsv:2" in line and "refuse the reply of one as other_language" in line
        assert endpoint.log()["count"] == 0


ANSWER = {
    "emotion": "neutral",
    "strategies": ["validation"],
    "awareness": {"act": "acknowledges", "emotions": ["sadness"]},
}
OWN = "You were looking forward to that, and now it is gone."


def copying(tmp_path: Path, rules: list[dict[str, object]]) -> tuple[Ended, dict[str, str]]:
    """Build with our cases against a server with rules; return how it ended and its rejects."""
    with TestEndpoint(any_model=True) as endpoint:
        endpoint.control(rules=rules)
        ended = hearten(*told(endpoint, tmp_path, *SADNESS, "--demonstrations", "ours"))
    found = [row for row in rejected(tmp_path / "meld-sample") if row["stage"] == "draft"]
    return ended, {row["reason"]: row["detail"] for row in found}


def test_of_a_server_that_copies_what_it_is_shown_nothing_is_kept(tmp_path):
    copied = {"match": r'Reply: "(Oh[^"]+|[^"]+)"', "answer": {**ANSWER, "text": "$1"}}
    _, reasons = copying(tmp_path, [copied])
    assert reasons and samples(tmp_path / "meld-sample") == []
    assert re.search("it repeats words of an example", " ".join(reasons.values()))


def test_the_model_is_told_that_it_copied_and_its_own_words_are_kept(tmp_path):
    rules = [
        {"match": "it repeats words of an example", "answer": {**ANSWER, "text": OWN}},
        {"match": r'Reply: "([^"]+)"', "answer": {**ANSWER, "text": f"{OWN} $1"}},
    ]
    ended, reasons = copying(tmp_path, rules)
    assert ended.code == 0 and not reasons, ended.err
    assert {row["desired_response"]["text"] for row in samples(tmp_path / "meld-sample")} == {OWN}

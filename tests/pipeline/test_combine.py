"""`build --corpus all`: every sample built, and one set whose splits share what they must only."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import Ended, hearten, manifest, one_line_error, rejected, samples
from trees import make_meld_tree, meld_row

from builders.corpora import load_card, slugs
from builders.record.dataset import Build

WORDS = "Why did nobody tell me that the whole garden was under water again?"


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("all")
    ended = hearten("build", "--corpus", "all", "--sample", cwd=folder)
    assert ended.code == 0, ended.err
    return folder / "output", ended


def placed(folder: Path) -> list[tuple[str, dict]]:
    """Return each sample of a set with the split whose file it is in."""
    shards = sorted((folder / "data").glob("*.parquet"))
    return [(p.name.split("-")[0], row) for p in shards for row in pq.read_table(p).to_pylist()]


def test_every_corpus_is_built_and_the_set_holds_all_of_their_samples(everything):
    output, ended = everything
    built = {f"{slug}-sample" for slug in slugs()}
    assert {path.name for path in output.iterdir() if path.is_dir()} == built | {
        "all-sample",
        "clips",
    }
    together = [row for name in sorted(built) for row in samples(output / name)]
    found = [row for _, row in placed(output / "all-sample")]
    by_id = {row["id"]: row for row in found}
    assert len(found) == len(by_id) == len(together)
    assert by_id == {row["id"]: row for row in together}
    assert len(rejected(output / "all-sample")) == sum(len(rejected(output / n)) for n in built)
    assert "not built" not in ended.out


def test_the_set_says_what_it_is_made_of_and_adds_up(everything):
    output, _ = everything
    result = manifest(output / "all-sample")["result"]
    assert [one["corpus"] for one in result["combined"]] == list(slugs())
    assert {one["licence"] for one in result["combined"]} == {load_card(s).licence for s in slugs()}
    counts = result["counts"]
    assert counts["read"] == counts["kept"] + counts["rejected"] + counts["not_selected"]
    assert len(list(Build(output / "all-sample").rows())) == counts["kept"]


def test_no_dialogue_no_contrast_group_and_no_new_speaker_is_in_two_splits(everything):
    output, _ = everything
    places = defaultdict(set)
    for split, row in placed(output / "all-sample"):
        source = row["source"]
        places["dialogue", source["corpus"], source["split"], source["dialogue_id"]].add(split)
        if row["contrast"] and row["contrast"]["group"]:
            places["group", row["contrast"]["group"]].add(split)
        if source["split"] == "all":
            places["speaker", source["corpus"], row["target_utterance"]["speaker"]["id"]].add(split)
        else:
            assert split == source["split"]
    assert not {key: found for key, found in places.items() if len(found) > 1}


def test_the_folds_of_a_card_say_which_split_a_session_goes_to(everything):
    output, _ = everything
    for split, row in placed(output / "all-sample"):
        if row["source"]["corpus"] == "iemocap":
            (session,) = [f.split(":")[0] for f in row["source"]["folds"] if f.endswith(":test")]
            assert split == {"session_4": "dev", "session_5": "test"}.get(session, "train")


def test_the_report_of_the_set_shows_what_its_splits_share(everything):
    output, ended = everything
    page = (output / "all-sample" / "report.html").read_text()
    assert "What the splits share" in page
    leaks = manifest(output / "all-sample")["result"]["leaks"]
    assert ("speakers_in_several_splits", "meld") in [(k["leak"], k["corpus"]) for k in leaks]
    for leak in leaks:
        assert leak["examples"][0] in ended.out and leak["examples"][0] in page


def test_a_second_run_asks_nothing_and_writes_the_same_set(everything):
    output, _ = everything
    before = manifest(output / "all-sample")["result"]
    ended = hearten("build", "--corpus", "all", "--sample", "--output", output)
    assert ended.code == 0
    assert manifest(output / "all-sample")["result"] == before


def emorynlp_tree(root: Path, split: str) -> None:
    root.mkdir(parents=True)
    columns = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time"
    row = f"\"{WORDS}\",['Mira'],Mad,1,1,1,2,00:00:01.000,00:00:03.000"
    (root / f"emorynlp_{split}_final.csv").write_text(f"{columns}\n{row}\n")


def test_words_that_two_corpora_have_in_different_splits_are_listed(tmp_path):
    corpora = tmp_path / "corpora"
    make_meld_tree(corpora / "MELD.Raw", {"test": [meld_row(0, 0, Utterance=WORDS)]})
    emorynlp_tree(corpora / "emorynlp", "train")
    (corpora / "photos").mkdir()
    more = ("--source", "corpora", "--text-only", "--split", "train", "--split", "test")
    ended = hearten("build", "--corpus", "all", *more, cwd=tmp_path)
    # EmoryNLP lacks its test file: it is said, the other is built, the set is not.
    assert ended.code == 1 and "the combined dataset was not written" in ended.err
    assert (tmp_path / "output" / "meld" / "manifest.json").is_file()
    assert not (tmp_path / "output" / "all" / "manifest.json").exists()
    again = corpora / "emorynlp" / "emorynlp_test_final.csv"
    again.write_text((corpora / "emorynlp" / "emorynlp_train_final.csv").read_text())
    ended = hearten("build", "--corpus", "all", *more, cwd=tmp_path)
    assert ended.code == 0, ended.err
    leaks = {k["leak"]: k for k in manifest(tmp_path / "output" / "all")["result"]["leaks"]}
    found = leaks["same_words_in_two_corpora_and_splits"]
    assert (found["corpus"], found["count"]) == ("emorynlp and meld", 1)


def test_an_exclusion_made_later_takes_an_id_out_of_the_set(tmp_path):
    make_meld_tree(tmp_path / "corpora" / "meld")
    more = ("--source", "corpora", "--text-only")
    source = ("--source", "corpora/meld", *more[2:])
    assert hearten("build", "--corpus", "meld", *source, cwd=tmp_path).code == 0
    build = Build(tmp_path / "output" / "meld")
    from builders.corpora.exclusions import Exclusions
    from builders.pipeline.combine import combine
    from builders.release.eligibility import Restrictions

    combine([build], tmp_path / "set", Restrictions(Exclusions(frozenset({"meld-train-0"})).covers))
    assert "meld-train-0-0" not in {row["id"] for _, row in placed(tmp_path / "set")}
    splits = manifest(tmp_path / "set")["result"]["splits"]
    assert splits["train"]["not_selected"] == {"excluded": 2}
    combine(
        [build], tmp_path / "set", Restrictions(Exclusions(frozenset({"meld-train-0-0"})).covers)
    )
    assert "This is sentence 0 of dialogue 0." not in repr(
        [row for split, row in placed(tmp_path / "set") if split == "train"]
    )


def test_a_build_of_one_corpus_is_not_replaced_by_the_set(tmp_path):
    make_meld_tree(tmp_path / "corpora" / "meld")
    source = ("--source", "corpora/meld", "--name", "all")
    assert hearten("build", "--corpus", "meld", *source, "--text-only", cwd=tmp_path).code == 0
    ended = hearten("build", "--corpus", "all", "--source", "corpora", "--text-only", cwd=tmp_path)
    assert ended.code == 1 and "all is already a build of one corpus" in one_line_error(ended)


def test_without_any_corpus_the_line_says_where_it_looked(tmp_path):
    line = one_line_error(hearten("build", "--corpus", "all", cwd=tmp_path))
    assert "no corpus is found in hearten.toml and the HEARTEN_SOURCE_* variables" in line
    assert "--sample" in line


def test_corpora_that_are_not_found_are_said_with_how_to_get_them(tmp_path):
    make_meld_tree(tmp_path / "m")
    ended = hearten(
        *("build", "--corpus", "all", "--text-only"),
        cwd=tmp_path,
        HEARTEN_SOURCE_MELD=str(tmp_path / "m"),
    )
    assert ended.code == 0, ended.err
    assert "found: meld\n" in ended.out
    assert f"not built: iemocap (not found; {load_card('iemocap').how_to_get})" in ended.out


def test_a_view_that_no_corpus_has_is_a_usage_error(tmp_path):
    make_meld_tree(tmp_path / "corpora" / "meld")
    more = ("--source", "corpora", "--text-only", "--label-view", "nonsense")
    ended = hearten("build", "--corpus", "all", *more, cwd=tmp_path)
    assert ended.code == 2
    assert "no corpus that is found has a label view 'nonsense'" in one_line_error(ended)


def test_a_corpus_in_the_settings_is_understood_in_its_spellings_and_no_other(tmp_path):
    make_meld_tree(tmp_path / "m")
    settings = tmp_path / "hearten.toml"
    settings.write_text(f'[corpora."MELD.Raw"]\nsource = "{tmp_path / "m"}"\n')
    ended = hearten("build", "--corpus", "all", "--text-only", cwd=tmp_path)
    assert ended.code == 0 and "found: meld\n" in ended.out
    settings.write_text('[corpora.mosie]\nsource = "x"\n')
    ended = hearten("build", "--corpus", "all", "--text-only", cwd=tmp_path)
    assert ended.code == 1
    assert 'there is no corpus "mosie"' in one_line_error(ended)


def test_json_is_one_object_about_the_set(tmp_path):
    make_meld_tree(tmp_path / "corpora" / "meld")
    more = ("--source", "corpora", "--text-only", "--json")
    ended = hearten("build", "--corpus", "all", *more, cwd=tmp_path)
    assert json.loads(ended.out)["result"]["name"] == "all"


def test_a_budget_is_that_of_all_corpora_together(tmp_path):
    make_meld_tree(tmp_path / "corpora" / "meld")
    emorynlp_tree(tmp_path / "corpora" / "emorynlp", "dev")
    from endpoints import TestEndpoint

    with TestEndpoint() as endpoint:
        ended = hearten(
            *("build", "--corpus", "all", "--source", "corpora", "--text-only", "--split", "dev"),
            *("--model", "test-model", "--base-url", endpoint.base_url, "--max-tokens", "1500"),
            cwd=tmp_path,
        )
    assert ended.code == 3
    assert "budget" in one_line_error(ended)

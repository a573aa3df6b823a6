"""People's replies: which turns are taken, which are left out and why, and what is written."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builds import describe, hearten, one_line_error
from deciding import decide
from net.release import unpacked
from publishable import make_build, sample
from tables import edited_tables

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError, LabelError, OutputError, SourceError, VerificationError
from builders.pipeline.run import build as build_dataset
from builders.record.dataset import Build
from builders.record.human_replies import HumanReplies, were_mined
from builders.record.types import sample_id
from builders.release.mining import Mined, judging, mine
from builders.release.mining.answering import AnswerRules, NextTurn
from builders.resources import corpora
from builders.review.data.events import Decision
from builders.settings import make_config

TALKING = ("meld", "iemocap", "emowoz", "emorynlp", "empathetic_dialogues")


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the build of a corpus's sample, made once."""
    here, made = tmp_path_factory.mktemp("builds"), {}

    def build(slug: str, **settings: Any) -> Path:
        name = settings.get("name", slug)
        if name not in made:
            source = corpora() / slug / "sample"
            given = {"corpus": slug, "source": source, "name": slug, **settings}
            build_dataset(make_config(**given, output=here / "output"), {}, quiet=True)
            made[name] = here / "output" / name
        return made[name]

    return build


@pytest.fixture
def copy(builds, tmp_path) -> Callable[..., Path]:
    """Return a copy of such a build, which a test may change."""
    return lambda slug, **more: shutil.copytree(
        builds(slug, **more), tmp_path / "output" / more.get("name", slug)
    )


def mined(folder: Path, *out: str, **given: Any) -> Mined:
    store = str(folder.parent / "hearten.sqlite")
    return mine(folder, store, Exclusions(frozenset(out)), **given)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: dict(row) for row in HumanReplies(folder).rows()}


@pytest.mark.parametrize("slug", TALKING)
def test_every_sample_is_a_row_or_is_counted_with_its_reason(copy, slug):
    folder = copy(slug)
    counts = mined(folder).manifest["counts"]
    rows = rows_of(folder)
    samples = pq.read_table(sorted((folder / "data").glob("*.parquet"))[0].parent).num_rows
    assert counts["read"] == samples == len(rows) + sum(counts["left_out"].values())
    assert len(rows) == counts["kept"] > 0
    for row in rows.values():
        assert row["reply_id"] != row["id"] and row["reply"] and row["utterance"]
        assert row["tagged_by"] == "cues" and row["strategies"]
        assert all(one["end"] <= len(row["reply"]) for one in row["strategies"])


def test_the_reply_has_its_own_label_and_its_own_clip(copy):
    folder = copy("meld")
    mined(folder)
    row = rows_of(folder)["meld-dev-0-0"]
    table = pq.read_table(folder / "data", columns=["id", "audio", "audio_info"]).to_pylist()
    clips = {one["id"]: one for one in table}
    assert (row["reply_id"], row["reply_speaker"]) == ("meld-dev-0-1", "Devin")
    assert (row["emotion"], row["reply_emotion"], row["reply_root"]) == (
        *("disgust", "happiness", "happiness"),
    )
    for name, audio, digest in (
        ("meld-dev-0-0", "audio", "audio_sha256"),
        ("meld-dev-0-1", "reply_audio", "reply_audio_sha256"),
    ):
        assert row[audio]["bytes"] == clips[name]["audio"]["bytes"]
        assert row[digest] == clips[name]["audio_info"]["sha256_pcm"]
    assert row["audio"]["bytes"] != row["reply_audio"]["bytes"]


def test_no_reply_lies_behind_a_hole_and_nothing_stands_right_behind_one(copy):
    folder = copy("meld")
    left = mined(folder).manifest["counts"]["left_out"]
    # Utterance 3 of dialogue 0 and 2 of dialogue 2 are rejected: nobody answers those before them.
    assert not {"meld-train-0-2", "meld-train-0-4"} & rows_of(folder).keys()
    assert left["turn_missing_after"] == 2 and left["turn_missing_before"] == 2


def test_what_a_machine_answers_is_no_persons_reply(copy):
    folder = copy("emowoz")
    left = mined(folder).manifest["counts"]["left_out"]
    assert left["not_by_people"] == 7
    assert not any("DMAGE" in name for name in rows_of(folder))


def test_a_clip_of_a_turn_that_is_no_sample_comes_from_the_corpus(copy):
    """Fewer samples: most replies are no samples, and their clips are those of the whole build."""
    few, whole = copy("meld", limit=6, name="few"), copy("meld")
    assert mined(few).manifest["counts"]["silent"] > 0
    shutil.rmtree(few / "human_replies")
    again = mined(few, source=corpora() / "meld" / "sample").manifest["counts"]
    assert again["silent"] == 0 and mined(whole).manifest["counts"]["silent"] == 0
    every = rows_of(whole)
    for name, row in rows_of(few).items():
        assert row["reply_audio"] == every[name]["reply_audio"]
        assert row["reply_audio_sha256"] == every[name]["reply_audio_sha256"]


def linked_sample(folder: Path) -> Path:
    """Return a copy of MELD's sample whose folders of clips are links to outside."""
    sample = corpora() / "meld" / "sample"
    clips = [path for path in sample.rglob("*split*") if path.is_dir()]
    shutil.copytree(sample, folder, ignore=lambda _, names: {p.name for p in clips} & {*names})
    for path in clips:
        (folder / path.relative_to(sample)).symlink_to(path)
    return folder


def test_clips_behind_links_are_taken_only_where_that_is_asked_for(copy, tmp_path, monkeypatch):
    few, source = copy("meld", limit=6, name="few"), linked_sample(tmp_path / "linked")
    refused = mined(few, source=source)
    assert refused.broken_clips.keys() == {"path_outside_corpus"}
    assert refused.manifest["counts"]["silent"] > 0
    asked = ("mine", few, "--source", source)
    shutil.rmtree(few / "human_replies")
    assert "no clip" not in hearten(*asked, "--follow-links").out
    shutil.rmtree(few / "human_replies")
    monkeypatch.chdir(tmp_path)
    Path("hearten.toml").write_text("[corpora.meld]\nfollow_links = true\n")
    ended = hearten(*asked)
    assert ended.code == 0 and "no clip" not in ended.out


def test_another_corpus_folder_is_refused(copy, tmp_path):
    folder = copy("meld", limit=6, name="few")
    other = shutil.copytree(corpora() / "meld" / "sample", tmp_path / "other")
    table = next(other.rglob("train_sent_emo.csv"))
    table.write_text(table.read_text("utf-8").replace("jug", "mug"), "utf-8")
    with table.open("a", encoding="utf-8") as stream:
        stream.write("\n")
    with pytest.raises(SourceError, match="annotation files are of another version") as error:
        mined(folder, source=other)
    assert "leave out --source" in str(error.value) and not were_mined(folder)


def test_a_second_run_finds_everything_there_and_a_differing_one_is_refused(copy):
    folder = copy("meld")
    assert mined(folder).fresh
    written = {path: path.read_bytes() for path in (folder / "human_replies").iterdir()}
    assert not mined(folder).fresh
    with pytest.raises(ConfigError, match="was mined before, and since then the exclusions") as e:
        mined(folder, "meld-dev-0-0")
    assert f"delete {folder / 'human_replies'} and run the same command again" in str(e.value)
    assert {path: path.read_bytes() for path in (folder / "human_replies").iterdir()} == written


def test_what_a_killed_run_left_is_not_used(copy):
    folder = copy("meld")
    left = folder / ".human_replies.partial"
    left.mkdir()
    (left / "train-00000.partial").write_bytes(b"half a file")
    mined(folder)
    assert not left.exists() and len(rows_of(folder)) == 17


def test_the_same_build_gives_the_same_bytes(copy, tmp_path):
    one = copy("meld")
    other = shutil.copytree(one, tmp_path / "again" / "meld")
    mined(one), mined(other)
    for path in sorted((one / "human_replies").glob("*.parquet")):
        assert path.read_bytes() == (other / "human_replies" / path.name).read_bytes()


def test_who_asked_to_be_left_out_neither_is_answered_nor_answers(copy):
    folder = copy("meld")
    left = mined(folder, "meld-dev-0-1").manifest["counts"]["left_out"]
    rows = rows_of(folder)
    assert "meld-dev-0-1" not in rows.keys() | {row["reply_id"] for row in rows.values()}
    assert left["excluded"] == 2


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (Decision("reject", reason="generic"), "rejected_in_review"),
        (Decision("accept", flags=["audio_broken"]), "flagged_audio_broken"),
        (Decision("accept"), None),
    ],
)
def test_what_reviewers_turned_down_is_left_out(copy, decision, reason):
    folder = copy("meld")
    decide(folder, {"meld-dev-0-0": decision})
    counts = mined(folder).manifest["counts"]
    assert ("meld-dev-0-0" in rows_of(folder)) == (reason is None)
    assert counts["left_out"].get(reason or "", 0) == (reason is not None)


def test_a_crisis_line_that_waits_for_people_is_nobodys_reply(copy, monkeypatch):
    folder = copy("meld")
    waiting = [pa.table({"id": ["meld-dev-0-1"]})]
    monkeypatch.setattr(Build, "held_groups", lambda self: iter(waiting))
    left = mined(folder).manifest["counts"]["left_out"]
    assert left["reply_unfit"] == 1
    assert "meld-dev-0-1" not in {row["reply_id"] for row in rows_of(folder).values()}


@pytest.mark.parametrize("slug", ["crema_d", "mosei"])
def test_a_build_without_dialogues_has_nothing_to_mine(builds, slug, tmp_path):
    ended = hearten("mine", builds(slug), cwd=tmp_path)
    assert ended.code == 1 and not were_mined(builds(slug))
    line = one_line_error(ended)
    assert "there is nothing to mine" in line and "expected a corpus with dialogues" in line


def test_a_build_that_is_not_finished(tmp_path):
    folder = tmp_path / "output" / "b"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="the build is not complete"):
        mined(folder)


def test_files_with_other_columns(tmp_path):
    folder = make_build(tmp_path / "output" / "b", [sample(1), sample(2)])
    shard = next((folder / "data").iterdir())
    table = pq.read_table(shard).drop_columns(["background"])
    pq.write_table(table.append_column("mood", pa.array(["grand"] * 2)), shard)
    describe(folder)
    with pytest.raises(VerificationError, match="have no column background"):
        mined(folder)


def test_a_build_of_release_0_1(tmp_path):
    """It is read as a build of the newest record version; what there is to mine is mined."""
    folder = shutil.copytree(unpacked(tmp_path) / "meld", tmp_path / "alone" / "meld")
    counts = mined(folder).manifest["counts"]
    assert counts["kept"] == len(rows_of(folder)) > 0


def test_a_damaged_file_of_mined_replies_is_told(copy):
    folder = copy("meld")
    mined(folder)
    path = next((folder / "human_replies").glob("train*.parquet"))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(VerificationError, match="train"):
        HumanReplies(folder)
    (folder / "human_replies" / "manifest.json").write_text('{"files": 3}')
    with pytest.raises(VerificationError, match="is not what hearten mine wrote"):
        HumanReplies(folder)


def test_a_build_that_was_not_mined_says_what_to_run(copy):
    folder = copy("meld")
    with pytest.raises(ConfigError, match=f"run hearten mine {folder}"):
        HumanReplies(folder)


def test_a_folder_that_cannot_be_written(copy):
    folder = copy("meld")
    (folder / ".lock").unlink()
    (folder / ".lock").mkdir()
    with pytest.raises(OutputError, match="cannot write .*choose another OUTPUT/NAME"):
        mined(folder)


def test_the_command_says_the_counts(copy, tmp_path):
    folder = copy("meld")
    ended = hearten("mine", folder, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0] == "31 samples = 17 with a reply + 14 left out"
    assert "  left out: 8 no_next_turn" in ended.out
    again = json.loads(hearten("mine", folder, "--json", cwd=tmp_path).out)
    assert again["fresh"] is False and again["counts"]["kept"] == 17


def _tables(folder: Path, slug: str, split: str) -> dict[str, tuple[str, int, str]]:
    """Return scene, number and speaker of each turn of a table as its owner wrote it, by id."""
    if slug == "meld":
        path, ids = folder / f"{split}_sent_emo.csv", ("Dialogue_ID", "Utterance_ID")
    else:
        path, ids = folder / f"emorynlp_{split}_final.csv", ("Scene_ID", "Utterance_ID")
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = {}
    for row in rows:
        place = row[ids[0]]
        if slug == "emorynlp":
            place = f"sea{int(row['Season'])}_ep{int(row['Episode'])}_sc{int(place)}"
        name = sample_id(slug, split, place, str(int(row[ids[1]])))
        found[name] = place, int(row[ids[1]]), row["Speaker"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slug", "splits", "least"),
    [("meld", ("train", "dev", "test"), 4_000), ("emorynlp", ("dev",), 200)],
)
def test_real_replies_are_the_very_next_turn_by_another_speaker(
    real_data, tmp_path, slug, splits, least
):
    config = make_config(
        corpus=slug,
        source=real_data / slug,
        name=slug,
        output=tmp_path / "output",
        text_only=True,
        splits=splits,
    )
    build_dataset(config, {}, quiet=True)
    counts = mined(config.output / slug).manifest["counts"]
    turns = {k: v for s in splits for k, v in _tables(real_data / slug, slug, s).items()}
    rows = list(HumanReplies(config.output / slug).rows(("id", "reply_id", "reply")))
    assert len(rows) == counts["kept"] > least
    for row in rows:
        (place, number, speaker), after = turns[row["id"]], turns[row["reply_id"]]
        assert after[:2] == (place, number + 1) and after[2] != speaker
        assert len(row["reply"].split()) >= 3  # "I-I don't" has four words, written as two


# The rules, one after the other.


def turn(**given: Any) -> NextTurn:
    said = {
        **{"id": "meld-train-1-2", "speaker": "Jon", "text": "You should have told me before."},
        **{"emotion": "anger", "gap_seconds": 0.4, "is_direct": True},
        **{"hole_after": False, "hole_before": False},
    }
    return NextTurn(**{**said, **given})


def asked(*before: str, **given: Any) -> dict[str, Any]:
    """Return what the rules look at of a sample that Mira says, after others."""
    return {
        "target_utterance": {
            "speaker": {"id": given.get("speaker", "Mira")},
            "text": given.get("text", "I lost it."),
            "flags": given.get("flags"),
        },
        "text_context": [{"speaker": name} for name in before],
        "review": given.get("review"),
    }


@pytest.mark.parametrize(
    ("record", "reply", "reason"),
    [
        (asked(), turn(), None),
        (asked("Jon"), turn(hole_after=True), "turn_missing_after"),
        (asked("Jon"), turn(hole_before=True), "turn_missing_before"),
        (asked("Jon", flags=["turn_missing_before"]), turn(), "turn_missing_before"),
        (asked("Jon"), turn(is_direct=False), "not_directly_next"),
        (asked("Jon"), turn(text="Oh my God!"), "too_short"),
        (asked("Jon"), turn(text="[LAUGHTER] Oh my God! [BREATHING]"), "too_short"),
        (asked("Jon"), turn(gap_seconds=12.0), "long_gap"),
        (asked("Jon"), turn(gap_seconds=None), None),
        (asked("Jon"), turn(speaker="Ross and Jon"), "several_speakers"),
        (asked("Jon"), turn(speaker="All"), "several_speakers"),
        (asked("Jon", speaker="#ALL#"), turn(), "several_speakers"),
        (asked("Jon"), turn(id="emowoz-train-DMAGE1-3"), "not_by_people"),
        (asked("Jon"), turn(id="emowoz-train-SNG1-3"), None),
        (asked("Jon", "Ann"), turn(), None),
        (asked("Jon", "Ann", "Ann"), turn(), "not_in_exchange"),
        (asked("Ann"), turn(), "not_in_exchange"),
        (asked("Ann"), turn(text="You should have told me, Mira."), None),
        (asked("Ann", text="Jon, I lost it."), turn(), None),
        (asked("Jon", "Ann"), turn(text="Ann, you should have told us."), "said_to_another"),
        (asked("Jon", "Ann"), turn(text="You should have told us, dear Ann."), "said_to_another"),
        (asked("Jon", "Ann"), turn(text="Well, Ann should have told us."), None),
    ],
)
def test_what_counts_as_an_answer(record, reply, reason):
    assert AnswerRules.load().against(record, reply) == reason


def test_an_empty_value_switches_a_rule_off():
    rules = AnswerRules.load()
    off = AnswerRules(dict.fromkeys(rules.values, ""))
    reply = turn(text="No!", hole_after=True, is_direct=False, gap_seconds=99.0, speaker="All")
    assert off.against(asked("Ann"), reply) is None and off.digest != rules.digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("least_words\t4", "least_words\tfour", "value is 'four'; expected a number, or nothing"),
        ("least_words", "fewest_words", "rule is 'fewest_words'; expected one of"),
    ],
)
def test_a_wrong_table_of_rules(tmp_path, old, new, says):
    path, line = edited_tables(tmp_path, "reply/_human_replies.tsv", old, new)
    with pytest.raises(LabelError, match="human_replies.tsv") as error:
        AnswerRules.load(path)
    assert says.replace("; ", f" in {path}:{line}; ", 1) in str(error.value)


def test_a_rule_that_is_missing(tmp_path):
    path, _ = edited_tables(tmp_path, "reply/_human_replies.tsv", "hole_before\tyes", "#\tyes")
    with pytest.raises(LabelError, match="no row for hole_before"):
        AnswerRules.load(path)


# Tags and checks.


def record(utterance: str, language: str = "en") -> dict[str, Any]:
    one = orjson.loads(orjson.dumps(sample(1, audio=None)))
    one["target_utterance"]["text"] = utterance
    return {**one, "language": language, "text_context": []}


@pytest.mark.parametrize(
    "text",
    [
        "I had five sisters, and Joey Tribbiani married all of them in 1987!",
        "We met at my father's house, do you remember? What did you do there?",
        "You never told me about your daughter, you know?",
    ],
)
def test_what_peoples_lives_set_off_is_off(text):
    judged = judging.judge_reply(record("Nobody ever tells me anything about it."), text, "Jon")
    assert judged and judged.refused is None


def test_a_line_of_the_corpus_recites_nothing_but_a_broken_one_is_refused():
    assert "recites" in judging.switched_off()
    judged = judging.judge_reply(record("I lost it."), "What a pity &amp; what a shame.", "Jon")
    assert judged and judged.refused == "entity"


def test_what_has_no_cue_stays_unknown():
    judged = judging.judge_reply(record("I lost it."), "The boat left at seven.", "Jon")
    assert judged and [one["strategy"] for one in judged.strategies] == ["unknown"]


def test_a_language_without_tables_is_neither_tagged_nor_checked():
    assert judging.judge_reply(record("Ich habe ihn verloren.", "xx"), "Oh nein.", "Jon") is None


def test_ids_have_the_form_that_the_rules_expect():
    assert sample_id("emowoz", "train", "DMAGE901", "3") == "emowoz-train-DMAGE901-3"

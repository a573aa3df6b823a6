"""People's replies on the Hub: as far as each corpus allows, and nothing closed anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hub.client import REPO, client_of
from hub.server import LoopbackHub

from builders.corpora import load_card
from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.pipeline.run import build as build_dataset
from builders.record.human_replies import HumanReplies
from builders.record.schema import load_schema
from builders.release.hub.hydrating import hydrate
from builders.release.hub.release import PublishOptions, publish
from builders.release.mining import mine
from builders.release.rights import KINDS, needs, withheld
from builders.release.rules import PublishRules
from builders.resources import corpora
from builders.settings import make_config

TALKING = ("meld", "iemocap", "emowoz", "emorynlp", "empathetic_dialogues")


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the mined build of a corpus's sample, made once; of CREMA-D there is nothing."""
    here, made = tmp_path_factory.mktemp("builds"), {}

    def build(slug: str) -> Path:
        if slug not in made:
            source, output = corpora() / slug / "sample", here / "output"
            config = make_config(corpus=slug, source=source, name=slug, output=output)
            build_dataset(config, {}, quiet=True)
            if slug in TALKING:
                mine(output / slug, str(output / "hearten.sqlite"), Exclusions())
            made[slug] = output / slug
        return made[slug]

    return build


@pytest.fixture
def staged(builds, tmp_path, hub: LoopbackHub) -> Callable[..., Path]:
    """Stage a version of a corpus's build, and return the folder of its files."""

    def run(slug: str, **given: Any) -> Path:
        folder = given.pop("folder", None) or builds(slug)
        asked = PublishOptions(folder, "org/x", dry_run=True, allow_phrasebook=True, **given)
        client = client_of(hub)
        return publish(asked, PublishRules(), client, lambda line: None).staged.folder

    return run


def rows_in(folder: Path, config: str = "human_replies") -> list[dict[str, Any]]:
    shards = sorted((folder / "data" / config).glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def everything(folder: Path) -> bytes:
    """Return all files of a version as they are, and every cell of its Parquet files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    cells = [repr(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet"]
    return b"\n".join([*(path.read_bytes() for path in files), *map(str.encode, cells)])


@pytest.mark.parametrize("slug", TALKING)
def test_closed_texts_and_clips_are_in_no_byte_that_goes_out(builds, staged, slug):
    mined = {row["id"]: row for row in HumanReplies(builds(slug)).rows()}
    folder = staged(slug)
    rights, out = load_card(slug).rights.model_dump(), everything(folder)
    rows = {row["id"]: row for row in rows_in(folder)}
    assert rows.keys() == mined.keys() and rows and all("audio" not in r for r in rows.values())
    for name, own in mined.items():
        row = rows[name]
        assert row["reply_id"] == own["reply_id"]
        if rights["text"] != "yes":
            assert row["reply"] is row["utterance"] is row["checks"] is None
            for text in (own["reply"], own["utterance"]):
                assert len(text.split()) < 4 or text.encode() not in out, text
        else:
            assert (row["reply"], row["utterance"]) == (own["reply"], own["utterance"])
        if rights["labels"] != "yes":
            assert row["emotion"] is row["reply_emotion"] is row["reply_speaker"] is None
        if rights["derived"] != "yes":
            assert row["strategies"] == []
        if rights["audio"] != "yes":
            assert row["reply_audio"] is None
            for clip in (own["audio"], own["reply_audio"]):
                assert clip is None or clip["bytes"][60:160] not in out


def test_what_no_corpus_allows_is_only_ids(staged):
    """IEMOCAP's owner allows nothing, and times and digests neither."""
    for row in rows_in(staged("iemocap")):
        told = {name for name, value in row.items() if value}
        assert told == {
            *("id", "language", "corpus", "split", "dialogue_id", "reply_id", "tagged_by", "rights")
        }


def test_a_corpus_without_dialogues_has_no_such_config(builds, staged):
    folder = staged("crema_d")
    assert not (folder / "data/human_replies").exists()
    assert "human_replies" not in (folder / "README.md").read_text("utf-8")


def test_a_build_that_was_not_mined_is_published_as_before(builds, staged, tmp_path):
    folder = shutil.copytree(builds("meld"), tmp_path / "output" / "meld")
    shutil.rmtree(folder / "human_replies")
    assert not rows_in(staged("meld", folder=folder))


def test_a_clip_lies_in_one_config_only(staged):
    claims = tuple(f"{kind}:meld" for kind in KINDS)
    folder = staged("meld", claims=claims)
    spoken = {row["id"]: row for row in rows_in(folder, "record")}
    rows = rows_in(folder)
    assert all(row["reply_audio"] is None for row in rows if row["reply_id"] in spoken)
    digests = {spoken[row["reply_id"]]["audio_info"]["sha256_pcm"] for row in rows}
    assert digests == {row["reply_audio_sha256"] for row in rows}


def test_a_reply_that_is_no_sample_has_its_clip_there(staged, tmp_path):
    output, source = tmp_path / "output", corpora() / "meld" / "sample"
    config = make_config(corpus="meld", source=source, name="few", output=output, limit=6)
    build_dataset(config, {}, quiet=True)
    mine(output / "few", str(output / "hearten.sqlite"), Exclusions(), source)
    mined = {row["id"]: row for row in HumanReplies(output / "few").rows()}
    folder = staged("meld", folder=output / "few", claims=tuple(f"{k}:meld" for k in KINDS))
    rows, samples = rows_in(folder), {row["id"] for row in rows_in(folder, "default")}
    assert {row["reply_id"] for row in rows} - samples
    for row in rows:
        whole = mined[row["id"]]["reply_audio"]
        assert row["reply_audio"] == (None if row["reply_id"] in samples else whole)
    closed = staged("meld", folder=output / "few")
    assert all(row["reply_audio"] is None for row in rows_in(closed))
    assert all(
        row["reply_audio"]["bytes"][60:160] not in everything(closed) for row in mined.values()
    )


def test_a_synthetic_voice_opens_no_clip_of_a_person(staged, tmp_path):
    """Where utterances are spoken by an engine, its clips may go out, but those of people not."""
    output, source = tmp_path / "output", corpora() / "meld" / "sample"
    config = make_config(corpus="meld", source=source, name="few", output=output, limit=6)
    build_dataset(config, {}, quiet=True)
    path = output / "few/manifest.json"
    held = orjson.loads(path.read_bytes())
    held["result"]["config"]["speak"] = True
    path.write_bytes(orjson.dumps(held))
    mine(output / "few", str(output / "hearten.sqlite"), Exclusions(), source)
    own = [row["reply_audio"] for row in HumanReplies(output / "few").rows()]
    rows = rows_in(staged("meld", folder=output / "few"))
    assert all(own) and rows and all(row["reply_audio"] is None for row in rows)


def test_who_asked_since_is_in_no_row(builds, staged, tmp_path):
    out = Exclusions(frozenset({"meld-dev-0-1"})).covers
    folder = staged("meld", excluded=out)
    rows = rows_in(folder)
    assert len(rows) == 15
    assert "meld-dev-0-1" not in {name for row in rows for name in (row["id"], row["reply_id"])}


def test_replies_of_another_state_of_the_build_are_refused(builds, staged, tmp_path):
    folder = shutil.copytree(builds("meld"), tmp_path / "output" / "meld")
    path = folder / "human_replies/manifest.json"
    held = orjson.loads(path.read_bytes())
    held["identity"]["the build"] = "0" * 64
    path.write_bytes(orjson.dumps(held))
    with pytest.raises(ConfigError, match="the build was replaced after its replies") as error:
        staged("meld", folder=folder)
    assert f"run hearten mine {folder}" in str(error.value)


def test_the_card_says_what_they_are_and_what_is_withheld(staged):
    text = (staged("meld") / "README.md").read_text("utf-8")
    assert "| `human_replies` |" in text and "## Replies that people gave" in text
    assert "`human_replies` has 17 replies" in text
    assert "null in every row: `reply_audio`." in text


def test_every_field_of_a_row_has_its_permission():
    assert needs("human_replies").keys() == load_schema("human_replies")["properties"].keys()
    every = frozenset({"pointers", *KINDS})
    assert withheld(every, "human_replies") == {"audio": None}
    assert withheld(frozenset(), "human_replies")["reply"] is None


def _published(builds: Callable[[str], Path], slug: str, hub: LoopbackHub, to: Path) -> Path:
    """Publish a corpus's build, loading it from there as a user would, and return the build."""
    folder = shutil.copytree(builds(slug), to / slug)
    asked = PublishOptions(folder, REPO, allow_phrasebook=True)
    publish(asked, PublishRules(), client_of(hub), lambda line: None)
    return folder


@pytest.mark.slow
def test_a_version_loads_and_hydrate_restores_words_and_clips(builds, hub, tmp_path):
    """MELD's clips are no row's of any config; with one's own copy, all is there again."""
    own = HumanReplies(_published(builds, "meld", hub, tmp_path / "output"))
    source = corpora() / "meld" / "sample"
    done = hydrate(client_of(hub), source, None, "back", tmp_path / "back")
    assert done.human_replies == own.count == 17
    assert "17 replies that people gave were restored" in done.as_text()
    back = HumanReplies(tmp_path / "back" / "back")
    assert list(back.rows()) == list(own.rows())
    assert not any("people" in line for line in done.missing)


@pytest.mark.slow
def test_hydrate_restores_no_replies_where_there_is_no_build_to_mine(builds, hub, tmp_path):
    """IEMOCAP's drafts are not published: what comes back are utterances, and no build."""
    _published(builds, "iemocap", hub, tmp_path / "output")
    source = corpora() / "iemocap" / "sample"
    done = hydrate(client_of(hub), source, None, "back", tmp_path / "back")
    assert done.human_replies == 0
    assert any("11 replies that people gave: build --corpus iemocap" in m for m in done.missing)


@pytest.mark.slow
def test_hydrate_leaves_out_who_asked_since(builds, hub, tmp_path):
    _published(builds, "meld", hub, tmp_path / "output")
    table = tmp_path / "exclusions.tsv"
    table.write_text("id\treason\nmeld-dev-0-1\tasked to be taken out\n")
    source = corpora() / "meld" / "sample"
    done = hydrate(client_of(hub), source, None, "back", tmp_path / "back", table)
    rows = list(HumanReplies(done.folder).rows(("id", "reply_id")))
    assert done.human_replies == len(rows) == 15
    assert "meld-dev-0-1" not in {name for row in rows for name in row.values()}

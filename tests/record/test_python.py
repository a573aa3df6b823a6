"""What a user of the package has: a build by sample, as tables, as a dataset, in a notebook."""

from __future__ import annotations

import builtins
import io
import shutil
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
import soundfile
from builds import ROOT, environment, samples
from hub.client import client_of
from hub.server import LoopbackHub
from huggingface_hub import HfApi, constants
from publishable import OPEN, make_build, sample

from builders import Build, load
from builders.corpora import Rights, SpeakersConsent, load_card
from builders.errors import ConfigError, VerificationError
from builders.record.data_file import DataFile
from builders.release import rights
from builders.release.hub.release import PublishOptions, publish
from builders.release.rules import PublishRules


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A build of 250 samples with clips in three row groups, and of one in another split."""
    here = tmp_path_factory.mktemp("python")
    rows = [sample(number, reply=f"Reply <b>{number}</b>!") for number in range(250)]
    return make_build(here / "meld", [*rows, sample(7, "dev")])


def test_a_sample_is_found_by_its_id_with_its_clip(folder):
    build = load(folder)
    name = "meld-train-1-203"
    found = build[name]
    assert found["desired_response"]["text"] == "Reply <b>203</b>!"
    pcm, rate = soundfile.read(io.BytesIO(found["audio"]["bytes"]))
    assert rate == 16_000 and len(pcm) == found["audio_info"]["samples"]
    assert name in build and "meld-train-1-999" not in build and 5 not in build
    assert [row["id"] for row in build] == [row["id"] for row in build.rows()]


def test_an_id_that_is_not_there_names_the_nearest(folder):
    with pytest.raises(ConfigError, match="no sample 'meld-train-1-2033'.*did you mean meld-train"):
        load(folder)["meld-train-1-2033"]


def test_flat_tables_have_one_value_in_each_cell(folder):
    build = load(folder)
    table = build.to_pandas(flat=True)
    assert len(table) == 251 and [*table.columns] == build.scan().collect_schema().names()[:-2]
    assert table["reply"][3] == "Reply <b>3</b>!" and table["words"][3] == 12
    assert [*build.to_pandas("dev", ["id", "file"], flat=True)["id"]] == ["meld-dev-1-7"]
    with pytest.raises(ConfigError, match="no flat column 'emotoin'; did you mean emotion"):
        build.to_pandas(columns=["emotoin"], flat=True)


def bytes_read(monkeypatch, work):
    """Return how many bytes of the build's files are read while something is done."""
    read = 0

    class Counting(io.FileIO):
        def read(self, size=-1):
            nonlocal read
            found = super().read(size)
            read += len(found)
            return found

    whole = DataFile.__init__

    def counted(self, path, footer=None):
        whole(self, path, footer)
        self._file.close()
        source = pa.PythonFile(Counting(path), mode="r")
        self._file = pa.parquet.ParquetFile(source, page_checksum_verification=True)

    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "__init__", counted)
        work()
    return read


def test_a_scan_reads_the_columns_asked_for_and_the_row_groups_that_match(folder, monkeypatch):
    build = load(folder)
    size = sum(path.stat().st_size for path in build.shards())
    footers = bytes_read(monkeypatch, lambda: [build.opened(p) for p in build.shards()])
    one = bytes_read(monkeypatch, build.scan().select("id").collect) - footers
    texts = build.scan().select("id", "text", "reply")
    some = bytes_read(monkeypatch, texts.collect) - footers
    near = texts.filter(pl.col("id") == "meld-train-1-7")
    assert near.collect()["reply"].to_list() == ["Reply <b>7</b>!"]
    few = bytes_read(monkeypatch, near.collect) - footers
    assert 0 < one < few < some < size / 10


def test_a_filter_that_meets_rows_of_several_groups_keeps_them_in_order(folder):
    wanted = [f"meld-train-1-{number}" for number in (3, 99, 100, 249)]
    found = load(folder).scan().filter(pl.col("id").is_in(wanted)).select("id", "reply", "row")
    assert found.collect().rows() == [
        (name, f"Reply <b>{number}</b>!", number)
        for name, number in zip(wanted, (3, 99, 100, 249), strict=True)
    ]
    assert found.filter(pl.col("row") > 1000).collect().rows() == []


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Let `datasets` keep its files in a folder of the test."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


def test_a_dataset_has_every_row_and_its_clip_as_bytes(folder, cached):
    rows = load(folder).to_dataset()
    assert {name: len(split) for name, split in rows.items()} == {"train": 250, "dev": 1}
    assert rows["train"].features["audio"].sampling_rate == 16_000
    whole = [one for one in samples(folder) if one["source"]["split"] == "train"]
    assert rows["train"][5] == whole[5] and whole[5]["audio"]["bytes"]
    assert len(load(folder).to_dataset("dev")) == 1
    with pytest.raises(ConfigError, match="no split 'trian'.*did you mean train"):
        load(folder).to_dataset("trian")


def test_what_cannot_be_decoded_says_what_is_missing(folder, cached, monkeypatch):
    def lacks(self, *_, **__):
        raise ImportError("To support decoding audio data, please install 'torchcodec'.")

    monkeypatch.setattr(cached.Audio, "decode_example", lacks)
    with pytest.raises(ConfigError, match="cannot decode clips here .*torchcodec.*decode=True"):
        load(folder).to_dataset(decode=True)


def test_without_datasets_the_extra_is_named(folder, monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **more):
        if name == "datasets":
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r'datasets is not installed; pip install "hearten\[publ'):
        load(folder).to_dataset()


class Tags(HTMLParser):
    """Counts the elements of a page, and keeps its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.sources = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]

    def handle_data(self, data):
        self.text += data


def test_a_notebook_shows_the_first_samples_with_players(folder):
    page = Tags(load(folder)._repr_html_())
    assert page.tags.count("audio") == 3 and "251 samples (250 train, 1 dev)" in page.text
    assert all(source.startswith("data:audio/flac;base64,ZkxhQ") for source in page.sources)
    assert "Reply <b>2</b>!" in page.text  # words of a corpus are never markup


@pytest.mark.parametrize("name", ["meld", "meld/dev", "output/nothing"])
def test_what_is_no_build_and_not_on_the_hub_is_one_line(name, tmp_path, monkeypatch):
    (tmp_path / "output").mkdir()
    (tmp_path / "meld").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"there is no build in {name}; expected a folder"):
        load(name)


def test_a_revision_is_of_a_dataset_on_the_hub(folder):
    with pytest.raises(ConfigError, match="a revision is given for the folder .*ORG/NAME"):
        load(folder, "v1")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A Hub on this machine."""
    with LoopbackHub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def on_hub(hub, tmp_path):
    """Run lines of Python in a process whose client takes that Hub for its own."""

    def run(lines):
        about = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_test",
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        begin = "from builders import load\nfrom builders.errors import HeartenError\n"
        code = f"{begin}try:\n{textwrap.indent(lines, '    ')}\nexcept HeartenError as error:\n"
        done = subprocess.run(
            [sys.executable, "-c", f"{code}    print(error)"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(**about),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_dataset_that_was_published_is_opened_by_its_name(folder, hub, on_hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    card = load_card("meld").model_copy(
        update={"rights": Rights(**OPEN), "voices": SpeakersConsent(consent="yes")}
    )
    monkeypatch.setattr(rights, "load_card", lambda slug: card)
    client = client_of(hub)
    publish(PublishOptions(folder, client.repo), PublishRules(), client, lambda line: None)
    told = on_hub(
        f"build = load({client.repo!r}, 'v1').verify()\n"
        "one = build['meld-train-1-9']\n"
        "print(build.count, one['id'], one['audio']['path'])\n"
        "rows = build.to_pandas('train', ['reply'], flat=True)\n"
        "print(rows['reply'][203])\n"
        "print(build._repr_html_().count('audio controls'))\n"
    ).splitlines()
    assert told[0].startswith("251 meld-train-1-9 meld-train-1-9")
    assert told[1:] == ["Reply <b>203</b>!", "3"]
    assert "at revision v9 cannot be loaded from the Hub" in on_hub(f"load({client.repo!r}, 'v9')")


def test_a_dataset_of_others_on_the_hub_says_how_to_take_it_in(hub, on_hub):
    HfApi(endpoint=hub.url, token="hf_test").create_repo("org/other", repo_type="dataset")
    told = on_hub("load('org/other')")
    assert "was not published by Hearten" in told and "hearten import" in told
    assert "org/nothing cannot be loaded from the Hub" in on_hub("load('org/nothing')")


SNIPPET = """
from builders import Build, __version__, build, load

made: Build = build("meld", sample=True, output="output")
again = load("output/meld-sample")
text: str = again["meld-train-0-3"]["desired_response"]["text"]
count: int = again.count
names: list[str] = again.scan().select("id").collect()["id"].to_list()
for row in again.rows(["id"]):
    name: str = row["id"]
version: str = __version__
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "said"), [("", None), ("wrong: int = again['x']['id']\n", "Incompatible types")]
)
def test_a_users_program_is_checked_by_our_types(more, said, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(SNIPPET + more)
    cache = ROOT / ".mypy_cache"
    how = ("--strict", "--follow-imports=silent", "--cache-dir", str(cache))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *how, str(path)], capture_output=True, text=True, cwd=ROOT
    )
    assert (said is None) == (done.returncode == 0), done.stdout
    assert said is None or said in done.stdout
    assert (ROOT / "builders/py.typed").is_file()


def test_a_file_that_was_changed_is_never_a_dataset(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "meld")
    shard = Path(next(iter(Build(other).shards())))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(VerificationError, match="as manifest.json says"):
        load(other)

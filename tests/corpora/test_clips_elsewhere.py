"""Clips that are links out of the corpus folder, and files that are no clips."""

import shutil
from pathlib import Path

import pytest
from builds import hearten, one_line_error, samples
from trees import hum, make_meld_tree, stereo
from trees_emorynlp import make_emorynlp_tree

from builders.audio.clips import ClipError, locate
from builders.audio.decode import decode
from builders.audio.heads import ClipHeads
from builders.corpora.verify import verify
from builders.errors import ConfigError, SourceError
from builders.record.types import Media
from builders.settings.file import load_settings

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
NAMES = [f"dia{d}_utt{u}" for d in (0, 1) for u in (0, 1)]
FOLDER = "dev_splits_complete"
DEV = ("--split", "dev", "--corpus", "meld")
SETTING = "[corpora.meld]\nfollow_links = true\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("meld")
    return make_meld_tree(root, clips={f"dev/{name}": stereo(hum(0.6)) for name in NAMES})


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def linked(here, tmp_path) -> Path:
    """Return a copy whose folder of clips is a link to another disk."""
    corpus = shutil.copytree(here, tmp_path / "corpus", ignore=lambda *_: [FOLDER])
    (corpus / FOLDER).symlink_to(here / FOLDER)
    return corpus


@pytest.fixture
def cached(here, tmp_path) -> Path:
    """Return a copy whose clips are links into a cache of the Hub, as its snapshots are."""
    corpus = shutil.copytree(
        here, tmp_path / "models" / "snapshots" / "rev", ignore=lambda *_: [FOLDER]
    )
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir()
    (corpus / FOLDER).mkdir()
    for number, clip in enumerate(sorted((here / FOLDER).iterdir())):
        shutil.copy(clip, blobs / f"{number:040}")
        (corpus / FOLDER / clip.name).symlink_to(f"../../../blobs/{number:040}")
    return corpus


def pointers(here: Path, to: Path, *names: str) -> Path:
    corpus = shutil.copytree(here, to)
    for name in names:
        (corpus / FOLDER / f"{name}.mp4").write_text(POINTER)
    return corpus


# Links


def test_a_link_that_leads_out_is_read_where_that_is_asked_for(cached):
    clip = cached / FOLDER / "dia0_utt0.mp4"
    with pytest.raises(ClipError) as error:
        locate(clip, cached)
    assert error.value.reason == "path_outside_corpus" and "--follow-links" in error.value.detail
    found = decode(Media(clip), cached, follow_links=True)
    assert found.source_file == f"{FOLDER}/dia0_utt0.mp4"


@pytest.mark.parametrize("path", ["../secret.mp4", "a/../../secret.mp4", "{out}/secret.mp4"])
def test_a_path_that_leads_out_is_no_link_and_stays_refused(path, tmp_path):
    (tmp_path / "corpus" / "a").mkdir(parents=True)
    (tmp_path / "secret.mp4").touch()
    with pytest.raises(ClipError) as error:
        locate(Path(path.format(out=tmp_path)), tmp_path / "corpus", follow_links=True)
    assert error.value.reason == "path_outside_corpus"
    assert "--follow-links" not in error.value.detail


def test_a_link_to_nothing_says_so(tmp_path):
    (tmp_path / "clip.mp4").symlink_to("/nowhere/clip.mp4")
    with pytest.raises(ClipError, match="there is a link to no file") as error:
        locate(tmp_path / "clip.mp4", tmp_path, follow_links=True)
    assert error.value.reason == "clip_missing"


def test_a_build_over_links_stops_with_the_option_and_is_made_with_it(linked, output):
    asked = ("build", *DEV, "--source", linked, "--output", output, "--no-reply-worthy")
    line = one_line_error(hearten(*asked))
    assert line == (
        "error: the clips are links that lead out of the folder (such as dia0_utt0.mp4) in "
        f"{linked}; add --follow-links to follow them, or put the clips themselves there, or use "
        "--text-only"
    )
    ended = hearten(*asked, "--follow-links", "--workers", "2")
    assert ended.code == 0, ended.err
    found = samples(output / "meld")
    assert [r["audio_info"]["source_file"] for r in found] == [f"{FOLDER}/{n}.mp4" for n in NAMES]


def test_the_setting_follows_links_too(cached, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hearten.toml").write_text(SETTING)
    asked = ("build", *DEV, "--source", cached, "--output", output, "--no-reply-worthy")
    assert hearten(*asked).code == 0
    assert len(samples(output / "meld")) == 4
    assert "4 of 4 decoded" in hearten("verify", *DEV, "--source", cached).out


def test_a_setting_that_is_no_truth_is_refused(tmp_path):
    path = tmp_path / "hearten.toml"
    path.write_text(SETTING.replace("true", '"yes"'))
    with pytest.raises(ConfigError, match=r"corpora.meld.follow_links is 'yes'.*true or false"):
        load_settings(path)


# Pointers


def test_a_build_over_pointers_stops_before_anything_is_heard(here, tmp_path, output):
    source = pointers(here, tmp_path / "meld", *NAMES)
    line = one_line_error(hearten("build", *DEV, "--source", source, "--output", output))
    assert line == (
        "error: the clips are Git LFS pointers, not sound (such as dia0_utt0.mp4) in "
        f"{source}; run `git lfs pull` there, or use --text-only"
    )
    assert not (output / "meld").exists()


def test_one_clip_that_can_be_used_is_enough_to_go_on(here, tmp_path):
    source = pointers(here, tmp_path / "meld", *NAMES[:-1])
    heads = ClipHeads(source)
    for name in (*NAMES[:-1], None):
        heads.look(Media(source / FOLDER / f"{name}.mp4") if name else None)
    with pytest.raises(SourceError, match="git lfs pull"):
        heads.check()
    heads.look(Media(source / FOLDER / f"{NAMES[-1]}.mp4"))
    heads.check()


# What verify says


def test_verify_counts_no_pointer_and_no_link_that_leads_out(here, linked, tmp_path):
    source = pointers(here, tmp_path / "meld", *NAMES[:3])
    for folder, clips, unusable in (
        (source, 1, {"lfs_pointer": 3}),
        (linked, 0, {"path_outside_corpus": 4}),
        (here, 4, {}),
    ):
        found = verify("meld", folder, ("dev",))
        (counted,) = [row.found for row in found.rows if row.what == "clips"] or [0]
        assert (counted, found.unusable) == (clips, unusable)
        assert ("but clips cannot be used" in found.as_text()) == bool(unusable)
    assert verify("meld", linked, ("dev",), follow_links=True).sampled == {"dev": {"decoded": 4}}


def test_verify_ends_with_4_over_clips_that_cannot_be_read_whatever_is_published(tmp_path):
    make_emorynlp_tree(tmp_path)
    clip = tmp_path / "emorynlp_dev_splits" / "sea1_ep2_sc1_utt1.mp4"
    clip.parent.mkdir()
    clip.write_text(POINTER)
    ended = hearten("verify", "--corpus", "emorynlp", "--source", tmp_path, "--split", "dev")
    assert ended.code == 4 and "clips that cannot be used: 1 lfs_pointer" in ended.out
    assert "error: clips cannot be read: 1" in ended.err and "git lfs pull" in ended.err


def test_verify_decodes_a_sample_of_each_split(here, tmp_path):
    source = shutil.copytree(here, tmp_path / "meld")
    clip = source / FOLDER / "dia0_utt1.mp4"
    clip.write_bytes(clip.read_bytes()[:200])
    found = verify("meld", source, ("dev",))
    assert found.sampled["dev"]["decoded"] == 3 and sum(found.sampled["dev"].values()) == 4
    assert "sample of clips of dev: 3 of 4 decoded; 1 clip_" in found.as_text()


def test_verify_says_why_it_read_no_clips(here, tmp_path):
    source = shutil.copytree(here, tmp_path / "meld", ignore=lambda *_: [FOLDER])
    text = verify("meld", source, ("dev",)).as_text()
    assert "(annotation files only)" in text and "no clips: the media are missing" in text

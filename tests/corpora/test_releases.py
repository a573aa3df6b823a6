"""Which release an annotation file is of: the owner's, an older one, a copy, or none known."""

import hashlib
import shutil

import pytest

from builders import resources
from builders.corpora import slugs
from builders.corpora.releases import releases_of
from builders.corpora.verify import verify
from builders.errors import LabelError

HEADER = "file\trelease\tkind\tsha256\tsource\n"


def verdicts(slug, *files):
    return [(one.file, one.verdict) for one in releases_of(slug, files)]


@pytest.mark.parametrize(
    ("slug", "pattern", "count"),
    [("meld", "*.csv", 3), ("emorynlp", "*.csv", 1), ("crema_d", "**/[!S]*.csv", 3)],
)
def test_the_real_files_are_the_owners_and_changed_copies_are_not(
    slug, pattern, count, real_data, tmp_path
):
    files = sorted((real_data / slug).glob(pattern))
    assert len(files) == count
    assert {verdict for _, verdict in verdicts(slug, *files)} == {"owner"}
    for path in files:
        copy = tmp_path / path.name
        shutil.copyfile(path, copy)
        assert verdicts(slug, copy) == [(path.name, "owner")]
        copy.write_bytes(path.read_bytes().replace(b"\r\n", b"\n") + b"\n")
        assert verdicts(slug, copy) == [(path.name, "changed")]


def test_verify_says_so(real_data, tmp_path):
    for path in (real_data / "meld").glob("*.csv"):
        shutil.copyfile(path, tmp_path / path.name)
    found = verify("meld", tmp_path, text_only=True)
    assert "train_sent_emo.csv: the owner's file (since 15 November 2020)" in found.as_text()
    path = tmp_path / "dev_sent_emo.csv"
    path.write_bytes(path.read_bytes().replace("’".encode(), b"?"))
    found = verify("meld", tmp_path, text_only=True)
    assert found.ok  # the counts are as published all the same
    text = found.as_text()
    assert "dev_sent_emo.csv: not the owner's file: it was changed or saved again" in text
    assert "39 counts, as published, but texts are damaged, but not all files are the own" in text
    assert found.as_json()["files"][1] == {
        **{"file": "dev_sent_emo.csv", "verdict": "changed", "release": ""},
    }


def test_an_older_release_and_a_copy_are_told_apart(tmp_path, monkeypatch):
    path, digests = tmp_path / "train.csv", {}
    for text in ("new", "old", "copied"):
        digests[text] = hashlib.sha256(text.encode()).hexdigest()
    kinds = {"new": "current", "old": "older", "copied": "copy"}
    (tmp_path / "meld").mkdir()
    table = tmp_path / "meld" / "releases.tsv"
    lines = (f"train.csv\t{t}\t{k}\t{digests[t]}\thttps://example.org\n" for t, k in kinds.items())
    table.write_text(HEADER + "".join(lines))
    monkeypatch.setattr(resources, "corpora", lambda: tmp_path)
    for text, verdict in {**kinds, "new": "owner", "old": "older", "other": "changed"}.items():
        path.write_text(text)
        (found,) = releases_of("meld", [path])
        assert (found.verdict, found.release) == (verdict, text if text in kinds else "")
    assert str(found) == "train.csv: not the owner's file: it was changed or saved again"
    assert verdicts("meld", tmp_path / "dev.csv") == [("dev.csv", "unknown")]
    table.write_text(HEADER + f"train.csv\tx\tcopy\t{digests['copied']}\thttps://example.org\n")
    assert verdicts("meld", path) == [("train.csv", "unknown")]
    table.write_text(HEADER + "train.csv\tx\tnewest\tabc\thttps://example.org\n")
    with pytest.raises(LabelError, match=r"newest.*expected one of current, older, copy"):
        releases_of("meld", [path])


@pytest.mark.parametrize("slug", slugs())
def test_every_table_of_releases_is_valid(slug):
    assert releases_of(slug, []) == []

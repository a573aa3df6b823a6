"""What is found out about a whole corpus is a file that no limit, kill or thread changes."""

import json
import shutil
import signal
import subprocess
import time
from hashlib import sha256

import pytest
from builds import command, environment, hearten, manifest, one_line_error, result_bytes
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

from builders.record.dataset import Build


def build(slug, output, name, *more):
    told = ("--corpus", slug, "--sample", "--show", 0, "--output", output, "--name", name)
    return hearten("build", *told, *more)


def built(slug, output, name, *more):
    ended = build(slug, output, name, *more)
    assert ended.code == 0, ended.err
    return output / name


def fits(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "fits").iterdir())}


@pytest.mark.slow
def test_a_limit_leaves_every_fit_alone_and_the_manifest_has_their_digests(tmp_path):
    few = built("crema_d", tmp_path, "few", "--limit", 6)
    whole = built("crema_d", tmp_path, "whole", "--workers", 1)
    more = built("crema_d", tmp_path, "few", "--limit", 9)
    assert {*fits(whole)} == {
        *("minimal_pairs.json", "recited.json", "speaker_baselines.json", "survey.json")
    }
    assert fits(few) == fits(whole) == fits(more)
    told = manifest(whole)["result"]["fits"]
    assert told == manifest(few)["result"]["fits"]
    assert told == {n.partition(".")[0]: sha256(c).hexdigest() for n, c in fits(whole).items()}
    found = {name: json.loads(content) for name, content in fits(whole).items()}
    assert sum(found["survey.json"]["candidates"].values()) == Build(whole).count
    assert found["minimal_pairs.json"]["groups"] and found["minimal_pairs.json"]["same_words"]
    assert "corpus" in found["speaker_baselines.json"]["sums"]
    assert len(found["speaker_baselines.json"]["same_audio"]) == 2


def test_a_build_of_words_alone_has_no_baselines(tmp_path):
    folder = built("meld", tmp_path, "words", "--text-only")
    assert "survey.json" in fits(folder) and "speaker_baselines.json" not in fits(folder)
    assert Build(folder).verify().count


@pytest.fixture
def source(tmp_path):
    rows = {"train": [meld_row(d, u) for d in range(6) for u in range(10)]}
    return make_meld_tree(tmp_path / "meld", rows)


def asked(source, output, endpoint, *more):
    return (
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output),
        *("--model", "test-model", "--base-url", endpoint.base_url, "--show", 0, *more),
    )


@pytest.mark.slow
def test_votes_are_a_fit_that_a_kill_does_not_change(tmp_path, source):
    with TestEndpoint(any_model=True, latency=0.05, reads=True) as endpoint:
        more = ("--vote-model", "a", "--vote-model", "b")
        told = asked(source, tmp_path / "killed", endpoint, *more)
        process = subprocess.Popen(command(*told), env=environment(), stdout=subprocess.DEVNULL)
        while endpoint.log()["count"] < 550:  # 400 by which both models qualify
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        begun = fits(tmp_path / "killed" / "meld")
        assert {*begun} == {"survey.json", "recited.json"}
        assert hearten(*told).code == 0
        endpoint.control(latency=0.0)
        assert hearten(*asked(source, tmp_path / "at-once", endpoint, *more)).code == 0
    killed, whole = (tmp_path / name / "meld" for name in ("killed", "at-once"))
    assert fits(killed) == fits(whole) and begun.items() <= fits(whole).items()
    assert result_bytes(killed) == result_bytes(whole)
    votes = json.loads(fits(whole)["votes.json"])
    assert votes["models"] == ["a", "b"] and all(len(v) == 2 for v in votes["votes"].values())
    assert manifest(whole)["result"]["fits"].keys() >= {"votes", "survey"}


@pytest.mark.slow
def test_a_fit_that_changed_is_one_line_and_starting_over_ends_it(tmp_path, source):
    with TestEndpoint(faults=[{"kind": "error_500", "every": 1}], any_model=True) as endpoint:
        told = asked(source, tmp_path / "out", endpoint, "--patience", 0.1)
        assert hearten(*told).code != 0
        folder = tmp_path / "out" / "meld"
        (folder / "fits" / "survey.json").write_bytes(b"{}\n")
        line = one_line_error(hearten(*told))
        for words in ("survey of this corpus changed since", "fits/survey.json", "--resume never"):
            assert words in line
        endpoint.control(faults=[])
        assert hearten(*told, "--resume", "never").code == 0
    assert manifest(folder)["result"]["fits"]["survey"]
    (folder / "fits" / "survey.json").write_bytes(b"{}\n")
    with TestEndpoint(any_model=True) as endpoint:
        told = asked(source, tmp_path / "out", endpoint, "--limit", 5)
        line = one_line_error(hearten(*told))
        assert "choose another --name;" in line and "--resume never" not in line
        shutil.rmtree(folder / "fits")
        assert hearten(*told).code == 0
    assert {*fits(folder)} == {"survey.json", "recited.json"}

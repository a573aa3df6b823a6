"""`hearten publish` and `hearten hydrate` as they are typed, against a loopback Hub."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from builds import ROOT, hearten, one_line_error, result_bytes
from hub.client import REPO
from hub.server import Fault

SAMPLE = ROOT / "builders" / "corpora" / "meld" / "sample"


@pytest.fixture
def surroundings(hub, tmp_path):
    """Return the environment in which the client knows the loopback Hub."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_test",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    output = tmp_path_factory.mktemp("built") / "output"
    ended = hearten("build", "--corpus", "meld", "--sample", "--output", output)
    assert ended.code == 0, ended.err
    return output


@pytest.fixture
def built(built_once, tmp_path):
    """The folder of a build of one's own, copied with its store."""
    return shutil.copytree(built_once, tmp_path / "output") / "meld-sample"


def publish(built, surroundings, *more, phrasebook=("--allow-phrasebook",), **env):
    arguments = ("publish", built, "--repo", REPO, *phrasebook, *more)
    return hearten(*arguments, cwd=built.parent.parent, **(surroundings | env))


def test_publish_and_hydrate_bring_the_build_back(hub, built, surroundings, tmp_path):
    ended = publish(built, surroundings)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert "meld: text, labels, derived, under GPL-3.0" in lines
    assert "  default: 17 train, 6 dev, 8 test" in lines
    assert f"published: {REPO}, version v1" in lines
    assert hub.repos[REPO].private and not ended.err

    more = ("--source", SAMPLE, "--output", tmp_path / "back")
    ended = hearten("hydrate", "--dataset", REPO, *more, **surroundings)
    assert ended.code == 0, ended.err
    assert "data/ is byte-identical to the build" in ended.out
    back, first = result_bytes_of(tmp_path / "back" / "dataset"), result_bytes(built)
    assert back == {name: first[name] for name in back}


def result_bytes_of(folder):
    return {path.name: path.read_bytes() for path in (folder / "data").iterdir()}


def test_a_dry_run_prints_the_plan(hub, built, surroundings):
    ended = publish(built, surroundings, "--dry-run")
    assert ended.code == 0, ended.err
    assert "would send 34 files" in ended.out
    assert "nothing was sent; run without --dry-run" in ended.out
    assert not hub.repos
    folder = built.parent / ".publish" / built.name
    assert (folder / "README.md").is_file()


def test_a_dry_run_asks_a_hub_that_is_down_twice_and_plans_a_first_version(
    hub, built, surroundings
):
    hub.faults.append(Fault("GET /api/datasets/", 503, times=99))
    ended = publish(built, surroundings, "--dry-run")
    assert ended.code == 0, ended.err
    assert "the Hub could not be reached, so this is planned as a first version" in ended.out
    assert "the Hub failed 2 times" in ended.out
    assert "nothing was sent; run without --dry-run" in ended.out
    assert len(hub.log) == 2


def test_json_is_one_object(built, surroundings):
    ended = publish(built, surroundings, "--json")
    told = json.loads(ended.out)
    assert told["version"] == "v1" and told["fresh"]
    assert told["configs"]["default"] == {"train": 17, "dev": 6, "test": 8}
    again = json.loads(publish(built, surroundings, "--json").out)
    assert again["version"] == "v1" and not again["fresh"]


@pytest.mark.parametrize(
    ("more", "env", "code", "words"),
    [
        ((), {"HF_TOKEN": ""}, 1, "no Hub token was found; set HF_TOKEN"),
        ((), {"HF_TOKEN": "hf_wrong"}, 1, "the Hub does not accept the token"),
        (
            ("--public", "--i-have-the-right-to", "audio:meld"),
            {},
            2,
            "expected a private repository",
        ),
        (("--i-have-the-right-to", "sound"), {}, 2, "expected KIND:CORPUS"),
    ],
)
def test_what_stops_it_is_one_line(built, surroundings, more, env, code, words):
    ended = publish(built, surroundings, *more, **env)
    assert ended.code == code
    assert words in one_line_error(ended)


def test_a_hub_that_is_down_stops_it_after_five_tries(hub, built, surroundings):
    hub.faults.append(Fault("GET /api/whoami", 503, times=99, headers={"Retry-After": "0"}))
    ended = publish(built, surroundings)
    assert ended.code == 3
    assert "the Hub failed 5 times" in one_line_error(ended)
    assert len(hub.log) == 5


def test_the_phrasebook_and_the_rules_of_the_settings_are_minded(built, surroundings):
    ended = publish(built, surroundings, phrasebook=())
    assert ended.code == 1 and "--allow-phrasebook" in one_line_error(ended)
    (built.parent.parent / "hearten.toml").write_text("[publish]\nreviewed_share = 0.5\n")
    ended = publish(built, surroundings)
    assert ended.code == 1
    assert (
        "not met: reviewed_share: 0 of 31 samples are reviewed and undisputed; 50% are required"
        in one_line_error(ended)
    )


def test_a_repository_that_cannot_be_a_name_is_one_line(built, surroundings):
    arguments = ("publish", built, "--repo", "no slash here", "--allow-phrasebook")
    ended = hearten(*arguments, **surroundings)
    assert ended.code in (1, 2)
    assert "no slash here" in one_line_error(ended)


def test_without_the_client_the_line_names_the_extra(built, surroundings, tmp_path):
    (tmp_path / "hidden" / "huggingface_hub").mkdir(parents=True)
    path = tmp_path / "hidden" / "huggingface_hub" / "__init__.py"
    path.write_text("raise ImportError('hidden')\n")
    env = {"PYTHONPATH": os.pathsep.join((str(tmp_path / "hidden"), str(ROOT)))}
    ended = publish(built, surroundings, **env)
    assert ended.code == 1
    assert 'pip install "hearten[publish]"' in one_line_error(ended)

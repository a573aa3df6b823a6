"""Publishing to a loopback Hub: all of a version or nothing, whatever goes wrong on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub.client import REPO, client_of
from hub.server import Fault
from publishable import OPEN, make_build, sample

from builders.errors import StoppedEarly, UsageError, VerificationError
from builders.release.hub import loading
from builders.release.hub.client import HubError, Overtaken
from builders.release.rules import PublishRules

STEPS = {
    "create": "POST /api/repos/create",
    "look": "GET /api/datasets/org/dataset$",
    "refs": "GET .*/refs$",
    "request": "POST .*/discussions$",
    "requests": "GET .*/discussions$",
    "details": "GET .*/discussions/1$",
    "validate": "POST /api/validate-yaml",
    "preupload": "POST .*/preupload/",
    "batch": "POST .*/objects/batch",
    "put": "PUT /lfs/",
    "verify": "POST /lfs-verify/",
    "commit": "POST .*/commit/",
    "tree": "GET .*/tree/",
    "open": "POST .*/status",
    "merge": "POST .*/merge",
    "tag": "POST .*/tag/",
}
# The calls that change something, so that a lost answer is not a lost call.
ANSWERED = ("create", "request", "put", "commit", "open", "merge", "tag")


@pytest.fixture
def unchecked(monkeypatch):
    """Leave out loading elsewhere, which other tests do."""
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)


@pytest.fixture
def build(tmp_path, terms) -> Path:
    terms()
    records = [sample(n) for n in (1, 2, 3)] + [sample(4, split="test")]
    return make_build(tmp_path / "output" / "b", records)


def again(tmp_path, records, name="b2") -> Path:
    return make_build(tmp_path / "output" / name, records)


def is_whole(hub, version=1, repo=REPO):
    """The repository has this version, main is it, and each file has the digest it should."""
    found = hub.repos[repo]
    assert found.tags[f"v{version}"] == found.refs["main"]
    assert max(found.tags) == f"v{version}"
    sums = hub.read(repo, "SHA256SUMS").decode()
    listed = {line.split("  ")[1] for line in sums.splitlines()}
    assert hub.files(repo) == listed | {"SHA256SUMS", "CHANGELOG.md"}
    return True


def is_untouched(hub, repo=REPO):
    """Readers see nothing: no version, and main as it was made."""
    found = hub.repos.get(repo)
    return found is None or (not found.tags and not hub.files(repo))


def test_a_version_is_published_checked_elsewhere_and_tagged(hub, build, release):
    done = release(build)
    assert done.version == 1 and is_whole(hub)
    assert hub.repos[REPO].private
    assert hub.repos[REPO].requests[1].status == "merged"
    read = any("resolve" in call and "parquet" in call for call in hub.log)
    assert read, "nothing was loaded from the Hub before it was merged"
    merged = next(n for n, call in enumerate(hub.log) if call.endswith("/merge"))
    loaded = [n for n, call in enumerate(hub.log) if "resolve" in call and "parquet" in call]
    assert max(loaded) < merged
    assert not (build.parent / ".publish" / build.name).exists()


def test_every_config_and_split_is_what_was_staged(hub, build, release):
    release(build)
    manifest = json.loads(hub.read(REPO, "manifest.json"))
    client = client_of(hub)
    expected = manifest["published"]["configs"]
    assert {c: set(s) for c, s in expected.items()} == {
        config: {"train", "test"} for config in ("default", "record", "utterances", "prompts")
    }
    loading.check_loads(REPO, "v1", expected, hub.url, client.token)
    expected["utterances"]["test"]["sha256_sum"] = "0" * 64
    with pytest.raises(VerificationError, match="utterances of org/dataset at v1 loads as"):
        loading.check_loads(REPO, "v1", expected, hub.url, client.token)


def test_publishing_again_without_a_change_says_so_and_sends_nothing(
    hub, build, release, unchecked
):
    release(build)
    hub.log.clear()
    done = release(build)
    assert not done.fresh and done.version == 1
    assert not [call for call in hub.log if not call.startswith(("GET", "HEAD"))]


def test_a_second_version_sends_only_what_changed(hub, build, release, unchecked, tmp_path):
    release(build)
    before, received = hub.calls["put"], hub.received
    records = [sample(n) for n in (1, 2, 3)] + [sample(4, split="test", reply="Well, well done!")]
    done = release(again(tmp_path, records))
    assert done.version == 2 and is_whole(hub, 2)
    changed = {path for path in done.sent if path.endswith(".parquet")}
    assert changed == {
        "data/default/test-00000-of-00001.parquet",
        "data/record/test-00000-of-00001.parquet",
        "data/prompts/test-00000-of-00001.parquet",
    }
    assert hub.calls["put"] - before == 3
    size = sum(len(hub.read(REPO, path)) for path in changed)
    assert hub.received - received == size
    log = hub.read(REPO, "CHANGELOG.md").decode()
    assert log.index("## v2") < log.index("## v1")
    assert "`data/default/test-00000-of-00001.parquet`" in log.split("## v1")[0]
    old = pq.read_table(
        hub.blob(hub.repos[REPO].trees[hub.repos[REPO].tags["v1"]][min(changed)].sha256)
    )
    assert old.num_rows == 1


def test_files_that_are_gone_are_deleted_in_the_next_version(
    hub, build, release, unchecked, tmp_path
):
    release(build)
    done = release(again(tmp_path, [sample(n) for n in (1, 2, 3)]))
    assert "data/default/test-00000-of-00001.parquet" in done.gone
    assert is_whole(hub, 2)


def test_it_is_public_only_when_asked_and_only_after_it_was_checked(hub, build, release, unchecked):
    release(build)
    assert hub.repos[REPO].private
    release(build, public=True)
    assert not hub.repos[REPO].private
    assert hub.repos[REPO].tags.keys() == {"v1"}


def test_what_goes_beyond_the_terms_stays_private_and_is_in_the_card(
    hub, tmp_path, terms, release, unchecked
):
    terms(audio="no")
    folder = again(tmp_path, [sample(1, rights={**OPEN, "audio": "no"})])
    how = {"claims": ("audio:meld",)}
    with pytest.raises(UsageError, match="audio:meld goes beyond.*expected a private repository"):
        release(folder, public=True, **how)
    release(folder, **how)
    assert hub.repos[REPO].private
    card = hub.read(REPO, "README.md").decode()
    assert "that they have the right to audio:meld" in card
    row = pq.read_table(hub.blob(sft_of(hub))).to_pylist()[0]
    assert row["audio"]["bytes"] == sample(1)["audio"]["bytes"]
    hub.repos[REPO].private = False
    with pytest.raises(UsageError, match="org/dataset is public; expected a private repository"):
        release(folder, **how)


def sft_of(hub):
    repo = hub.repos[REPO]
    return repo.trees[repo.refs["main"]]["data/default/train-00000-of-00001.parquet"].sha256


def test_the_hub_is_gated_as_the_settings_say(hub, build, release, unchecked):
    release(build, rules=PublishRules(gated="manual"))
    assert hub.repos[REPO].gated == "manual"


def test_a_dry_run_writes_exactly_the_files_and_asks_for_nothing_to_be_changed(
    hub, build, release, unchecked
):
    planned = release(build, dry_run=True)
    files = {
        path.relative_to(planned.staged.folder).as_posix(): path.read_bytes()
        for path in planned.staged.folder.rglob("*")
        if path.is_file()
    }
    assert not hub.repos
    release(build)
    assert hub.files(REPO) == files.keys()
    for path, content in files.items():
        assert hub.read(REPO, path) == content, path


def test_a_dry_run_works_without_the_hub(hub, build, release):
    hub.faults.append(Fault(".*", "drop", 99))
    assert release(build, dry_run=True).sent


FAULTS = [(step, how) for step in STEPS for how in (503, "drop")]
FAULTS += [(step, "drop_after") for step in ANSWERED]


@pytest.mark.parametrize(("step", "how"), FAULTS)
def test_a_fault_at_any_step_is_survived(hub, build, release, unchecked, step, how):
    fault = Fault(STEPS[step], how)
    hub.faults.append(fault)
    assert release(build).version == 1
    assert not fault.times, "the fault never happened"
    assert is_whole(hub)


@pytest.mark.parametrize("step", STEPS)
def test_a_hub_that_stays_away_leaves_nothing_half_published_and_the_next_run_completes(
    hub, build, release, unchecked, step
):
    hub.faults.append(Fault(STEPS[step], 503, 10_000))
    with pytest.raises(StoppedEarly, match="the Hub failed 5 times.*run the same command"):
        release(build)
    assert is_untouched(hub) or step == "tag"
    assert not hub.repos.get(REPO) or not hub.repos[REPO].tags
    hub.faults.clear()
    assert release(build).version == 1
    assert is_whole(hub)


def test_a_run_that_failed_leaves_a_pull_request_that_the_next_one_uses(
    hub, build, release, unchecked
):
    hub.faults.append(Fault(STEPS["merge"], 503, 10_000))
    with pytest.raises(StoppedEarly):
        release(build)
    sent = hub.calls["put"]
    hub.faults.clear()
    release(build)
    assert hub.calls["put"] == sent
    assert [r.status for r in hub.repos[REPO].requests.values()] == ["merged"]


def test_pull_requests_of_other_attempts_are_closed_once_a_version_is_out(
    hub, build, release, unchecked, tmp_path
):
    hub.faults.append(Fault(STEPS["merge"], 503, 10_000))
    with pytest.raises(StoppedEarly):
        release(again(tmp_path, [sample(9)], "other"))
    hub.faults.clear()
    release(build)
    assert [r.status for r in hub.repos[REPO].requests.values()] == ["closed", "merged"]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}, {"RateLimit": '"api";r=0;t=0'}])
def test_too_many_requests_are_waited_for(hub, build, release, unchecked, headers):
    fault = Fault(STEPS["commit"], 429, 2, headers)
    hub.faults.append(fault)
    release(build)
    assert not fault.times and is_whole(hub)


def test_the_wait_is_as_long_as_the_hub_asks(hub, build, release, unchecked, monkeypatch):
    slept = []
    monkeypatch.setattr("builders.release.hub.client.time.sleep", slept.append)
    hub.faults.append(Fault(STEPS["commit"], 429, 1, {"RateLimit": '"api";r=0;t=37'}))
    hub.faults.append(Fault(STEPS["tag"], 429, 1, {"Retry-After": "12"}))
    release(build)
    assert slept == [37.0, 12.0]


def test_a_truncated_upload_is_sent_again_whole(hub, build, release, unchecked):
    fault = Fault(STEPS["put"], "truncate")
    hub.faults.append(fault)
    release(build)
    assert not fault.times and is_whole(hub)


def test_no_token_is_one_line(hub, build, release):
    with pytest.raises(HubError, match="no Hub token was found; set HF_TOKEN"):
        release(build, to=client_of(hub, token=None))
    assert not hub.repos


def test_a_wrong_token_is_one_line(hub, build, release):
    with pytest.raises(HubError, match="the Hub does not accept the token.*set HF_TOKEN"):
        release(build, to=client_of(hub, token="hf_wrong"))
    assert not hub.repos


def test_a_token_that_may_not_write_is_one_line(hub, build, release):
    with pytest.raises(HubError, match="this token may not write to org/dataset.*another ORG/NAME"):
        release(build, to=client_of(hub, token="hf_reader"))
    hub.create(REPO, "hf_test", private=False)
    with pytest.raises(HubError, match="this token may not write to org/dataset"):
        release(build, to=client_of(hub, token="hf_reader"))
    assert is_untouched(hub)


def test_a_repository_with_other_content_is_left_alone(hub, build, release):
    repo = hub.create(REPO, "hf_test", private=True)
    repo.commit("main", {"photos/cat.png": hub.store(b"png")}, "photos")
    with pytest.raises(HubError, match="holds 1 files that were not published by Hearten; choose"):
        release(build)
    assert hub.files(REPO) == {"photos/cat.png"}


def test_a_name_that_somebody_else_has_is_one_line(hub, build, release):
    hub.create(REPO, "hf_other", private=True)
    unseen = {"X-Error-Code": "RepoNotFound"}
    hub.faults.append(Fault("GET /api/datasets/org/dataset", 404, 99, unseen))
    with pytest.raises(HubError, match="org/dataset is taken; choose another ORG/NAME"):
        release(build)
    assert is_untouched(hub)


def test_one_repository_holds_one_licence(hub, build, release, unchecked, tmp_path, terms):
    release(build)
    terms(licence="CC-BY-NC-4.0")
    folder = again(tmp_path, [sample(1, rights={**OPEN, "licence": "CC-BY-NC-4.0"})])
    with pytest.raises(
        HubError, match="already has meld under ODbL-1.0; expected meld under CC-BY-NC"
    ):
        release(folder)
    assert is_whole(hub)


def test_a_publisher_who_is_quicker_is_noticed(hub, build, release, unchecked):
    repo = hub.create(REPO, "hf_test", private=True)

    def overtake():
        tree = dict(repo.trees[repo.refs["main"]])
        tree["theirs.txt"] = hub.store(b"theirs")
        repo.commit("main", tree, "quicker")

    hub.before["POST .*/status"] = overtake
    with pytest.raises(
        Overtaken, match="somebody else changed org/dataset in the meantime.*no tag"
    ):
        release(build)
    assert not repo.tags


def test_a_publisher_who_was_there_before_the_merge_stops_it(hub, build, release, monkeypatch):
    repo = hub.create(REPO, "hf_test", private=True)

    def overtake(*_):
        tree = dict(repo.trees[repo.refs["main"]])
        tree["theirs.txt"] = hub.store(b"theirs")
        repo.commit("main", tree, "quicker")

    monkeypatch.setattr("builders.release.hub.release.check_loads", overtake)
    with pytest.raises(Overtaken, match="somebody else changed"):
        release(build)
    assert hub.files(REPO) == {"theirs.txt"} and not repo.tags


def test_a_stale_parent_is_noticed(hub, build, release, unchecked):
    def overtake():
        repo = hub.repos[REPO]
        repo.commit("refs/pr/1", {"other.txt": hub.store(b"other")}, "into our request")

    hub.before["POST .*/preupload"] = overtake
    with pytest.raises(Overtaken, match="somebody else is publishing to org/dataset"):
        release(build)
    assert is_untouched(hub)
    assert release(build).version == 1 and is_whole(hub)


@pytest.mark.parametrize("step", ["commit", "merge"])
def test_a_conflict_that_stays_is_somebody_else(hub, build, release, unchecked, step):
    hub.faults.append(Fault(STEPS[step], 409, 99))
    with pytest.raises(Overtaken, match="somebody else is publishing"):
        release(build)
    assert is_untouched(hub)


def test_a_version_that_does_not_load_as_it_was_staged_is_not_merged(hub, build, release):
    def spoil():
        repo = hub.repos[REPO]
        tree = dict(repo.trees[repo.refs["refs/pr/1"]])
        other = tree["data/default/test-00000-of-00001.parquet"]
        tree["data/default/train-00000-of-00001.parquet"] = other
        repo.trees[repo.refs["refs/pr/1"]] = tree

    hub.before["HEAD .*README.md"] = spoil
    with pytest.raises(VerificationError, match="nothing was merged"):
        release(build)
    assert is_untouched(hub)


def test_a_hub_that_refuses_the_card_says_why(hub, build, release, unchecked, monkeypatch):
    monkeypatch.setattr("hub.server.LICENCES", [])
    with pytest.raises(HubError, match="the Hub rejected the request: .*license 'odbl' is not one"):
        release(build)
    assert is_untouched(hub)


def test_the_token_stands_in_no_file_and_no_line(hub, build, release, unchecked, tmp_path):
    release(build)
    for path in tmp_path.rglob("*"):
        if path.is_file() and "cache" not in path.parts:
            assert b"hf_test" not in path.read_bytes(), path

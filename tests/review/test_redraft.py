"""`build --redraft` with a real endpoint: what is asked, what stays, what is compared."""

import json
import shutil

import pytest
from builds import ROOT, hearten, manifest, one_line_error, rejected, samples
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

from builders.record.dataset import Build
from builders.release.preferences import preferences
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.review.data.queue import Queue
from builders.review.outcome.merge import views
from builders.review.outcome.redraft import later_versions, next_name
from builders.store.database import Store

REJECTED = 5
SAD = 10


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(keep_bodies=True) as running:
        yield running


@pytest.fixture(scope="module")
def once(tmp_path_factory, endpoint):
    """A build of forty targets, ten of them sad; five replies are rejected and one accepted."""
    root = tmp_path_factory.mktemp("redraft")
    rows = [meld_row(d, u) for d in range(3) for u in range(10)]
    sad = {"Emotion": "sadness", "Sentiment": "negative"}
    rows += [meld_row(3, u, **sad) for u in range(SAD)]
    make_meld_tree(root / "meld", {"train": rows})
    assert hearten(*arguments(root, endpoint)).code == 0
    store = Store(str(root / "out" / "hearten.sqlite"))
    list(Items(store).register(Build(root / "out" / "meld")))
    ann = People(store).named("Ann")
    decided = Queue(store).next("meld", ann, REJECTED + 1)
    for number, item in enumerate(decided):
        verdict = Decision("reject", reason="generic") if number else Decision("accept")
        decide(store, item.item, verdict)
    store.close()
    return root


@pytest.fixture
def root(once, tmp_path):
    shutil.copytree(once, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def store(root):
    opened = Store(str(root / "out" / "hearten.sqlite"))
    yield opened
    opened.close()


def arguments(root, endpoint, *more):
    return (
        *("build", "--corpus", "meld", "--source", root / "meld", "--text-only"),
        *("--output", root / "out", "--model", "test-model", "--base-url", endpoint.base_url),
        *more,
    )


def decide(store, item, decision, build="meld"):
    reviews, ann = Reviews(store), People(store).named("Ann")
    return reviews.decide(ann.id, reviews.shown(build, item, ann.id), decision)


def rejected_ids(store, build="meld"):
    return [v.item.item for v in views(store, build) if v.status == "rejected"]


def test_only_the_rejected_are_asked_again_and_the_rest_stays_byte_for_byte(root, endpoint, store):
    before = {record["id"]: record for record in samples(root / "out" / "meld")}
    endpoint.control()
    ended = hearten(*arguments(root, endpoint, "--redraft", "rejected"))
    assert ended.code == 0, ended.err
    log = endpoint.log()
    assert log["count"] == REJECTED
    after = {record["id"]: record for record in samples(root / "out" / "meld@2")}
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == set(rejected_ids(store))
    for name in changed:
        assert reply_of(after[name]) != reply_of(before[name])
        assert after[name]["drafting"]["request_key"] != before[name]["drafting"]["request_key"]
        assert "draft/redraft 1+" in after[name]["drafting"]["prompt_version"]
    assert manifest(root / "out" / "meld@2")["result"]["config"]["redraft"]["of"] == "meld"


def test_the_prompt_has_the_rejected_reply_and_the_reason_and_is_else_the_same(
    root, endpoint, store
):
    before = {record["id"]: record for record in samples(root / "out" / "meld")}
    endpoint.control()
    assert hearten(*arguments(root, endpoint, "--redraft", "rejected")).code == 0
    bodies = endpoint.log()["bodies"]
    told = {body["messages"][2]["content"] for body in bodies}
    wanted = {before[name]["desired_response"]["text"] for name in rejected_ids(store)}
    assert {json.loads(text)["text"] for text in told} == wanted
    for body in bodies:
        system, user, assistant, reason = body["messages"]
        assert (system["role"], user["role"], assistant["role"], reason["role"]) == (
            "system",
            "user",
            "assistant",
            "user",
        )
        assert "- It could be said to anyone." in reason["content"]


def test_decisions_about_what_stayed_the_same_count_in_the_next_version(root, endpoint, store):
    assert hearten(*arguments(root, endpoint, "--redraft", "rejected")).code == 0
    list(Items(store).register(Build(root / "out" / "meld@2")))
    (view,) = views(store, "meld@2")
    assert view.status == "accepted"
    left = Queue(store).left("meld@2", People(store).named("Ann"))
    assert left.items - left.done == left.items - 1
    again = {item.item for item in Queue(store).next("meld@2", People(store).named("Ann"), 100)}
    assert set(rejected_ids(store)) <= again and view.item.item not in again


def test_a_version_that_was_begun_goes_on_with_what_it_was_begun_with(root, endpoint, store):
    flags = arguments(root, endpoint, "--redraft", "rejected")
    endpoint.control(faults=[{"kind": "status", "status": 500, "every": 1}])
    assert hearten(*flags, "--patience", "1", "--timeout", "2").code == 3
    name = rejected_ids(store)[0]
    decide(store, name, Decision("accept"))
    endpoint.control(faults=[])
    assert hearten(*flags).code == 0
    redrafted = json.loads((root / "out" / "meld@2" / "redraft.json").read_text())
    assert len(redrafted["notes"]) == REJECTED and name in redrafted["notes"]
    endpoint.control()
    ended = hearten(*flags)
    assert "is complete already" in ended.out
    assert endpoint.log()["count"] == 0


@pytest.mark.slow
def test_a_third_version_is_told_of_both_earlier_replies_and_keeps_the_second(
    root, endpoint, store
):
    assert hearten(*arguments(root, endpoint, "--redraft", "rejected")).code == 0
    second = {record["id"]: record for record in samples(root / "out" / "meld@2")}
    list(Items(store).register(Build(root / "out" / "meld@2")))
    name = rejected_ids(store)[0]
    decide(store, name, Decision("reject", reason="too_much"), "meld@2")
    endpoint.control()
    flags = arguments(root, endpoint, "--name", "meld@2", "--redraft", "rejected")
    assert hearten(*flags).code == 0
    (body,) = endpoint.log()["bodies"]
    assert [message["role"] for message in body["messages"][2:]] == ["assistant", "user"] * 2
    third = {record["id"]: record for record in samples(root / "out" / "meld@3")}
    assert {n for n in third if third[n] != second[n]} == {name}
    assert [one.folder.name for one in later_versions(root / "out" / "meld")] == [
        "meld@2",
        "meld@3",
    ]


def test_an_accepted_later_draft_is_preferred_to_the_rejected_one(root, endpoint, store):
    assert hearten(*arguments(root, endpoint, "--redraft", "rejected")).code == 0
    build, later = Build(root / "out" / "meld"), Build(root / "out" / "meld@2")
    list(Items(store).register(later))
    name, other = rejected_ids(store)[:2]
    decide(store, name, Decision("accept"), "meld@2")
    reviews, ann = Reviews(store), People(store).named("Ann")
    first, second = (reviews.shown(b, other, ann.id) for b in ("meld", "meld@2"))
    reviews.compare(ann.id, first, second.seen, "b")
    drafts = {r["id"]: reply_of(r) for r in later.rows()}
    found = [*preferences(build, store, [later])]
    pairs = {(pair["id"], pair["origin"]): pair for pair in found}
    assert len(pairs) == len(found) == REJECTED + 1
    better = pairs[name, "rejection"]
    assert better["chosen"] == drafts[name] and better["chosen_from"]["build"] == "meld@2"
    assert better["rejected_from"]["build"] == "meld"
    compared = pairs[other, "compared"]
    assert compared["chosen"] == drafts[other]
    assert pairs[other, "rejection"]["chosen"] is None


def test_every_corpus_at_once_is_not_drafted_again(tmp_path):
    flags = ("build", "--corpus", "all", "--sample", "--redraft", "rejected")
    assert "--redraft is for one corpus" in one_line_error(hearten(*flags, cwd=tmp_path))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--limit", "3"], "--limit 3 was given with --redraft"),
        (["--temperature", "0.1"], "temperature changed"),
        (["--name", "nothing"], "nothing"),
        (["--store", "elsewhere.sqlite"], "has no rejected reply of meld"),
    ],
)
def test_what_would_draft_more_than_the_rejected_is_refused(root, endpoint, more, words, tmp_path):
    flags = arguments(root, endpoint, "--redraft", "rejected", *more)
    endpoint.control()
    ended = hearten(*flags, cwd=tmp_path)
    assert ended.code in (1, 2)
    assert words in one_line_error(ended)
    assert endpoint.log()["count"] == 0


def test_answers_that_are_not_in_the_store_are_not_paid_for_again(root, endpoint, store):
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM answers WHERE rowid IN (SELECT 1)")
    ended = hearten(*arguments(root, endpoint, "--redraft", "rejected"))
    assert ended.code == 1
    assert "does not have the responses of meld" in one_line_error(ended)


# ---- by id ----------------------------------------------------------------------------------


def test_exactly_the_samples_named_are_asked_again(root, endpoint, store):
    before = {record["id"]: record for record in samples(root / "out" / "meld")}
    rejected, plain = rejected_ids(store)[0], ["meld-train-2-7", "meld-train-3-0"]
    endpoint.control()
    ended = hearten(*arguments(root, endpoint, "--redraft", ",".join([*plain, f" {rejected} "])))
    assert ended.code == 0, ended.err
    assert "drafted again: 3; all other replies are those of meld" in ended.out
    bodies = endpoint.log()["bodies"]
    assert sorted(len(body["messages"]) for body in bodies) == [2, 2, 4]
    after = {record["id"]: record for record in samples(root / "out" / "meld@2")}
    assert {name for name in after if after[name] != before[name]} == {rejected, *plain}
    for name in plain:
        assert (
            after[name]["drafting"]["prompt_version"]
            == (before[name]["drafting"]["prompt_version"])
        )
    assert "draft/redraft" in after[rejected]["drafting"]["prompt_version"]


@pytest.mark.slow
def test_ids_may_stand_in_a_file_and_are_drafted_again_as_often_as_wanted(root, endpoint, tmp_path):
    (tmp_path / "ids.txt").write_text("meld-train-0-1\n\nmeld-train-0-2\n")
    seeds = set()
    for name in ("meld", "meld@2"):
        endpoint.control()
        flags = arguments(root, endpoint, "--name", name, "--redraft", f"@{tmp_path / 'ids.txt'}")
        assert hearten(*flags).code == 0
        assert endpoint.log()["count"] == 2
        seeds |= {body["seed"] for body in endpoint.log()["bodies"]}
    assert len(seeds) == 4


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ("meld-train-0-1,meld-train-9-9", "there is no sample meld-train-9-9 "),
        ("rejcted", "expected rejected, stale, flagged, or ids of samples in the build"),
        (",".join(f"x{n}" for n in range(9)), "x4 and 4 more"),
        (" , ", "names no samples"),
        ("@nowhere.txt", "the ids cannot be read"),
    ],
)
def test_ids_that_the_build_does_not_have_are_refused(root, endpoint, ids, words):
    endpoint.control()
    ended = hearten(*arguments(root, endpoint, "--redraft", ids))
    assert ended.code in (1, 2)
    assert words in one_line_error(ended)
    assert endpoint.log()["count"] == 0 and not (root / "out" / "meld@2").exists()


def test_a_reject_is_no_sample_to_draft_again(folder):
    (reject,) = rejected(folder)
    flags = ("--corpus", "meld", "--sample", "--name", "meld", "--output", folder.parent)
    ended = hearten("build", *flags, "--redraft", reject["id"])
    assert f"there is no sample {reject['id']}" in one_line_error(ended)
    assert "these are rejects: retry them with --retry-failed under another --name" in ended.err


def test_a_version_begun_with_something_else_is_not_mixed_up(root, endpoint):
    flags = arguments(root, endpoint, "--redraft")
    assert hearten(*flags, "meld-train-0-1").code == 0
    for other in ("rejected", "meld-train-0-2"):
        ended = hearten(*flags, other)
        assert ended.code == 1
        assert "meld@2 was started with --redraft 1 ids" in one_line_error(ended)
        assert "--name meld@2" in ended.err
    assert "is complete already" in hearten(*flags, "meld-train-0-1").out


# ---- what is stale ----------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project, whose words may be changed, and how to run it."""
    copy = tmp_path / "checkout"
    for name in ("builders", "schemas", "label_maps", "prompts"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def change(path, old, new):
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def run_there(checkout, *arguments):
    return hearten(*arguments, cwd=checkout.parent, PYTHONPATH=str(checkout))


@pytest.mark.slow
def test_a_changed_label_makes_exactly_its_own_drafts_stale(root, endpoint, checkout):
    table = checkout / "label_maps" / "emotion" / "meld.sssom.tsv"
    old = next(line for line in table.read_text("utf-8").splitlines() if "\tsadness\t" in line)
    change(table, old, old.replace("emotion:sadness\tsadness", "emotion:grief\tgrief"))
    before = {record["id"]: record for record in samples(root / "out" / "meld")}
    endpoint.control()
    flags = arguments(root, endpoint, "--redraft")
    refused = run_there(checkout, *flags, "rejected")
    assert "mapping_version changed" in one_line_error(refused)
    assert "--redraft stale" in refused.err
    told = run_there(checkout, *flags, "stale", "--estimate", "--json")
    assert json.loads(told.out)["to_ask"] == SAD and endpoint.log()["count"] == 0
    ended = run_there(checkout, *flags, "stale")
    assert ended.code == 0, ended.err
    assert endpoint.log()["count"] == SAD
    assert f"drafted again: {SAD}; all other replies are those of meld" in ended.out
    after = {record["id"]: record for record in samples(root / "out" / "meld@2")}
    moved = {n for n in after if after[n]["desired_response"] != before[n]["desired_response"]}
    asked = {n for n in after if after[n]["drafting"] != before[n]["drafting"]}
    assert moved <= asked == {f"meld-train-3-{u}" for u in range(SAD)}
    assert {after[n]["target_utterance"]["emotions"]["primary"] for n in asked} == {"grief"}
    config = manifest(root / "out" / "meld@2")["result"]["config"]
    assert (config["redraft"]["of"], config["redraft"]["which"]) == ("meld", "stale")


@pytest.mark.slow
def test_other_words_about_rejected_replies_make_only_those_stale(root, endpoint, checkout):
    assert hearten(*arguments(root, endpoint, "--redraft", "rejected")).code == 0
    template = checkout / "prompts" / "draft" / "redraft.j2"
    change(template, "turned it down", "did not want it")
    flags = arguments(root, endpoint, "--name", "meld@2", "--redraft")
    endpoint.control()
    refused = run_there(checkout, *flags, "meld-train-0-9")
    assert "first draft again what this makes stale: --redraft stale" in one_line_error(refused)
    assert run_there(checkout, *flags, "stale").code == 0
    bodies = endpoint.log()["bodies"]
    assert len(bodies) == REJECTED
    assert all("did not want it" in body["messages"][3]["content"] for body in bodies)


def test_nothing_is_stale_while_nothing_has_changed(root, endpoint):
    endpoint.control()
    ended = hearten(*arguments(root, endpoint, "--redraft", "stale"))
    assert ended.code == 1 and "/meld is stale" in one_line_error(ended)
    ended = hearten(*arguments(root, endpoint, "--redraft", "stale", "--temperature", "0.1"))
    assert ended.code == 1 and "temperature changed" in one_line_error(ended)
    assert endpoint.log()["count"] == 0


# ---- the emotion that reviewers hear ----------------------------------------------------------


def test_what_reviewers_hear_is_the_label_of_what_is_drafted_again(root, endpoint, store):
    name = "meld-train-2-3"
    decide(store, name, Decision("reject", reason="wrong_emotion", emotion="grief"))
    before = {record["id"]: record for record in samples(root / "out" / "meld")}
    endpoint.control()
    assert hearten(*arguments(root, endpoint, "--redraft", name)).code == 0
    (body,) = endpoint.log()["bodies"]
    said = body["messages"][1]["content"]
    assert (
        "grief (as people hear it who reviewed this dialogue)" in said and "neutral (" not in said
    )
    after = {record["id"]: record for record in samples(root / "out" / "meld@2")}
    assert {n for n in after if after[n] != before[n]} == {name}
    emotions, labels = after[name]["target_utterance"]["emotions"], after[name]["annotation"]
    assert (emotions["primary"], emotions["root"], emotions["valence"]) == (
        *("grief", "sadness", "negative"),
    )
    assert (labels["raw"], labels["source"], labels["match_leaf"]) == ("neutral", "review", "exact")
    assert labels["votes"] == [{"rater": None, "label": "grief", "count": 1}]
    corpus, *classes = labels["views"]
    assert (corpus["name"], corpus["label"]) == ("audio_visual", "neutral")
    assert {view["label"] for view in classes} & {"sad", "sadness"}
    assert samples(root / "out" / "meld") == [before[n] for n in before]


@pytest.mark.slow
def test_a_corrected_emotion_stays_until_reviewers_hear_another(root, endpoint, store):
    name = "meld-train-2-3"
    decide(store, name, Decision("reject", reason="wrong_emotion", emotion="grief"))
    assert hearten(*arguments(root, endpoint, "--redraft", name)).code == 0
    list(Items(store).register(Build(root / "out" / "meld@2")))
    assert Queue(store).item("meld@2", name).emotion == "grief"
    decide(store, name, Decision("reject", reason="generic"), "meld@2")
    flags = ("--redraft", "rejected", "--name")
    assert hearten(*arguments(root, endpoint, *flags, "meld@2")).code == 0
    third = {record["id"]: record for record in samples(root / "out" / "meld@3")}
    assert third[name]["target_utterance"]["emotions"]["primary"] == "grief"
    list(Items(store).register(Build(root / "out" / "meld@3")))
    decide(store, name, Decision("reject", reason="generic", emotion="neutral"), "meld@3")
    assert hearten(*arguments(root, endpoint, *flags, "meld@3")).code == 0
    fourth = {record["id"]: record for record in samples(root / "out" / "meld@4")}
    assert fourth[name]["target_utterance"]["emotions"]["primary"] == "neutral"
    assert fourth[name]["annotation"]["source"] == "review"


def test_versions_are_counted_from_two():
    names = ("meld", "meld@2", "a@b", "@")
    assert [next_name(name) for name in names] == ["meld@2", "meld@3", "a@b@2", "@@2"]


def test_a_changed_setting_is_named_before_the_versions_that_follow_from_it(root, endpoint):
    voter = f"test-model@{endpoint.base_url}"
    refused = hearten(*arguments(root, endpoint, "--redraft", "rejected", "--vote-model", voter))
    assert refused.code == 1
    assert "vote_models changed" in one_line_error(refused)
    assert "use the settings it was built with" in refused.err

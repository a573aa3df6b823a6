"""Two drafts of one target, compared by people: counted, exported, imported, made into pairs."""

import json
import shutil
from dataclasses import replace

import pytest
from builds import hearten, samples

from builders.record.dataset import Build
from builders.review.data.events import Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.people import People
from builders.review.outcome.comparisons import comparisons, said_of
from builders.store.database import Store

IDS = tuple(f"meld-train-0-{number}" for number in (0, 1, 2, 4, 5))


@pytest.fixture(scope="module")
def drafted(built, tmp_path_factory):
    """A build, its next version, and one by another name, each with other replies to five."""
    output = tmp_path_factory.mktemp("drafted")
    shutil.copytree(built.parent, output, dirs_exist_ok=True)
    base = ("build", "--corpus", "meld", "--sample", "--output", output, "--name")
    ids = ",".join(IDS)
    assert hearten(*base, "meld", "--redraft", ids).code == 0
    assert hearten(*base, "rival").code == 0
    assert hearten(*base, "rival", "--redraft", ids).code == 0
    assert hearten(*base, "rival@2", "--redraft", ids).code == 0
    return output


@pytest.fixture
def output(drafted, tmp_path):
    return shutil.copytree(drafted, tmp_path / "output")


class Room:
    """People before pairs of drafts."""

    def __init__(self, output):
        self.store = Store(str(output / "hearten.sqlite"))
        self.reviews, people = Reviews(self.store), People(self.store)
        self.people = {name: people.named(name) for name in ("Ann", "Bob", "Cem")}
        self.replies = {}
        for name in ("meld", "meld@2", "rival@3"):
            build = Build(output / name)
            list(Items(self.store).register(build))
            self.replies[name] = {record["id"]: reply_of(record) for record in build.rows()}
        self.folder = output / "meld"

    def says(self, who, item, first, second, verdict):
        """Let somebody see an item's drafts in two builds in this order, and choose."""
        person = self.people[who]
        other = self.reviews.shown(second, item, person.id).seen
        shown = self.reviews.shown(first, item, person.id)
        return self.reviews.compare(person.id, shown, other, verdict)


@pytest.fixture
def room(output):
    made = Room(output)
    yield made
    made.store.close()


def test_targets_won_are_counted_whichever_draft_was_shown_first(room):
    room.says("Ann", IDS[0], "meld", "meld@2", "b")
    room.says("Bob", IDS[0], "meld@2", "meld", "a")
    room.says("Cem", IDS[0], "meld", "meld@2", "equal")
    room.says("Ann", IDS[1], "meld@2", "meld", "b")
    room.says("Ann", IDS[2], "rival@3", "meld", "a")
    (again, rival), unknown = comparisons(room.store, "meld")
    assert (again.against, again.wins, again.losses, again.ties) == ("meld@2", 1, 1, 0)
    assert (rival.against, rival.wins, rival.losses, rival.ties) == ("rival@3", 0, 1, 0)
    assert (again.first.count, again.first.of, rival.first.count) == (1, 3, 1)
    assert (again.alpha.items, again.alpha.values, unknown) == (1, 3, 0)


def test_which_draft_was_shown_first_is_what_the_event_says(room):
    made = room.says("Ann", IDS[0], "meld", "meld@2", "b")
    plain, turned = (
        said_of([replace(made, body={**made.body, **more})]) for more in ({}, {"first": "b"})
    )
    assert (plain[0].first, plain[0].second) == (turned[0].second, turned[0].first)
    assert plain[0].better == turned[0].better == turned[0].first


def test_a_person_counts_once_with_what_they_said_last_and_not_after_an_undo(room):
    room.says("Ann", IDS[0], "meld", "meld@2", "a")
    room.says("Ann", IDS[0], "meld@2", "meld", "a")
    (said,) = said_of(room.reviews.of_build("meld"))
    assert said.better == room.reviews.shown("meld@2", IDS[0], "").seen
    room.reviews.undo(room.people["Ann"].id, "meld@2")
    (said,) = said_of(room.reviews.of_build("meld"))
    assert said.better == room.reviews.shown("meld", IDS[0], "").seen


def test_a_comparison_takes_no_place_of_a_decision(room):
    before = Reviews(room.store).shown("meld", IDS[0], room.people["Ann"].id)
    room.says("Ann", IDS[0], "meld", "meld@2", "a")
    assert room.reviews.shown("meld", IDS[0], room.people["Ann"].id).version == before.version + 1
    status = json.loads(hearten("review-status", room.folder, "--json").out)
    assert status["decided"] == 0 and status["annotators"] == {}
    assert status["comparisons"][0]["wins"] == 1


def test_the_status_says_who_wins_and_whether_the_place_helps(room):
    for item in IDS:
        room.says("Ann", item, "meld", "meld@2", "a")
        room.says("Bob", item, "meld@2", "meld", "a")
    ended = hearten("review-status", room.folder)
    assert ended.code == 0, ended.err
    for line in (
        "compared with meld@2: 5 targets; 0 for meld, 0 for meld@2, 5 equal",
        "  preferred, without ties: unknown",
        "  the reply shown first, of votes that are not equal: "
        "10 of 10, 100% (95 % interval 72% to 100%)",
    ):
        assert " ".join(line.split()) in " ".join(ended.out.split())
    assert "5 items, 0% of the pairs equal" in ended.out


def test_comparisons_travel_as_events_under_pseudonyms(room, output, tmp_path):
    room.says("Ann", IDS[0], "meld", "meld@2", "b")
    room.says("Bob", IDS[0], "meld@2", "meld", "equal")
    path, other = tmp_path / "events.jsonl", tmp_path / "other.sqlite"
    assert "2 lines" in hearten("review-export", output / "meld", "--to", path).out
    text = path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["kind"] for line in lines] == ["comparison"] * 2
    assert {line["annotator"] for line in lines} == {room.people[n].id for n in ("Ann", "Bob")}
    assert "Ann" not in text and "Bob" not in text
    for name in ("meld", "meld@2"):
        hearten("review-import", output / name, path, "--store", other)
    told = hearten("review-status", output / "meld", "--store", other, "--json")
    here = hearten("review-status", output / "meld", "--json")
    there, at_home = (json.loads(ended.out)["comparisons"] for ended in (told, here))
    assert there == at_home and there[0]["first"]["of"] == 1


def test_the_better_draft_makes_a_pair_of_the_origin_compared(room, output, tmp_path):
    room.says("Ann", IDS[0], "meld", "meld@2", "b")
    room.says("Bob", IDS[0], "meld@2", "meld", "a")
    room.says("Cem", IDS[0], "meld", "meld@2", "a")
    room.says("Ann", IDS[1], "meld", "rival@3", "a")
    room.says("Ann", IDS[2], "meld", "meld@2", "a")
    room.says("Bob", IDS[2], "meld", "meld@2", "b")
    room.says("Ann", IDS[3], "meld", "meld@2", "equal")
    flags = ("--format", "preferences", "--to", tmp_path / "pairs.jsonl")
    assert "2 lines" in hearten("review-export", output / "meld", *flags).out
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    told = {
        (p["id"], p["origin"], p["chosen_from"]["build"], p["rejected_from"]["build"], p["policy"])
        for p in pairs
    }
    assert told == {
        (IDS[0], "compared", "meld@2", "meld", "majority"),
        (IDS[1], "compared", "meld", "rival@3", "unanimous"),
    }
    by_id = {pair["id"]: pair for pair in pairs}
    assert by_id[IDS[0]]["chosen"] == room.replies["meld@2"][IDS[0]]
    assert by_id[IDS[1]]["rejected"] == room.replies["rival@3"][IDS[1]]
    assert by_id[IDS[0]]["reviewers"] == 3


def test_what_was_compared_with_a_draft_that_is_gone_is_said(room, output, tmp_path):
    room.says("Ann", IDS[0], "meld", "rival@3", "a")
    shown = room.reviews.shown("meld", IDS[1], room.people["Ann"].id)
    room.reviews.compare(room.people["Ann"].id, shown, "0" * 64, "a")
    assert "1 comparisons are with drafts of builds that are not in this store" in (
        hearten("review-status", output / "meld").out
    )
    shutil.rmtree(output / "rival@3")
    flags = ("--format", "preferences", "--to", tmp_path / "pairs.jsonl")
    ended = hearten("review-export", output / "meld", *flags)
    assert f"no preference pairs with rival@3: not found beside {output / 'meld'}" in ended.out
    assert "0 lines" in ended.out and samples(output / "meld")

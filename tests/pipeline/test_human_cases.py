"""What people really answered, shown as demonstrations: which replies, and who may say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builders.corpora import load_card
from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.pipeline.demonstrations import open_demonstrations
from builders.pipeline.run import build as build_dataset
from builders.record.human_replies import HumanReplies
from builders.release.mining import mine
from builders.resources import corpora
from builders.settings import BuildConfig, make_config
from builders.tasks.reply.demonstrations import Demonstration


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mined build of the sample of EmpatheticDialogues."""
    return _built("empathetic_dialogues", tmp_path_factory.mktemp("made") / "output")


def _built(slug: str, output: Path) -> Path:
    build_dataset(
        make_config(corpus=slug, source=corpora() / slug / "sample", name=slug, output=output),
        {},
        quiet=True,
    )
    mine(output / slug, str(output / "hearten.sqlite"), Exclusions())
    return output / slug


def _config(folder: Path, **given: object) -> BuildConfig:
    place = {"output": folder.parent, "name": "again", "demonstrations": str(folder)}
    model = {"model": "m", "base_urls": ("http://127.0.0.1:1/v1",)}
    source = corpora() / "meld" / "sample"
    return make_config(corpus="meld", source=source, **place, **model, **given)


def shown(folder: Path, **given: object) -> dict[str, Demonstration]:
    found = open_demonstrations(_config(folder, **given), load_card("meld"))
    assert found is not None
    return {case.id: case for case in found.cases}


def test_the_cases_are_what_people_said_with_the_strategies_that_it_carries_out(made):
    mined = {row["id"]: row for row in HumanReplies(made).rows()}
    cases = shown(made)
    assert cases
    for name, case in cases.items():
        row = mined[name]
        assert (case.reply, case.utterance) == (row["reply"], row["utterance"])
        assert case.strategies == tuple(one["strategy"] for one in row["strategies"])
        assert "unknown" not in case.strategies and row["split"] == "train"


def test_an_assistant_does_not_say_what_only_a_person_can(tmp_path):
    """A reply that asks two things at once would be refused as an assistant's draft."""
    folder = _built("meld", tmp_path / "output")
    mined = {row["id"]: row["reply"] for row in HumanReplies(folder).rows()}
    cases = shown(folder)
    assert {case.personas for case in cases.values()} <= {
        ("assistant", "addressee"),
        ("addressee",),
    }
    for name, case in cases.items():
        if mined[name].count("?") > 1:
            assert case.personas == ("addressee",)


def test_who_asked_to_be_left_out_shows_nothing(made, tmp_path):
    cases = shown(made)
    name = next(iter(cases))
    reply = {row["id"]: row["reply_id"] for row in HumanReplies(made).rows()}[name]
    table = tmp_path / "exclusions.tsv"
    table.write_text(f"id\treason\n{reply}\tasked to be taken out\n")
    assert shown(made, exclusions=table).keys() == cases.keys() - {name}


def test_a_build_none_of_whose_replies_is_known(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "output" / made.name)
    monkeypatch.setattr(HumanReplies, "rows", lambda self, columns: iter(()))
    with pytest.raises(ConfigError, match="no reply of that build is one to learn from") as error:
        shown(folder)
    assert "replies of people with known strategies" in str(error.value)

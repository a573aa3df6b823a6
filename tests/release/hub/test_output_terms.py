"""The terms of what models wrote: known and allowing it, or nothing of it goes public."""

from __future__ import annotations

import json

import pytest
from builds import hearten, one_line_error, samples
from endpoints import TestEndpoint
from hub.client import REPO
from invented import full_record
from publishable import make_build, sample
from trees import make_meld_tree

from builders.errors import ConfigError
from builders.release.output_terms import OutputTerms, output_terms_of
from builders.settings.file import load_settings

MODEL = "writer"
ALLOWED = {
    "output_terms": "Apache-2.0",
    "terms_link": "https://example.org/terms",
    "terms_read": "2026-11-30",
    "may_train": True,
    "may_publish": True,
}
OUTPUT_TERMS = {MODEL: ALLOWED}
SAID = "Terms of the output of"


@pytest.fixture
def unchecked(monkeypatch):
    """Leave out loading elsewhere, which other tests do."""
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)


def drafted(number, **given):
    one = sample(number)
    one["drafting"] |= {"provider": "openai-compatible", "model": MODEL, **given}
    return one


@pytest.fixture
def make(tmp_path, terms):
    terms()
    return lambda *records: make_build(tmp_path / "output" / "b", records)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({}, "not known (name, link, read, may_train, may_publish)"),
        ({MODEL: {**ALLOWED, "terms_read": None}}, "not known (read)"),
        ({MODEL: {k: v for k, v in ALLOWED.items() if k != "may_train"}}, "not known (may_train)"),
        ({MODEL: {**ALLOWED, "may_publish": False}}, "against publishing"),
        ({MODEL: {**ALLOWED, "may_train": False}}, "against training"),
        ({MODEL: ALLOWED, "b": {**ALLOWED, "model": MODEL, "may_train": False}}, "against train"),
    ],
)
def test_nothing_is_public_whose_terms_are_unknown_or_against_it(hub, make, release, models, words):
    with pytest.raises(ConfigError) as refused:
        release(make(drafted(1)), public=True, dry_run=True, models=models)
    line = str(refused.value)
    assert f"the terms of the output of {MODEL} are {words}" in line and "\n" not in line
    assert "publish without --public" in line and not hub.repos


def test_terms_of_another_name_than_the_record_has_are_unknown(make, release):
    folder = make(drafted(1, output_terms="Other terms"))
    with pytest.raises(ConfigError, match=r"not known \(link, read, may_train, may_publish\)"):
        release(folder, public=True, dry_run=True, models=OUTPUT_TERMS)


def test_each_of_several_models_counts_with_those_of_other_drafts(make):
    candidate = full_record()["drafting"]["candidates"][0]
    shards = (make(drafted(1), drafted(2, candidates=[candidate])) / "data").iterdir()
    found = output_terms_of(shards, OUTPUT_TERMS)
    assert [(one.model, one.fault is None) for one in found] == [("another", False), (MODEL, True)]


def test_the_phrasebook_is_ours_and_needs_no_table(make):
    folder = make(drafted(1, provider="phrasebook", model="phrasebook-0123456789ab"))
    assert output_terms_of((folder / "data").iterdir(), {}) == []


def test_a_private_repository_says_so_and_cannot_have_been_made_public(
    hub, make, release, unchecked
):
    folder = make(drafted(1))
    release(folder)
    card = hub.read(REPO, "README.md").decode()
    assert f"{SAID} {MODEL}: not known. **Not for the public:**" in card
    hub.repos[REPO].private = False
    with pytest.raises(ConfigError, match="the terms of the output of"):
        release(folder)


def test_they_are_in_card_manifest_and_croissant(hub, make, release, unchecked):
    done = release(make(drafted(1)), public=True, models=OUTPUT_TERMS)
    sentence = (
        f"{SAID} {MODEL}: Apache-2.0 (https://example.org/terms), read 2026-11-30: "
        "training allowed, publishing allowed."
    )
    card = hub.read(REPO, "README.md").decode()
    assert sentence in card and "Not for the public" not in card
    assert sentence in json.loads(hub.read(REPO, "croissant.json"))["rai:dataLimitations"]
    (stated,) = json.loads(hub.read(REPO, "manifest.json"))["published"]["output_terms"]
    assert OutputTerms(**stated) == done.staged.output_terms[0]
    assert (stated["model"], stated["may_publish"]) == (MODEL, True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('terms_link = "here"', "expected an address that begins with https://"),
        ('terms_read = "soon"', "expected a day that is not to come, such as 2026-11-30"),
        ('terms_read = "2999-01-01"', "expected a day that is not to come"),
        ('may_train = "yes"', "expected true or false"),
        ("may_publish = 1", "models.fast.may_publish is 1 in"),
        ("terms_read = 5", "models.fast.terms_read is no text"),
    ],
)
def test_what_is_no_term_is_one_line(tmp_path, line, words):
    file = tmp_path / "hearten.toml"
    file.write_text(f"[models.fast]\n{line}\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(file)
    assert words in str(refused.value)


def test_from_the_settings_to_a_dry_run_by_commands(hub, tmp_path):
    make_meld_tree(tmp_path / "meld")
    table = '[models.fast]\nmodel = "test-model"\naddress = "{}"\noutput_terms = "Free"\n'
    more = 'terms_link = "https://example.org"\nterms_read = "2026-11-30"\nmay_train = true\n'
    where = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HOME": str(tmp_path / "home")}
    line = ("publish", "output/meld", "--repo", REPO, "--dry-run")
    with TestEndpoint() as endpoint:
        (tmp_path / "hearten.toml").write_text(text := table.format(endpoint.base_url) + more)
        built = ("build", "--corpus", "meld", "--source", "meld", "--text-only", "--model", "fast")
        ended = hearten(*built, cwd=tmp_path)
        assert ended.code == 0, ended.err
    drafting = [one["drafting"] for one in samples(tmp_path / "output/meld")]
    assert {one["output_terms"] for one in drafting} == {"Free"}
    ended = hearten(*line, "--public", cwd=tmp_path, **where)
    assert ended.code == 1
    assert "test-model are not known (may_publish)" in one_line_error(ended)
    ended = hearten(*line, cwd=tmp_path, **where)
    assert ended.code == 0 and "training allowed, publishing not known" in ended.out, ended.err
    (tmp_path / "hearten.toml").write_text(f"{text}may_publish = true\n")
    ended = hearten(*line, "--public", cwd=tmp_path, **where)
    assert ended.code == 0 and "publishing allowed" in ended.out, ended.err
    card = (tmp_path / "output/.publish/meld/README.md").read_text()
    assert f"{SAID} test-model: Free (https://example.org), read 2026-11-30" in card

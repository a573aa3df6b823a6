"""Settings of a team: models under names, profiles, and where each value in force comes from."""

from __future__ import annotations

import json

import pytest
from builds import hearten, manifest, one_line_error, samples
from endpoints import TestEndpoint
from trees import make_meld_tree

from builders.cli.named_models import keys_at

KEY = "sk-team-2f9c41d07b"
FILE = """
[build]
model = "fast"
context_turns = 4
temperature = 0.5
[models.fast]
model = "test-model"
address = "{address}"
key = "TEAM_KEY"
price = {{ prompt = 1000000, completion = 0 }}
output_terms = "Apache-2.0"
[profiles.careful]
temperature = 0.25
limit = 3
[corpora.meld]
source = "/from/file"
"""


@pytest.fixture
def at(tmp_path):
    (tmp_path / "hearten.toml").write_text(FILE.format(address="http://127.0.0.1:1/v1"))
    return tmp_path


def shown(at, *words, **variables):
    ended = hearten("config", *words, cwd=at, **variables)
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    return document, {one["name"]: one for one in document["settings"]}


def test_each_value_says_where_it_comes_from_in_the_documented_order(at):
    line = ("--json", "build", "--corpus", "meld", "--limit", "9")
    document, of = shown(
        at, *line, HEARTEN_PROFILE="careful", HEARTEN_BASE_URL="http://h/v1", TEAM_KEY=KEY
    )

    def said(name):
        return of[name]["value"], of[name]["from"], of[name]["where"]

    assert said("limit") == (9, "flag", None)
    assert said("base_url") == (["http://h/v1"], "environment", "HEARTEN_BASE_URL")
    assert said("temperature") == (0.25, "profile", "careful")
    assert said("context_turns") == (4, "hearten.toml", None)
    assert said("top_p") == (1.0, "default", None)
    assert said("plan") == ("none", "environment", "HEARTEN_PLAN")
    assert document["profile"] == "careful" and document["file"] == "hearten.toml"


def test_the_variables_of_the_provider_go_before_the_file(at):
    (at / "hearten.toml").write_text('[build]\nbase_url = "http://file/v1"\n')
    _, of = shown(at, "--json", "build", OPENAI_BASE_URL="http://provider/v1")
    assert of["base_url"]["value"] == ["http://provider/v1"]
    assert (of["base_url"]["from"], of["base_url"]["where"]) == ("environment", "OPENAI_BASE_URL")
    _, of = shown(at, "--json", "build")
    assert (of["base_url"]["value"], of["base_url"]["from"]) == (["http://file/v1"], "hearten.toml")


def test_a_corpus_is_where_the_file_or_else_the_environment_says(at):
    given = {"HEARTEN_SOURCE_MELD": "/from/environment", "HEARTEN_SOURCE_MOSEI": "/of/machine"}
    document, _ = shown(at, "--json", **given)
    meld, mosei = sorted(document["sources"], key=lambda one: one["corpus"])
    assert (meld["source"], meld["from"]) == ("/from/file", "hearten.toml")
    assert (mosei["source"], mosei["from"]) == ("/of/machine", "environment")


def test_no_secret_is_shown(at):
    line = ("build", "--store", "postgresql+psycopg://me:pw-7c1d9a@db/hearten")
    for more in ((), ("--json",)):
        ended = hearten("config", *more, *line, cwd=at, TEAM_KEY=KEY, OPENAI_API_KEY="sk-aaaa1111")
        assert ended.code == 0 and "TEAM_KEY" in ended.out
        for secret in (KEY, "pw-7c1d9a", "sk-aaaa1111"):
            assert secret not in ended.out + ended.err


def test_other_commands_have_settings_too(at):
    (at / "hearten.toml").write_text('[build]\nstore = "s.sqlite"\nlimit = 5\n')
    document, of = shown(at, "--json", "store", "status")
    assert document["command"] == "store status"
    assert (of["store"]["value"], of["store"]["from"]) == ("s.sqlite", "hearten.toml")
    document, of = shown(at, "diff", "a", "b", "--json")
    assert (of["store"]["value"], of["store"]["from"]) == ("s.sqlite", "hearten.toml")
    assert document["command"] == "diff"


def test_a_named_model_is_asked_at_its_address_with_its_key_and_price(tmp_path):
    source = make_meld_tree(tmp_path / "meld")
    with TestEndpoint(api_key=KEY) as endpoint:
        (tmp_path / "hearten.toml").write_text(FILE.format(address=endpoint.base_url))
        line = ("build", "--corpus", "meld", "--source", source, "--text-only")
        ended = hearten(*line, "--profile", "careful", cwd=tmp_path, TEAM_KEY=KEY)
        assert ended.code == 0, ended.err
        estimate = hearten(
            *line, "--name", "more", "--estimate", "--json", cwd=tmp_path, TEAM_KEY=KEY
        )
    found = manifest(tmp_path / "output" / "meld")
    assert found["result"]["config"]["model"] == "test-model"
    assert found["result"]["config"]["temperature"] == 0.25
    drafting = [one["drafting"] for one in samples(tmp_path / "output" / "meld")]
    assert {(one["model"], one["output_terms"]) for one in drafting} == {
        ("test-model", "Apache-2.0")
    }
    assert found["run"]["cost"]["usd"] == found["run"]["cost"]["prompt_tokens"] > 0
    assert json.loads(estimate.out)["usd"] > 0
    kept = (tmp_path / "output" / "meld" / "config.json").read_text()
    assert KEY not in kept


@pytest.mark.parametrize(
    ("line", "variables", "words"),
    [
        (("--profile", "carefull"), {}, ["no profile 'carefull'", "did you mean careful?"]),
        ((), {"HEARTEN_PROFILE": "x"}, ["there is no profile 'x'", "one of careful"]),
        ((), {"TEAM_KEYS": KEY}, ["names TEAM_KEY, and no such", "did you mean TEAM_KEYS?"]),
        (("--model", "fats"), {}, ["no address for the model fats", "did you mean fast of"]),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(at, line, variables, words):
    make_meld_tree(at / "meld")
    ended = hearten(
        *("build", "--corpus", "meld", "--source", at / "meld", "--text-only"),
        *line,
        cwd=at,
        **variables,
    )
    told = one_line_error(ended)
    assert ended.code == 1
    for part in words:
        assert part in told
    assert KEY not in told


def test_a_key_in_the_file_is_refused_and_not_repeated(at):
    (at / "hearten.toml").write_text(f'[models.m]\naddress = "http://h/v1"\nkey = "{KEY}"\n')
    told = one_line_error(hearten("config", cwd=at))
    assert "models.m.key is not the name of an environment variable" in told
    assert KEY not in told


def test_prompts_of_a_named_model_need_no_key(at):
    ended = hearten("prompt", "--corpus", "meld", "--sample", "--limit", "1", "--json", cwd=at)
    assert ended.code == 0, ended.err
    request = json.loads(ended.out)
    assert "test-model" in json.dumps(request)


def test_a_judge_at_its_own_address_has_a_key_of_its_own(monkeypatch):
    monkeypatch.setenv("TEAM_KEY", "sk-team-1f9a")
    at, tables = "http://judge.example/v1", {"models": {"j": {"model": "j", "key": "TEAM_KEY"}}}
    assert keys_at("j", at, {}) == ("HEARTEN_JUDGE_API_KEY",)
    assert keys_at("j", None, {}) == ("HEARTEN_API_KEY", "OPENAI_API_KEY")
    tables["models"]["j"]["address"] = at
    assert keys_at("j", at, tables) == ("TEAM_KEY",)

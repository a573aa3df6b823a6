import inspect
from pathlib import Path
from typing import get_args

import pytest

from builders.cli import build, reply_options, target_options
from builders.errors import ConfigError, SourceError
from builders.settings import MAY_CHANGE, BuildConfig, PlanBy, make_config
from builders.settings.file import BUILD_KEYS, find_source, load_settings
from builders.settings.identity import identity

SECRET = "s3cr3t"


def config(**settings) -> BuildConfig:
    return make_config(**{"corpus": "meld", "source": Path("meld"), "name": "meld", **settings})


@pytest.fixture
def settings_file(tmp_path):
    return tmp_path / "hearten.toml"


def test_settings_are_read_from_all_three_tables(settings_file):
    settings_file.write_text(
        '[build]\nlimit = 5\nemotion = ["joy"]\n'
        '[corpora.meld]\nsource = "/data/meld"\n'
        '[prices."a-model"]\nprompt = 1\ncompletion = 2\n'
    )
    assert load_settings(settings_file) == {
        "build": {"limit": 5, "emotion": ["joy"]},
        "corpora": {"meld": {"source": "/data/meld"}},
        "prices": {"a-model": {"prompt": 1, "completion": 2}},
    }


def test_no_file_means_no_settings(settings_file):
    assert load_settings(settings_file) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[build]\nlimits = 5\n", ["unknown setting build.limits", "did you mean limit?"]),
        (
            "[builds]\n",
            [
                "unknown top-level name builds",
                "[profiles.NAME] or [publish]",
                "did you mean build?",
            ],
        ),
        ("[corpora.meld]\nfolder = 'x'\n", ["unknown setting corpora.meld.folder", "source"]),
        ("build = 5\n", ["build is 5", "a table [build]"]),
        ("[corpora]\nmeld = '/data'\n", ["corpora.meld is '/data'", "a table [corpora.meld]"]),
        (
            "[build]\nemotions = ['joy']\n",
            ["unknown setting build.emotions", "did you mean emotion?"],
        ),
        ("[corpora.meld]\nsource = 5\n", ["corpora.meld.source is 5", "quotation marks"]),
        ("[build\n", ["not valid TOML", "fix that line"]),
        ("[models.m]\nadress = 'x'\n", ["unknown setting models.m.adress", "mean address?"]),
        ("[models.m]\nmodel = 5\n", ["models.m.model is no text", "quotation marks"]),
        ("[models.m]\nkey = 'A_KEY'\n", ["a key and no address", "address = "]),
        ("[models.m]\nprice = 5\n", ["models.m.price is 5", "prompt and completion"]),
        ("[profiles.p]\nlimits = 5\n", ["setting profiles.p.limits", "did you mean limit?"]),
        ("profiles = 5\n", ["profiles is 5", "a table [profiles]"]),
    ],
)
def test_what_the_file_should_not_hold_is_named(settings_file, text, words):
    settings_file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(settings_file)
    for part in (*words, str(settings_file)):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("limit", 0, "setting limit is 0: Input should be greater than or equal to 1"),
        ("context_turns", -1, "setting context_turns is -1"),
        ("name", "../else", "setting name is '../else'; expected letters, digits and"),
        ("name", "hearten.sqlite", "hearten.sqlite is the name of the store"),
        ("persona", "friend", "setting persona is 'friend'; expected one of assistant, addressee"),
        ("resume", "perhaps", "setting resume is 'perhaps'"),
        ("mood", "good", "setting mood is 'good': Extra inputs are not permitted"),
    ],
)
def test_a_bad_value_is_named_with_its_setting(setting, value, words):
    with pytest.raises(ConfigError) as raised:
        config(**{setting: value})
    assert words in str(raised.value)
    assert "hearten.toml" in str(raised.value)


def test_a_source_comes_from_the_file_before_the_environment(monkeypatch):
    settings = {"corpora": {"meld": {"source": "/from/file"}}}
    monkeypatch.setenv("HEARTEN_SOURCE_MELD", "/from/environment")
    assert find_source("meld", "ask its owner", settings) == Path("/from/file")
    assert find_source("meld", "ask its owner", {}) == Path("/from/environment")


def test_a_corpus_without_a_source_says_how_to_get_it_and_what_to_do():
    with pytest.raises(SourceError) as raised:
        find_source("meld", "ask its owner", {})
    line = str(raised.value)
    assert "no source folder for meld: ask its owner" in line
    assert "--source DIR" in line and "--sample" in line


def test_the_identity_of_a_build_holds_no_secret_and_nothing_that_may_change():
    held = identity(
        config(
            model="a-model",
            base_urls=(f"https://me:{SECRET}@example.org/v1",),
            store=f"postgresql+psycopg://me:{SECRET}@db/hearten",
        )
    )
    assert SECRET not in str(held)
    assert not MAY_CHANGE & held.keys()
    assert held["provider"] == "openai-compatible"


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 5},
        {"max_concurrency": 9},
        {"timeout": 5.0},
        {"patience": 5.0},
        {"base_urls": ("http://127.0.0.1:1/v1",)},
        {"max_usd": 5.0},
        {"max_tokens": 5},
        {"source": Path("moved")},
    ],
)
def test_what_may_change_does_not_change_the_identity(change):
    assert identity(config(**change)) == identity(config())


@pytest.mark.parametrize(
    "change",
    [
        {"model": "a-model"},
        {"persona": "addressee"},
        {"context_turns": 3},
        {"emotions": ("anger",)},
        {"max_per_emotion": 3},
        {"temperature": 0.1},
        {"text_only": True},
        {"clip_checks": ("vad",)},
        {"min_dnsmos": 2.0},
        {"exclude_emotions": ("anger",)},
        {"min_agreement": 0.0},
        {"no_ambiguous": True},
        {"balance": "emotion"},
    ],
)
def test_what_is_built_changes_the_identity(change):
    assert identity(config(**change)) != identity(config())


def test_options_on_targets_that_nobody_asked_for_are_not_in_the_identity():
    names = {"exclude_emotions", "min_agreement", "known_agreement", "no_ambiguous", "balance"}
    assert not names & identity(config()).keys()


def test_only_a_chosen_model_makes_an_endpoint_draft(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert config().provider == "phrasebook"
    assert config(model="a-model").provider == "openai-compatible"


@pytest.mark.parametrize("option", ["persona", "client", "resume"])
def test_the_command_line_offers_the_choices_that_a_build_has(option):
    module = reply_options if option == "persona" else build
    offered = getattr(module, option.capitalize())
    assert get_args(offered) == get_args(BuildConfig.model_fields[option].annotation)


@pytest.mark.parametrize(("choices", "setting"), [("Balance", "balance"), ("OnError", "on_error")])
def test_the_command_line_offers_the_choices_that_a_build_may_have(choices, setting):
    known, _ = get_args(BuildConfig.model_fields[setting].annotation)
    assert get_args(getattr(target_options, choices)) == get_args(known)


def test_the_command_line_offers_who_may_plan():
    assert get_args(reply_options.PlanBy) == get_args(PlanBy)


def test_a_plan_is_in_the_identity_of_a_build_that_has_one_alone():
    assert "plan" not in identity(config())
    assert "plan" not in identity(config(model="m", plan="none"))
    assert identity(config(model="m", plan="hash"))["plan"] == "hash"


def test_every_setting_of_the_file_is_an_option_of_the_command_line():
    options = inspect.signature(build.build_command).parameters
    assert options.keys() - {"as_json", "settings_profile"} == BUILD_KEYS


def test_a_wrong_value_of_an_option_that_may_be_given_again_is_named_by_the_option():
    with pytest.raises(ConfigError, match=r"^setting check is 'ears'; expected one of vad, "):
        make_config(corpus="meld", source=".", name="a", clip_checks=("ears",))

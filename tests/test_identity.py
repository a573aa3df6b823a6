"""What identifies a build never changes by itself: an unfinished one goes on with a new version."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from builders.errors import ConfigError
from builders.llm.settings import KEY_VARIABLES, Limits, ModelSettings
from builders.settings import BuildConfig, checked, make_config
from builders.settings.identity import identity

URL, OTHER = "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"
BASE = {"corpus": "meld", "source": Path("meld"), "name": "meld"}
SERVED = {"model": "m", "base_urls": (URL,)}
NOTES = {
    "a": [
        {"reply": {"text": "x"}, "reasons": ["y"], "heard": {"emotion": "joy", "votes": {"joy": 2}}}
    ],
    "b": [{"reply": {}, "reasons": []}],
}
REDRAFT = {"of": "meld", "prompt_version": "r 1"}
CONFIGS = [
    {},
    SERVED,
    {**SERVED, "hear": True},
    {**SERVED, "caption_model": "c"},
    {**SERVED, "caption_model": "c", "caption_base_urls": (OTHER,)},
    {**SERVED, "caption_model": "m", "hear": True},
    {"vote_models": ("v",), "base_urls": (URL,)},
    {**SERVED, "vote_models": (f"v@{OTHER}", "w", "m")},
    {"caption_model": "c", "vote_models": ("c",), "base_urls": (URL,)},
    {"speak": True, "speak_replies": True},
    {"speak_replies": True, "tts": "loud", "tts_base_urls": (URL,), "base_urls": (URL,)},
    {"temperature": 0.0, "top_p": 0.5, "reply_tokens": 50, "client": "openai"},
    {"max_concurrency": 3, "timeout": 1.5, "patience": 2, "max_usd": 1.25, "max_tokens": 10},
    {**SERVED, "temperature": 2, "top_p": 1},
    {
        "emotions": ("joy",),
        "splits": ("dev",),
        "min_words": 3,
        "limit": 4,
        "persona": "addressee",
        "text_only": True,
    },
    {"clip_checks": ("vad", "asr"), "min_speech": 0.5},
    {"label_view": "x", "on_error": "stop", "retry_failed": True, "retry_kinds": ("refusal",)},
    {"redraft": {**REDRAFT, "notes": NOTES}},
    {"redraft": {**REDRAFT, "notes": {}, "which": "ids", "ids": ("q",)}},
]
# Made with the release before models had settings of their own.
IDENTITIES = "b4d8c32e37204b3d60302908ddca4e53567bdc3dcec1e88bcdd73ac60f11ff83"
MODELS = "aa75e233db75c11c98f75f0a78cd6305fdac32be108c09f263bd78a2133d3799"


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def test_builds_are_identified_as_the_release_before_did():
    found = [identity(make_config(**BASE, **more)) for more in CONFIGS]
    assert digest(found) == IDENTITIES, "an unfinished build of that release would not go on"


def test_models_are_asked_where_and_with_which_key_and_parts_as_before():
    found = [make_config(**BASE, **more).models for more in CONFIGS]
    assert digest([[_as_before(one) for one in models] for models in found]) == MODELS


def _as_before(model: ModelSettings) -> list[object]:
    return [model.model, list(model.base_urls), sorted(model.sent), list(model.keys)]


def test_a_config_gives_its_limits_and_sampling_to_what_asks():
    config = make_config(**BASE, **SERVED, max_usd=1.5, timeout=9, temperature=0.1, client="openai")
    assert config.limits == Limits(max_usd=1.5, timeout=9)
    (model,) = config.models
    assert (model.client, model.keys, model.sampling.temperature) == ("openai", KEY_VARIABLES, 0.1)


@pytest.mark.parametrize("kind", [Limits, ModelSettings])
def test_defaults_and_bounds_of_a_build_are_those_of_what_asks(kind):
    shared = kind.model_fields.keys() & BuildConfig.model_fields.keys() - {"model", "base_urls"}
    assert shared
    for name in shared:
        ours, of_build = kind.model_fields[name], BuildConfig.model_fields[name]
        assert (ours.default, ours.annotation) == (of_build.default, of_build.annotation)


def test_a_limit_out_of_bounds_is_named_by_its_option():
    with pytest.raises(
        ConfigError, match="setting max_usd is -1.0: Input should be greater than 0"
    ):
        checked(Limits, max_usd=-1.0)

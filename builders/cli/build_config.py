"""The options of `build`, checked together and turned into the settings of one build."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from builders import resources
from builders.cli.build_options import BuildOptions
from builders.cli.defaults import with_defaults
from builders.cli.named_models import with_models
from builders.corpora import load_card, resolve_slug
from builders.errors import ConfigError, UsageError, nearest, suggested
from builders.llm.addresses import check_named, may_send
from builders.llm.settings import DEFAULT_BASE_URL, KEY_NAMES, KEY_VARIABLES
from builders.settings import HIBARI, LISTED, BuildConfig, make_config, voting
from builders.settings.file import SettingsFile, find_source, follows_links

# What goes into the settings otherwise than as it was given, or not at all.
_NO_SETTINGS = frozenset(
    "corpus source name tts sample redraft judge_model after_judge show as_json "
    "settings_profile".split()
)


def config_of(given: BuildOptions, settings: SettingsFile) -> BuildConfig:
    """Return the config of a build of one corpus; `given` are the options by name."""
    given, of_models = with_models(given, settings)
    slug = resolve_slug(given["corpus"])
    redraft, sample, source = given.get("redraft"), given["sample"], given["source"]
    if sample and source:
        raise UsageError("--sample and --source exclude each other", do="leave one of them out")
    if sample:
        source = resources.corpus_folder(slug) / "sample"
    source = source or find_source(slug, load_card(slug).how_to_get, settings)
    speaks = given["speak"] or given["speak_replies"]
    tts = (given["tts"] if speaks else None) or HIBARI
    name = given["name"] or (f"{slug}-sample" if sample else slug)
    given = with_defaults(given, name, load_card(slug).language)
    plain: dict[str, object] = {n: value for n, value in given.items() if n not in _NO_SETTINGS}
    lists = {setting: _listed(plain.pop(option)) for option, setting in LISTED.items()}
    _check_hearing(given, lists["caption_base_urls"])
    _check_prompt(given)
    asked = _asked_at_base_urls(given, lists)
    if lists["base_urls"] and not (asked or sample or lists["drafters"]):
        raise UsageError("--base-url is given without --model", do="add --model MODEL")
    lists["base_urls"] = lists["base_urls"] or default_addresses(
        asked, known=[*settings.get("models", {})]
    )
    lists["tts_base_urls"] = _speech_addresses(tts if speaks else None, lists["tts_base_urls"])
    for setting in ("emotions", "exclude_emotions"):
        lists[setting] = tuple(_emotion(word) for word in lists[setting])
    if both := sorted({*lists["emotions"]} & {*lists["exclude_emotions"]}):
        raise UsageError(
            f"{both[0]} is given with --emotion and with --exclude-emotion",
            do="leave it out of one of them",
        )
    if given["known_agreement"] and given["min_agreement"] is None:
        raise UsageError(
            "--known-agreement is given without --min-agreement", do="say how much is enough"
        )
    lists["may_send"] = may_send(lists["may_send"])
    check_named(lists["may_send"], [slug, *_shown_corpora(given["demonstrations"])])
    plain["draft_prompt"] = plain.pop("prompt_version")
    plain["follow_links"] = follows_links(slug, given["follow_links"], settings)
    config = make_config(
        **plain | lists | of_models, corpus=slug, source=source, name=name, tts=tts
    )
    if config.demonstrations and Path(config.demonstrations, "manifest.json").is_file():
        from builders.review.outcome.applied import applied

        seen = applied(Path(config.demonstrations), config.store_url)
        config = config.model_copy(update={"demonstrations": str(seen)})
    if redraft:
        from builders.review.outcome.redraft import redrafting

        return redrafting(config, redraft)
    return config


def _shown_corpora(demonstrations: str | None) -> list[str]:
    """Return the corpora of the build that demonstrations are taken from."""
    if demonstrations is None:
        return []
    from builders.pipeline.demonstrations import corpora_of

    return corpora_of(demonstrations)


def _listed(said: object) -> tuple[str, ...]:
    """Return what was given for an option that may be given again."""
    return tuple(said) if isinstance(said, list | tuple) else ()


def _check_hearing(given: BuildOptions, addresses: tuple[str, ...]) -> None:
    """Raise UsageError for options about audio, cases and models that cannot be combined."""
    _check_needs_model(given)
    if given["demonstrations_by"] != "words" and not given["demonstrations"]:
        raise UsageError(
            "--demonstrations-by is given, and no demonstrations are shown",
            do="name the cases, as --demonstrations ours, or leave it out",
        )
    if given["hear"] and not given["model"]:
        raise UsageError(
            "--hear needs --model: the phrasebook takes no audio",
            do="name a model that accepts audio",
        )
    if given["see"] and not given["model"]:
        raise UsageError(
            "--see is given without --model, and the phrasebook sees nothing",
            do="name a model that takes video",
        )
    if given["see"] and given["hear"]:
        raise UsageError("--see sends the sound as well as the picture", do="leave --hear out")
    asked = (
        ("--hear", given["hear"]),
        ("--see", given["see"]),
        ("--caption-model", given["caption_model"]),
    )
    for option, wanted in asked:
        if wanted and given["text_only"]:
            raise UsageError(
                f"{option} and --text-only exclude each other", do="leave one of them out"
            )
    if addresses and not given["caption_model"]:
        raise UsageError(
            "--caption-base-url is given without --caption-model", do="add --caption-model MODEL"
        )
    drafts = {voting(one).model for one in given["model"] or ()}
    if addresses and given["caption_model"] in drafts:
        raise UsageError(
            f"--caption-base-url is given for {given['caption_model']}, which also drafts, at "
            "--base-url",
            do="leave --caption-base-url out, or serve one of the two under another name",
        )


def _check_prompt(given: BuildOptions) -> None:
    """Raise UsageError for options about what prompts tell that cannot be combined."""
    if given["background"] == "model" and not given["model"]:
        raise UsageError(
            "--background model needs --model: the phrasebook tells nothing", do="name a model"
        )
    if given["prompt_version"] == 1 and given["background"] != "corpus":
        raise UsageError(
            f"--background {given['background']} needs version 2 of the prompt",
            do="leave out one of the two",
        )
    if given["prompt_version"] == 1 and given["plan"] not in (None, "none"):
        raise UsageError(
            f"--plan {given['plan']} needs version 2 of the prompt", do="leave out one of the two"
        )
    if given["prompt_version"] == 1 and given["real_names"]:
        raise UsageError(
            "--real-names has no effect with --prompt-version 1, which has no other names",
            do="leave it out",
        )


def _check_needs_model(given: BuildOptions) -> None:
    """Raise UsageError for options that say nothing to the phrasebook."""
    needing = (
        ("--demonstrations", given["demonstrations"], "the phrasebook is shown no cases"),
        ("--plan", given["plan"] not in (None, "none"), "the phrasebook follows no plan"),
        ("--tag-model", given["tag_model"], "the phrasebook knows what its replies do"),
    )
    for option, wanted, why in needing:
        if wanted and not given["model"]:
            raise UsageError(f"{option} needs --model: {why}", do="name a model")


def _asked_at_base_urls(given: BuildOptions, lists: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return a model that is asked at --base-url: the one that drafts, describes or votes."""
    describes = None if lists["caption_base_urls"] else given["caption_model"]
    beside = (given["tag_model"], given["route_model"], given["moderation"])
    named = map(voting, (*lists["drafters"], *lists["vote_models"], *filter(None, beside)))
    return next((one.model for one in named if one.address is None), describes)


def default_addresses(
    model: str | None, option: str = "--base-url", known: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return where a model is asked when no address is given: the provider's own variables say.

    Raises:
        ConfigError: they say nothing; the line names a table of `known` that may be meant.
    """
    address = os.environ.get("OPENAI_BASE_URL")
    if model and not address and not any(os.environ.get(name) for name in KEY_VARIABLES):
        near = nearest(model, [name for name in known if name != model])
        do = f"give {option}, or set {KEY_NAMES}"
        raise ConfigError(
            f"there is no address for the model {model}, and no key for {DEFAULT_BASE_URL}",
            do=f"did you mean {near} of [models]? Else {do}" if near else do,
        )
    return (address or DEFAULT_BASE_URL,)


def _speech_addresses(tts: str | None, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a voice is asked for: nowhere if it is the embedded one, or there is none."""
    if tts is None:
        return ()
    if tts != HIBARI:
        return addresses or default_addresses(tts, "--tts-base-url")
    if addresses:
        raise UsageError("--tts-base-url is given without --tts", do="add --tts MODEL")
    return ()


def _emotion(word: str) -> str:
    from builders.labels.vocabulary import vocabulary

    node = vocabulary().resolve(word)
    if node is None:
        raise UsageError(f"there is no emotion {word!r}", **suggested(word, vocabulary().nodes))
    return node

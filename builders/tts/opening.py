"""Opening the voice of a build, and the checks before any money is spent.

Hibari is the voice unless a model is given; a model is called at `--tts-base-url`, or at the
address in the provider's own variables. Nothing is loaded before the first line is spoken.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from builders.audio.asr import Transcriber
from builders.corpora import Card
from builders.errors import ConfigError
from builders.llm.budget import Budget
from builders.llm.cache import ResponseCache
from builders.llm.runner import Session
from builders.llm.settings import Limits, ModelSettings
from builders.settings import HIBARI, BuildConfig
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.tasks.reply.checks.language import answered_in
from builders.tts import hibari
from builders.tts.asr_check import ReadBack, hears
from builders.tts.engine import Engine
from builders.tts.request import Spoken
from builders.tts.stage import SpeechWanted, Voicing
from builders.tts.styles import version as styles_version

VOICE = "alloy"


def check(config: BuildConfig, card: Card) -> dict[str, object] | None:
    """Return what identifies a build's speech, None if there is none.

    Raises:
        ConfigError: the corpus already has recorded voices; an extra is missing; a voice is not
            there; the corpus's text may not be sent to the voice's server.
    """
    if not config.speaks:
        return None
    if config.speak and card.audio_origin != "none":
        raise ConfigError(
            f"{card.title} already has recorded voices, and its labels describe them",
            expected="--speak with a text-only corpus",
            do="leave out --speak; to synthesise the replies, use --speak-replies",
        )
    language = answered_in(card.language, card.fixed_words)
    if config.tts == HIBARI:
        hibari.check_installed()
        hibari.check_speaks(language)
        engine, voice = hibari.engine_name(), config.tts_voice or hibari.VOICE
        hibari.model_file(voice)
    else:
        engine, voice = config.tts, config.tts_voice or VOICE
        _check_addresses(config, card)
    listens = config.read_back and hears(language)
    if listens:
        ReadBack.check_installed()
    return {
        "engine": engine,
        "voice": voice,
        "styles": styles_version(),
        "read_back": Transcriber.version() if listens else None,
    }


def _check_addresses(config: BuildConfig, card: Card) -> None:
    from builders.llm.addresses import check_address, is_third_party

    if not config.tts_base_urls:
        raise ConfigError(
            f"there is no server address for the voice {config.tts}", do="add --tts-base-url URL"
        )
    for address in config.tts_base_urls:
        check_address(address, "--tts-base-url")
        may = card.send_to_third_party.text == "yes" or card.slug in config.may_send
        if not may and is_third_party(address):
            raise ConfigError(
                f"replies to {card.title} may not be sent to a third party such as {address} "
                f"(its card says {card.send_to_third_party.text})",
                do="leave out --tts, use a voice on this machine or in your own network, or pass "
                f"--i-may-send {card.slug} if you have the right to send them",
            )


@asynccontextmanager
async def open_voicing(
    config: BuildConfig, language: str, session: Session, store: Store, budget: Budget
) -> AsyncIterator[Voicing | None]:
    """Open the speech stage of a build, None if it has no speech."""
    cache = session.cache
    if not config.speaks:
        yield None
        return
    workers = config.workers or os.cpu_count() or 1
    spoken = Spoken(store, ClipFiles(config.clips_folder))
    listens = config.read_back and hears(language)
    read_back = ReadBack(config.misheard_words, spoken, workers) if listens else None
    engine: Engine = (
        hibari.Embedded(config.tts_voice, workers)
        if config.tts == HIBARI
        else _served(config.speech_model, config.tts_voice or VOICE, config.limits, cache, budget)
    )
    try:
        wanted = SpeechWanted(config.speak, config.speak_replies)
        claims = None if config.tts == HIBARI else session.claims
        yield Voicing(wanted, engine, spoken, read_back, claims)
    finally:
        await engine.close()
        if read_back:
            read_back.close()
        spoken.close()


def _served(
    model: ModelSettings, voice: str, limits: Limits, cache: ResponseCache, budget: Budget
) -> Engine:
    # Here, as HTTP takes its time to import.
    from builders.llm.concurrency import AdaptiveLimit
    from builders.llm.providers.openai_http import CLIENTS
    from builders.llm.providers.openai_speech import SpeechServer
    from builders.llm.served import api_key
    from builders.tts.served import ServedVoice

    connect, secret = CLIENTS[model.client], api_key(model.keys)
    servers = [
        SpeechServer(
            address.rstrip("/"),
            (model.model, voice),
            connect(address.rstrip("/"), secret, limits.timeout),
            AdaptiveLimit(limits.max_concurrency),
            cache.store,
            model.keys,
        )
        for address in model.base_urls
    ]
    return ServedVoice(servers, voice, limits.patience, cache, budget)

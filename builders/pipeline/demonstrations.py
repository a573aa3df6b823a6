"""Where the demonstrations of a build come from: our own cases, a folder of tables, or a build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from builders.corpora import Card, load_card
from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.llm.addresses import check_may_send
from builders.llm.settings import PHRASEBOOK
from builders.record.dataset import Build
from builders.record.types import ReviewStatus, dialogue_prefix
from builders.record.views import SampleRecord
from builders.release.eligibility import (
    Extent,
    Purpose,
    Restrictions,
    eligibility,
    gates_of,
    restrictions,
)
from builders.settings import BuildConfig
from builders.store.database import forgotten_by
from builders.tasks.reply.demonstration_tables import built_in, read_cases
from builders.tasks.reply.demonstrations import Demonstration, Demonstrations

OURS = "ours"
# Splits that models are measured on are shown to none.
_TO_LEARN_FROM = ("train", "all")
_COLUMNS = (
    *("id", "source.split", "source.dialogue_id", "text_context", "reference_response.id"),
    *("target_utterance.text", "target_utterance.emotions", "voice.words", "safety"),
    *("desired_response", "review.status", "drafting.provider"),
)
_ROLES = {"user": "Speaker", "assistant": "Listener"}
_TURNS = 3


def open_demonstrations(config: BuildConfig, card: Card) -> Demonstrations | None:
    """Return the set that `--demonstrations` names, or None.

    Raises:
        ConfigError: there is no such set or nothing in it, the corpus of a build may not be sent
            to where the model is, or nobody reviewed its replies and a phrasebook made them.
        LabelError: a cell of a table is wrong.
        VerificationError: a file of a build is not what the build wrote.
    """
    named = config.demonstrations
    if named is None:
        return None
    if named == OURS:
        return Demonstrations(read_cases(built_in(card.language)), OURS)
    folder = Path(named)
    if not folder.is_dir():
        raise ConfigError(
            f"--demonstrations names {named}, which is no folder",
            expected=f"{OURS}, a folder of tables, or a finished build",
            do="correct the name",
        )
    if (folder / "manifest.json").is_file() or (folder / "config.json").is_file():
        return _of_build(Build(folder).verify(), config)
    return Demonstrations(read_cases(folder), "a folder of tables")


def _of_build(build: Build, config: BuildConfig) -> Demonstrations:
    result = build.manifest["result"]
    for part in result.get("combined") or [{"corpus": result["config"]["corpus"]}]:
        for model in config.models:
            check_may_send(load_card(str(part["corpus"])), model.base_urls, model.sent)
    excluded = Exclusions.load(config.exclusions, forgotten_by(config.store_url)).covers
    # What reviewers made of a build lies elsewhere, and its gates beside itself.
    gates = gates_of(build.folder) or gates_of(config.output / build.name)
    known = restrictions(build.shards(), excluded, gates)
    cases = list(_cases(build, known))
    if not cases:
        raise ConfigError(
            "no reply of that build is one to learn from",
            where=build.folder,
            expected="reviewed replies, or those of a model, of a split train",
            do="review it, or name other demonstrations",
        )
    return Demonstrations(cases, f"the build {build.name}")


def _cases(build: Build, known: Restrictions) -> Iterator[Demonstration]:
    for record in build.rows(_COLUMNS):
        if record["source"]["split"] not in _TO_LEARN_FROM or not _good(record):
            continue
        if eligibility(record, Purpose.TRAIN, known).extent is Extent.RECORD:
            yield _case(record)


def _good(record: SampleRecord) -> bool:
    """Return whether people settled on a reply, or at least a model wrote it."""
    if record["review"] is not None:
        return record["review"]["status"] in (ReviewStatus.ACCEPTED, ReviewStatus.EDITED)
    return record["drafting"]["provider"] != PHRASEBOOK


def _case(record: SampleRecord) -> Demonstration:
    said, reply = record["target_utterance"], record["desired_response"]
    source, emotions = record["source"], said["emotions"]
    corpus = record["id"].split("-", 1)[0]
    turns = record["text_context"][-_TURNS + 1 :]
    return Demonstration(
        id=record["id"],
        root=emotions["root"],
        emotion=emotions["primary"],
        voice=record["voice"] and record["voice"]["words"],
        turns=tuple((_ROLES.get(turn["role"], "Other"), turn["text"]) for turn in turns),
        utterance=said["text"],
        strategies=tuple(reply["strategies"]),
        reply_emotion=reply["emotion"] or "neutral",
        reply=reply["text"],
        dialogue=dialogue_prefix(corpus, source["split"], source["dialogue_id"]),
    )

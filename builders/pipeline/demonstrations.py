"""Where the demonstrations of a build come from: our own cases, a folder of tables, or a build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders.corpora import Card, load_card
from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.labels.strategies import order_errors
from builders.labels.vocabulary import vocabulary
from builders.llm.addresses import check_may_send
from builders.llm.settings import PHRASEBOOK
from builders.pipeline.human_cases import HumanCases
from builders.pipeline.told import reply_language
from builders.record.dataset import Build
from builders.record.folder import read_json
from builders.record.human_replies import were_mined
from builders.record.types import Emotions, ReviewStatus, dialogue_prefix
from builders.record.views import SampleRecord
from builders.release.eligibility import (
    Extent,
    Purpose,
    Restrictions,
    eligibility,
    gates_of,
    restrictions,
)
from builders.settings import OURS, BuildConfig
from builders.store.database import forgotten_by
from builders.tasks.reply.demonstration_tables import built_in, read_cases
from builders.tasks.reply.demonstrations import Demonstration, Demonstrations
from builders.tasks.reply.nearness import Index, WordIndex

# Splits that models are measured on are shown to none.
TRAIN = "train"
_COLUMNS = (
    *("id", "language", "source", "text_context", "reference_response.id", "contrast"),
    *("target_utterance.text", "target_utterance.emotions", "target_utterance.speaker"),
    *("voice.words", "safety"),
    *("desired_response", "review.status", "drafting.provider"),
)
_ROLES = {"user": "Speaker", "assistant": "Listener"}
_TURNS = 3


def open_demonstrations(config: BuildConfig, card: Card) -> Demonstrations | None:
    """Return the set that `--demonstrations` names, or None.

    Raises:
        ConfigError: there is no such set or nothing in it, the corpus of a build may not be sent
            to where the model is, nobody reviewed its replies and a phrasebook made them, or the
            extra that `--demonstrations-by meaning` needs is missing.
        LabelError: a cell of a table is wrong.
        VerificationError: a file of a build is not what the build wrote.
    """
    named = config.demonstrations
    if named is None:
        return None
    nearness = _nearness(config.demonstrations_by)
    return Demonstrations(*_cases_of(named, config, card), *nearness)


def _nearness(by: str) -> tuple[Callable[[Sequence[str]], Index], str | None]:
    """Return how near cases are found, and what by; ConfigError where an extra is missing."""
    if by == "words":
        return WordIndex, None
    from builders.tasks.reply.meaning import open_meaning

    return open_meaning()


def _cases_of(named: str, config: BuildConfig, card: Card) -> tuple[list[Demonstration], str]:
    """Return the cases that `--demonstrations` names, and what they are called in the manifest."""
    if named == OURS:
        # The tests ask the checks about each of them; here the first request would wait for it.
        return read_cases(built_in(reply_language(card)), reply_language(card), known=True), OURS
    folder = Path(named)
    if not folder.is_dir():
        raise ConfigError(
            f"--demonstrations names {named}, which is no folder",
            expected=f"{OURS}, a folder of tables, or a finished build",
            do="correct the name",
        )
    if (folder / "manifest.json").is_file() or (folder / "config.json").is_file():
        build = Build(folder).verify()
        return _of_build(build, config), f"the build {build.name}"
    return read_cases(folder, reply_language(card)), "a folder of tables"


def _of_build(build: Build, config: BuildConfig) -> list[Demonstration]:
    drafting = config.models[0]  # no other one is shown any; of a case, words alone are sent
    for corpus in _corpora(build.manifest["result"]):
        check_may_send(load_card(corpus), drafting.base_urls, ("text",), config.may_send)
    excluded = Exclusions.load(config.exclusions, forgotten_by(config.store_url)).covers
    # What reviewers made of a build lies elsewhere, and its gates beside itself.
    gates = gates_of(build.folder) or gates_of(config.output / build.name)
    known = restrictions(build.shards(), excluded, gates)
    mined = were_mined(build.folder)
    found = _cases_of_people(build, known) if mined else _cases(build, known)
    cases = [case for case in found if not _breaks_the_order(case)]
    if not cases:
        raise ConfigError(
            "no reply of that build is one to learn from",
            where=build.folder,
            expected="replies of people with known strategies, of a split train"
            if mined
            else "reviewed replies, or those of a model, of a split train",
            do="review it, or name other demonstrations",
        )
    return cases


def _cases(build: Build, known: Restrictions) -> Iterator[Demonstration]:
    for record in _to_learn_from(build):
        if not _good(record):
            continue
        if eligibility(record, Purpose.TRAIN, known).extent is Extent.RECORD:
            yield _case(record)


def _breaks_the_order(case: Demonstration) -> bool:
    """Return whether the strategies stand as no draft may have them: people put questions first."""
    words = vocabulary()
    emotions = Emotions(
        case.emotion, case.root, words.valence(case.emotion), words.arousal(case.emotion)
    )
    return bool(order_errors(case.strategies, emotions))


def _cases_of_people(build: Build, known: Restrictions) -> Iterator[Demonstration]:
    """Yield what people really replied, where `hearten mine` found it."""
    # What is gated is a draft.
    people = HumanCases(build.folder, replace(known, gated={}))
    for record in _to_learn_from(build):
        for found, personas in people.instead(record):
            yield replace(_case(found), personas=personas)


def _to_learn_from(build: Build) -> Iterator[SampleRecord]:
    """Yield the samples of split train.

    A corpus without splits of its own is divided as a combined set of it would be.
    """
    if "combined" in build.manifest["result"]:
        yield from build.rows(_COLUMNS, TRAIN)
        return
    from builders.pipeline.division import Division  # takes its time to import

    division = Division(build)
    yield from (row for row in build.rows(_COLUMNS) if division.split_of(row) == TRAIN)


def corpora_of(named: str | None) -> list[str]:
    """Return the corpora whose text is sent with the demonstrations of that name, by slug."""
    manifest = Path(named or "", "manifest.json")
    if named is None or not manifest.is_file():
        return []
    return _corpora(read_json(manifest).get("result", {}))


def _corpora(result: Mapping[str, Any]) -> list[str]:
    parts = result.get("combined") or [result.get("config", {})]
    return [str(part["corpus"]) for part in parts if "corpus" in part]


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

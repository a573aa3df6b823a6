"""Opening a finished build's corpus again, so that its prompts are made as they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders import resources
from builders.corpora import load_card, open_reader, slugs
from builders.errors import ConfigError
from builders.llm import prompts
from builders.llm.settings import DRAFT_VERSION, PHRASEBOOK
from builders.pipeline.plan import Plan, digest_of_files, make_plan
from builders.pipeline.selection import Selection, rank
from builders.record.dataset import Build
from builders.record.folder import FITS, read_json
from builders.record.manifest import Ledger
from builders.record.types import Emotions, Target, Utterance
from builders.release.eligibility import Purpose, Restrictions, left_out
from builders.settings import OURS, BuildConfig, make_config
from builders.settings.file import SettingsFile, find_source

if TYPE_CHECKING:
    from builders.audio.analysis import Hearing

# What a build asks of models besides drafts, and what it says aloud: none of it is in a prompt.
_NOT_AGAIN = frozenset(
    "provider redraft drafters vote_models route_model moderation speak speak_replies tts "
    "tts_voice clip_checks min_speech min_dnsmos prompt_version".split()
)
# The versions of what stands in prompts, or decides about answers.
_VERSIONS = (
    *("corpus_files", "mapping_version", "prompt_version", "strategies_version"),
    *("voice_version", "checks_version", "plan_version", "demonstrations_version"),
    *("caption_version", "hear_version", "see_version", "feelings_version"),
)
_COLUMNS = ("id", "contrast.group", "voice.words")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who drafts, and where things are; `model` None for the model of the build.

    `keys` are models, their addresses, and the variables of the keys for these.
    """

    model: str | None
    base_urls: tuple[str, ...]
    source: Path | None
    exclusions: Path
    store: str
    limits: Mapping[str, object]
    may_send: tuple[str, ...]
    keys: tuple[tuple[str, str, str], ...] = ()


def config_of(build: Build, asked: Asked, settings: SettingsFile) -> BuildConfig:
    """Return the settings of a build, as far as its prompts depend on them.

    Raises:
        ConfigError: the build is of another kind, or has no model and none is named.
        SourceError: the folder of the corpus is not known.
    """
    held = build.manifest["result"]["config"]
    _check_kind(build, held, asked)
    fields = BuildConfig.model_fields
    plain = {n: v for n, v in held.items() if n in fields and n not in _NOT_AGAIN}
    first = held["prompt_version"] == prompts.draft_version(1)
    return make_config(
        **plain
        | {
            "source": asked.source or _source(held, settings),
            "name": build.folder.name,
            "output": build.folder.parent,
            "store": asked.store,
            "exclusions": asked.exclusions,
            "model": asked.model or held["model"],
            "base_urls": asked.base_urls,
            "model_keys": asked.keys,
            "draft_prompt": 1 if first else DRAFT_VERSION,
            "demonstrations": _demonstrations(build, held),
            "may_send": asked.may_send or tuple(held.get("may_send") or ()),
            **asked.limits,
        }
    )


def _check_kind(build: Build, held: Mapping[str, Any], asked: Asked) -> None:
    if held.get("corpus") not in slugs() or held.get("redraft"):
        raise ConfigError(
            "only a build of one corpus can be drafted again in other ways",
            where=build.folder,
            expected="no redraft, and no combined or imported dataset",
            do="name the build that it was made from",
        )
    if held["provider"] == PHRASEBOOK and not asked.model:
        raise ConfigError(
            "the phrasebook wrote these replies, and it is told of no voice",
            where=build.folder,
            do="name the model that is to draft with --model",
        )


def _source(held: Mapping[str, Any], settings: SettingsFile) -> Path:
    """Return where the corpus is; the built-in sample where the build is of that."""
    slug = str(held["corpus"])
    sample = resources.corpora() / slug / "sample"
    reader = open_reader(slug, sample, not held.get("text_only"), tuple(held.get("splits") or ()))
    if digest_of_files(reader.files) == held.get("corpus_files"):
        return sample
    return find_source(slug, load_card(slug).how_to_get, settings)


def _demonstrations(build: Build, held: Mapping[str, Any]) -> str | None:
    if not held.get("demonstrations_version"):
        return None
    origin = str(read_json(build.folder / FITS / "demonstrations.json")["origin"])
    if origin != OURS:
        raise ConfigError(
            f"its prompts showed cases of {origin}, which is not kept with it",
            where=build.folder,
            expected="our own cases, or none",
            do="ablate a build with --demonstrations ours or none",
        )
    return OURS


def reopened(build: Build, config: BuildConfig) -> Plan:
    """Return the plan of a build.

    Raises:
        ConfigError: what its prompts are made of has changed since, or may not be sent.
        SourceError: the corpus cannot be read.
    """
    plan = make_plan(config)
    held = build.manifest["result"]["config"]
    drafted = held["provider"] != PHRASEBOOK
    for name in _VERSIONS if drafted else ("corpus_files", "mapping_version"):
        before, now = held.get(name), plan.identity.get(name)
        if before != now:
            raise ConfigError(
                f"{name} is {now}, and was {before} when this was built",
                where=build.folder,
                do="build it again under another --name; cached responses are kept",
            )
    return plan


def sampled(build: Build, count: int, known: Restrictions) -> list[str]:
    """Return the ids of so many samples with a described voice, by hash: more only adds.

    Half of them are members of minimal pairs, where there are so many. A group is taken whole, so
    that there may be a few more.
    """
    out = left_out(build.shards(), Purpose.SEND, known)
    groups: dict[str, list[str]] = {}
    alone: dict[str, list[str]] = {}
    for row in build.rows(_COLUMNS, batch=1000):
        if row["voice"] and row["voice"]["words"] and row["id"] not in out:
            group = row["contrast"] and row["contrast"]["group"]
            of = groups.setdefault(group, []) if group else alone.setdefault(row["id"], [])
            of.append(row["id"])
    paired = _taken(groups, count // 2)
    rest = {name: of for name, of in {**groups, **alone}.items() if of[0] not in paired}
    return [*paired, *_taken(rest, count - len(paired))]


def _taken(units: Mapping[str, list[str]], count: int) -> list[str]:
    found: list[str] = []
    for name in sorted(units, key=rank):
        if len(found) >= count:
            break
        found += units[name]
    return found


def targets_of(plan: Plan, ids: list[str], hearing: Hearing | None) -> list[Target]:
    """Return the targets of these ids, in the order of the corpus; only their clips are read."""
    survey = replace(plan.survey, selection=_Only(plan.survey.selection, frozenset(ids)))
    narrowed = replace(plan, survey=survey)
    items: Iterator[object] = iter(narrowed.targets(Ledger(), hearing))
    return [one for one in items if isinstance(one, Target)]


class _Only(Selection):
    """A selection of which only some are taken."""

    def __init__(self, selection: Selection, ids: frozenset[str]) -> None:
        super().__init__(selection.wanted)
        object.__setattr__(self, "_selection", selection)
        object.__setattr__(self, "_ids", ids)

    def against(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        """See `Selection`."""
        selection: Selection = self.__dict__["_selection"]
        if utterance.id not in self.__dict__["_ids"]:
            return "not_in_the_sample"
        return selection.against(utterance, emotions)

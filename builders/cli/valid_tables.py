"""What is wrong in tables that somebody edited: each is read in its place among ours, row by row.

A table is read by what reads it in a build. A row that is refused is told and left out, and the
rest is read again, so that all rows with faults are told.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from builders import resources
from builders.errors import ConfigError, HeartenError, LabelError, nearest

_FOLDERS = ("label_maps", "prompts")
_LANGUAGE = "en"
Read = Callable[[], object]


def _of_emotion(_: str) -> list[Read]:
    from builders.labels.class_sets import class_views
    from builders.labels.vocabulary import feelings, vocabulary
    from builders.pipeline.contribution import rules

    return [vocabulary, feelings, class_views, rules]


def _of_strategy(language: str) -> list[Read]:
    from builders.labels.strategies import strategies
    from builders.labels.strategy_groups import groups
    from builders.tasks.reply.tagging import load_cues

    return [strategies, groups, partial(load_cues, language)]


def _of_reply(language: str) -> list[Read]:
    from builders.release.mining.answering import AnswerRules
    from builders.release.mining.judging import switched_off
    from builders.report.set_checks.comparing import checks
    from builders.tasks.reply.checks.foreign import other_languages
    from builders.tasks.reply.checks.registry import check_tables

    check = partial(check_tables, language)
    return [check, other_languages, checks, AnswerRules.load, switched_off]


def _of_reply_worthy(language: str) -> list[Read]:
    from builders.tasks.reply.worthy import load_tables

    return [partial(load_tables, language)]


def _of_planning(language: str) -> list[Read]:
    from builders.tasks.reply.circumstances import load_circumstances
    from builders.tasks.reply.planning_tables import load_plan_tables

    return [load_plan_tables, partial(load_circumstances, language)]


def _of_safety(language: str) -> list[Read]:
    from builders.pipeline.verdicts import moderation_routes
    from builders.safety.tables import load_reasons, tables_of

    return [load_reasons, partial(tables_of, language), moderation_routes]


def _of_judge(_: str) -> list[Read]:
    from builders.evaluation.dimensions import load_dimensions
    from builders.evaluation.scales import family_of, load_kinds
    from builders.review.outcome.judge_agreement import scales

    return [load_dimensions, load_kinds, partial(family_of, "a-model"), scales]


def _of_review(_: str) -> list[Read]:
    from builders.audio.asr import spellings
    from builders.audio.findings import load_rules
    from builders.review.data.decisions import choices

    return [load_rules, spellings, partial(choices, "reject")]


def _of_preference(language: str) -> list[Read]:
    from builders.release.pairs.planting import load_edits, load_kinds

    return [load_kinds, partial(load_edits, language)]


def _of_privacy(_: str) -> list[Read]:
    from builders.safety.personal import personal_kinds

    return [personal_kinds]


def _of_voice(_: str) -> list[Read]:
    from builders.audio.caption_claims import load_claims
    from builders.audio.prosody import load_words
    from builders.tts.styles import styles

    return [load_words, load_claims, styles]


def _of_qualification(language: str) -> list[Read]:
    from builders.tasks.qualification import bounds, load_lines, load_sounds

    return [bounds, partial(load_lines, language), load_sounds]


def _of_phrasebook(_: str) -> list[Read]:
    from builders.llm.providers import phrasebook

    return [phrasebook.check]


def _of_demonstrations(language: str) -> list[Read]:
    from builders.tasks.reply.demonstration_tables import built_in, read_cases

    return [lambda: read_cases(built_in(language), language)]


def _of_names(_: str) -> list[Read]:
    from builders.tasks.reply.names import load_names

    scripts = (resources.prompts() / "names").glob("*.tsv")
    return [partial(load_names, path.stem, _LANGUAGE) for path in scripts]


def _of_decoys(language: str) -> list[Read]:
    from builders.evaluation.decoys import load_decoys, load_voice_twins
    from builders.evaluation.dimensions import load_dimensions
    from builders.evaluation.scales import scale_of

    # What is matched, by a judge or by people, has no scale to explain.
    scored = [one.name for one in load_dimensions().values() if not one.test.startswith("swap")]
    scales = [partial(scale_of, name) for name in scored]
    return [partial(load_decoys, language), partial(load_voice_twins, language), *scales]


def _of_instructions(_: str) -> list[Read]:
    from builders.record.messages import instructions

    return [partial(instructions, form) for form in ("spoken", "written")]


# What reads the tables of each folder, given the language of those that have one.
_READERS: dict[str, Callable[[str], list[Read]]] = {
    "label_maps/emotion": _of_emotion,
    "label_maps/strategy": _of_strategy,
    "label_maps/reply": _of_reply,
    "label_maps/reply_worthy": _of_reply_worthy,
    "label_maps/planning": _of_planning,
    "label_maps/safety": _of_safety,
    "label_maps/judge": _of_judge,
    "label_maps/review": _of_review,
    "label_maps/preference": _of_preference,
    "label_maps/privacy": _of_privacy,
    "prompts/voice": _of_voice,
    "prompts/qualification": _of_qualification,
    "prompts/phrasebook": _of_phrasebook,
    "prompts/demonstrations": _of_demonstrations,
    "prompts/instructions": _of_instructions,
    "prompts/judge": _of_decoys,
    "prompts/names": _of_names,
}
_LABELS = ".sssom.tsv"


def table_faults(path: Path) -> Iterator[HeartenError]:
    """Yield what is wrong in a table, one error for each row, in the order in which it is read.

    Raises:
        ConfigError: there is no such file, or no table of ours has its name.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    place = _place(path)
    readers = _readers(place)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("schemas", *_FOLDERS):
            shutil.copytree(resources.content_root() / name, root / name)
        edited = root / place
        edited.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, edited)
        with resources.content_at(root):
            yield from _of_all(readers, edited, path, root)
    _forget()


def _of_all(readers: list[Read], edited: Path, path: Path, root: Path) -> Iterator[HeartenError]:
    told: set[str] = set()
    for read in readers:
        while error := _error_of(read):
            where = str(error.where)
            if str(error) in told:
                break
            told.add(str(error))
            yield _renamed(error, {str(edited): str(path), f"{root}/": ""})
            if not _leave_out(edited, where):
                break


def _error_of(read: Read) -> HeartenError | None:
    """Return what a reader finds wrong, once nothing that was read before is known any more."""
    _forget()
    try:
        read()
    except HeartenError as error:
        return error
    return None


def _leave_out(edited: Path, where: str) -> bool:
    """Empty the line of a table that an error is about; return False where it is about none."""
    found = re.fullmatch(rf"{re.escape(str(edited))}:(\d+)", where)
    if not found:
        return False
    lines = edited.read_text("utf-8-sig").split("\n")
    lines[int(found[1]) - 1] = ""
    edited.write_text("\n".join(lines), "utf-8")
    return True


def _renamed(error: HeartenError, names: dict[str, str]) -> HeartenError:
    """Return an error that names the file that the user knows."""

    def named(text: object) -> str:
        said = str(text)
        for old, new in names.items():
            said = said.replace(old, new)
        return said

    return LabelError(
        named(error.what),
        where=None if error.where is None else named(error.where),
        expected=error.expected and named(error.expected),
        do=error.do and named(error.do),
    )


def _place(path: Path) -> Path:
    """Return where among ours a table belongs: by the end of its path, or by its name alone."""
    root = resources.content_root()
    parts = path.absolute().parts
    for at in range(1, len(parts)):
        for folder in ("", *_FOLDERS):
            place = Path(folder, *parts[at:])
            if len(place.parts) > 1 and (root / place).is_file():
                return place
    if path.name.endswith(_LABELS):
        return Path("label_maps/emotion", path.name)
    named = [
        one.relative_to(root)
        for folder in _FOLDERS
        for one in (root / folder).rglob("*.tsv")
        if one.name == path.name
    ]
    if len(named) == 1:
        return named[0]
    known = sorted({one.name for folder in _FOLDERS for one in (root / folder).rglob("*.tsv")})
    near = nearest(path.name, known)
    raise ConfigError(
        f"{len(named)} tables are called {path.name}" if named else f"no table is {path.name}",
        where=path,
        expected=f"{' or '.join(map(str, named))}, by the end of its path"
        if named
        else "a table with the name of one in label_maps or prompts",
        do="put it into a folder of that name"
        if named
        else (f"did you mean {near}?" if near else "give it that name"),
    )


def _readers(place: Path) -> list[Read]:
    """Return what reads the tables of a folder, each without arguments."""
    folder = "/".join(place.parts[:2])
    if folder not in _READERS:
        raise ConfigError(
            f"{place} is read by no check",
            expected=f"a table in {', '.join(sorted(_READERS))}",
            do="build with --sample: whatever is wrong with it is told there",
        )
    language = next((part for part in place.parts[2:-1] if len(part) == len(_LANGUAGE)), _LANGUAGE)
    found = _READERS[folder](language)
    if place.parent == Path("label_maps/emotion") and not place.name.startswith("_"):
        found += _of_labels(place.name.partition(".")[0])
    return found


def _of_labels(slug: str) -> list[Read]:
    from builders.corpora import slugs
    from builders.labels.aggregation import load_labelling
    from builders.labels.vocabulary import label_map

    return [partial(label_map, slug), *([partial(load_labelling, slug)] if slug in slugs() else [])]


def _forget() -> None:
    """Forget all that was read, so that it is read anew."""
    for name, module in [*sys.modules.items()]:
        for found in vars(module).values() if name.startswith("builders.") else ():
            if forget := getattr(found, "cache_clear", None):
                forget()

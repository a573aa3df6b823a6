"""Checking what a user wrote before it is used: records, schemas, prompts, cards, settings."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from builders.corpora import card_faults
from builders.corpora.given_files import Refuse, refused
from builders.corpora.opening import read_whole
from builders.errors import ConfigError, HeartenError, LabelError
from builders.llm.prompts import template_faults
from builders.pipeline.importing.column_map import ColumnMap, read_map
from builders.pipeline.importing.taking_in import checked, labels_of, unmapped
from builders.record.schema import as_document, load_schema
from builders.settings.file import settings_faults

_SCHEMA = ".schema.json"
_OF_A_MAP = {"columns", "emotions"}


class Faults:
    """Tells each fault as it is found, those of one kind that repeat only once, and counts them.

    Args:
        refuse: is called with each fault; what it raises ends the reading.
    """

    def __init__(self, refuse: Refuse = refused) -> None:
        self._refuse = refuse
        self._alike: Counter[str] = Counter()
        self.count = 0

    def add(self, error: HeartenError) -> None:
        """Tell a fault, and those beside it."""
        for one in (error, *error.beside):
            self.count += 1
            if not one.what.startswith("record "):  # which names the record: no two are alike
                self._alike[one.what] += 1
            if self._alike[one.what] < 2:
                self._refuse(one)

    def end(self, path: Path) -> None:
        """Tell how often each fault came again."""
        for what, count in self._alike.items():
            if count > 1:
                more = f"{what}; the same in {count - 1:,} more places"
                self._refuse(ConfigError(more, where=path))


def validate(
    path: Path, how: ColumnMap, audio: Path | None, refuse: Refuse = refused
) -> str | None:
    """Return what a file is if it is valid; None otherwise.

    Args:
        path: records or a folder of them, a schema, a prompt, a card, a map or settings.
        how: the map of the records.
        audio: the folder of their clips; None leaves clips out.
        refuse: is called with each fault. By default it raises the first one.
    """
    faults = Faults(refuse)
    try:
        what = _checked(path, how, audio, faults)
    except HeartenError as error:
        faults.add(error)
    faults.end(path)
    return None if faults.count else what


def _checked(path: Path, how: ColumnMap, audio: Path | None, faults: Faults) -> str:
    """Tell what is wrong with a file, and return what it is."""
    if path.suffix in (".j2", ".toml") and not path.is_file():
        raise ConfigError(f"there is no file {path}")
    kinds = {
        _SCHEMA: (_schema_faults, "a valid schema that goes with ours"),
        ".j2": (template_faults, "a valid prompt"),
        "card.toml": (card_faults, "a valid card"),
    }
    for ending, (faults_of, what) in kinds.items():
        if path.name.endswith(ending):
            for fault in faults_of(path):
                faults.add(fault)
            return what
    if path.suffix == ".toml" and _OF_A_MAP & _names_in(path):
        read_map(path)
        return "a valid map"
    if path.suffix == ".toml":
        for fault in settings_faults(path):
            faults.add(fault)
        return "valid settings"
    return _records(path, how, audio, faults)


def _names_in(path: Path) -> set[str]:
    try:
        return {*tomllib.loads(path.read_text("utf-8"))}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return set()


def _records(path: Path, how: ColumnMap, audio: Path | None, faults: Faults) -> str:
    count, labels = 0, Counter[str]()
    for one in checked(path, how, audio, faults.add):
        count += 1
        labels.update(labels_of(one))
    if wrong := unmapped(labels, how):
        faults.add(LabelError(wrong.what, where=path, expected=wrong.expected, do=wrong.do))
    return f"{count:,} valid records"


def _schema_faults(path: Path) -> Iterator[HeartenError]:
    """Yield what is wrong with a schema, or else where it contradicts ours of a sample."""
    try:
        schema = orjson.loads(read_whole(path))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or error})") from error
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"not valid JSON: {error}", where=path, do="fix that line") from error
    rules = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    wrong = [*rules.iter_errors(schema)]
    for fault in wrong:
        at = ".".join(map(str, fault.absolute_path)) or "the schema itself"
        yield ConfigError(f"{at} is no schema ({fault.message})", where=path)
    if wrong:
        return
    ours = as_document(load_schema("sample"))
    for at, said, expected in _contradictions(schema, ours, schema, ours, ()):
        yield ConfigError(
            f"{at} contradicts our schema: {said}",
            where=path,
            expected=expected,
            do="change it: no record is valid under both",
        )


_Node = Mapping[str, Any]


def _contradictions(
    theirs: _Node, ours: _Node, root: _Node, our_root: _Node, at: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """Yield where no value can be valid under both schemas: the field, what is said, ours."""
    theirs, ours = _followed(theirs, root), _followed(ours, our_root)
    name = ".".join(at) or "the record itself"
    mine, other = _types(ours), _types(theirs)
    if mine and other and not mine & other:
        yield name, f"its type is {', '.join(sorted(other))}", ", ".join(sorted(mine))
    values, known = theirs.get("enum"), ours.get("enum")
    if values and known and not [value for value in values if value in known]:
        yield (
            name,
            f"it allows {', '.join(map(str, values))}",
            f"some of {', '.join(map(str, known))}",
        )
    here, there = ours.get("properties", {}), theirs.get("properties", {})
    if ours.get("additionalProperties") is False:
        for field in sorted({*theirs.get("required", ())} - {*here}):
            yield name, f"it requires {field!r}", f"only {', '.join(here)}"
    if theirs.get("additionalProperties") is False:
        for field in sorted({*ours.get("required", ())} - {*there}):
            yield name, f"it has no {field!r}", f"{field!r}, which ours requires"
    for field in here:
        if field in there and field in ours.get("required", ()):
            yield from _contradictions(there[field], here[field], root, our_root, (*at, field))


def _followed(node: _Node, root: _Node) -> _Node:
    """Return what a reference within the schema stands for; others are not followed."""
    seen = 0
    while isinstance(node, Mapping) and str(node.get("$ref", "")).startswith("#/") and seen < 20:
        seen += 1
        found: Any = root
        for part in node["$ref"][2:].split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        node = found
    return node if isinstance(node, Mapping) else {}


def _types(node: _Node) -> set[str]:
    """Return the types that a node allows; empty where it says none."""
    found = node.get("type", ())
    named = {found} if isinstance(found, str) else {*found}
    return named | {"number", "integer"} if "number" in named else named

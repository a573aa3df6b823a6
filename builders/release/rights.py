"""Which fields of a record may be published: `fields.tsv` lists the permissions each field needs.

`human_fields.tsv` does so for the rows of people's replies, and `bands.tsv` says which numbers go
out in bands only.

A permission must be given by a corpus's card *and* by the record, which has the card's value from
the time of the build; unknown counts as no. A publisher with further rights can claim them, for a
private repository. A field without a row in the table is not published.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from builders import resources
from builders.corpora import Card, load_card, resolve_slug
from builders.errors import ConfigError, UsageError
from builders.labels.tables import read_rows
from builders.record.schema import SchemaNode, load_schema
from builders.record.views import SampleRecord
from builders.release.consent import NO_VOICES, Consent, VoiceTable
from builders.release.row_views import PublishedRecord

KINDS = ("audio", "text", "labels", "derived")
# The fields a synthetic voice repeats.
_SPOKEN = frozenset({"text", "derived"})
_TABLES = Path(__file__).parent
# The table of each kind of row, by the name of its schema.
_FIELDS = {"sample": "fields.tsv", "human_replies": "human_fields.tsv"}
_OPTION = "--i-have-the-right-to"


@dataclass(frozen=True)
class Licence:
    """A licence on the Hub: its id (`other` if it has none) and its link."""

    name: str
    hub: str
    link: str | None


@dataclass(frozen=True)
class Terms:
    """The terms of publishing a corpus.

    `may` are the permissions given: of `KINDS`, and ``pointers`` for times, digests and file names.
    `recorded` are the rights that each record must have, `widened` the permissions that the
    publisher claims. If the clips are `synthetic`, they repeat the corpus's text,
    so they may be published if text and derived data may.
    """

    card: Card
    licence: Licence
    may: frozenset[str]
    recorded: Mapping[str, str]
    widened: tuple[str, ...] = ()
    synthetic: bool = False
    voices: VoiceTable = NO_VOICES

    @property
    def consent(self) -> Consent:
        """Return whose voices may go out."""
        stated = f"audio:{self.card.slug}" in self.widened
        return Consent(self.card, self.voices, "audio" in self.may, stated)

    def as_words(self) -> str:
        """Return the permissions in words."""
        voice = "synthetic audio" if self.synthetic else "audio"
        kinds = ", ".join(voice if kind == "audio" else kind for kind in KINDS if kind in self.may)
        return kinds or f"ids{', times, digests' if 'pointers' in self.may else ''} and counts only"

    @property
    def replies(self) -> bool:
        """Return whether replies are published, together with what they respond to."""
        return "derived" in self.may


def terms_of(
    slug: str,
    recorded: Mapping[str, str],
    claims: tuple[str, ...] = (),
    synthetic: bool = False,
    voices: VoiceTable = NO_VOICES,
) -> Terms:
    """Return the terms of a corpus.

    Args:
        slug: the corpus.
        recorded: the `rights` of the build's records.
        claims: KIND:CORPUS for each right claimed by the publisher.
        synthetic: whether the build's clips are synthetic speech.
        voices: the publisher's table of voices; clips of which no speaker consented stay back.

    Raises:
        UsageError: a claim has an unknown kind, or names another corpus.
    """
    card = load_card(slug)
    now = card.rights.model_dump()
    if resources.is_own(slug) and "yes" not in now.values() and not claims:
        raise ConfigError(
            f"the card of {slug} allows nothing to be published",
            where=resources.corpus_folder(slug) / "card.toml",
            expected="yes under [rights] for what may go out, and the licence",
            do="fill in the card, and build again under another --name",
        )
    may = {kind for kind in KINDS if now[kind] == recorded[kind] == "yes"}
    if not voices.some_consent(load_card(slug)):
        may.discard("audio")
    # An owner who forbids everything explicitly forbids these as well; otherwise, a time or a
    # digest reveals nothing of the work.
    if any(now[kind] != "no" or recorded[kind] != "no" for kind in KINDS):
        may.add("pointers")
    claimed = {_claim(word, slug) for word in claims}
    widened = tuple(f"{kind}:{slug}" for kind in KINDS if kind in claimed - may)
    may |= claimed | {"pointers"} if claimed else claimed
    if synthetic:
        may = may - {"audio"} | ({"audio"} if _SPOKEN <= may else set())
    licence = licence_of(card.licence)
    return Terms(card, licence, frozenset(may), recorded, widened, synthetic, voices)


def _claim(word: str, slug: str) -> str:
    kind, _, corpus = word.partition(":")
    if kind not in KINDS or not corpus:
        raise UsageError(
            f"{_OPTION} {word} is not valid",
            expected=f"KIND:CORPUS with one of {', '.join(KINDS)}",
            do=f"write, for example, {_OPTION} audio:{slug}",
        )
    if resolve_slug(corpus) != slug:
        raise UsageError(
            f"{_OPTION} {word} names another corpus",
            expected=f"{kind}:{slug}",
            do="change or remove that option",
        )
    return kind


def licence_of(name: str) -> Licence:
    """Return a licence in the Hub's spelling, by `licences.tsv`."""
    columns = ("licence", "hub", "link")
    for row in read_rows(_TABLES / "licences.tsv", columns, key=("licence",)):
        if row.text("licence").casefold() == name.casefold():
            return Licence(*(row.text(column) for column in columns))
    return Licence(name, "other", None)


@cache
def needs(shape: str = "sample") -> dict[str, frozenset[str]]:
    """Return what each field of a kind of row needs, by its table; ``nothing`` is the empty set."""
    rows = read_rows(_TABLES / _FIELDS[shape], ("field", "needs", "reason"), key=("field",))
    return {row.text("field"): frozenset(row.text("needs").split()) - {"nothing"} for row in rows}


@cache
def banded() -> dict[str, int]:
    """Return the width of the bands of each field that goes out in bands: its lower end is told."""
    rows = read_rows(_TABLES / "bands.tsv", ("field", "width", "reason"), key=("field",))
    return {
        row.text("field"): int(row.matching("width", "[1-9][0-9]*", "a number")) for row in rows
    }


def withheld(may: frozenset[str], shape: str = "sample") -> dict[str, list | None]:
    """Return the withheld fields, and their replacement: null, or an empty list.

    A field is a dotted path, with ``[]`` after a list.

    Args:
        may: the permissions given.
        shape: the name of the rows' schema.
    """
    known = needs(shape)
    kept = {field for field, needed in known.items() if needed <= may}
    gone = [field for field in _fields(kept | known.keys(), shape) if field not in kept]
    # A field inside a published one may need more permissions.
    gone += [f for f in known if f not in kept and any(f.startswith(f"{k}.") for k in kept)]
    return {field: [] if _is_list(field, shape) else None for field in dict.fromkeys(gone)}


def _fields(known: set[str], shape: str) -> Iterator[str]:
    """Yield the fields of a schema, down to the level of the table's rows."""
    for name, node in load_schema(shape)["properties"].items():
        yield from _below(name, node, known)


def _below(path: str, node: SchemaNode, known: set[str]) -> Iterator[str]:
    if path in known or not any(field.startswith((f"{path}.", f"{path}[]")) for field in known):
        yield path
        return
    if node.get("type") == "array":
        path, node = f"{path}[]", node["items"]
    for name, below in node["properties"].items():
        yield from _below(f"{path}.{name}", below, known)


def withhold(record: SampleRecord, fields: Mapping[str, list | None]) -> PublishedRecord:
    """Return a copy of a record with the `withheld` fields emptied, and ages in bands."""
    out = orjson.loads(orjson.dumps(record))  # a tenth of the time of a deep copy
    for field, nothing in fields.items():
        for holder, name in _places(out, field):
            holder[name] = nothing
    for field, width in banded().items():
        for holder, name in _places(out, field):
            holder[name] = holder[name] and holder[name] - holder[name] % width
    published: PublishedRecord = out
    return published


def _places(record: dict[str, Any], field: str) -> list[tuple[dict[str, Any], str]]:
    """Return each object that has a field, with the last part of its path."""
    head, _, tail = field.partition("[].")
    *parts, last = head.split(".")
    holder = record
    for part in parts:
        holder = holder[part]
    if not tail:
        return [(holder, last)]
    return [place for item in holder[last] or () for place in _places(item, tail)]


def published_schema(fields: Iterable[str], shape: str = "sample") -> SchemaNode:
    """Return a schema in which withheld fields must be null, or empty lists, and ages in bands."""
    schema = copy.deepcopy(load_schema(shape))
    if shape == "sample":
        for field, width in banded().items():
            properties, last = _holder(schema, field)
            told = f"in bands of {width}, of which it is the lower end"
            properties[last] |= {"multipleOf": width, "description": told}
        schema["$id"] = "urn:hearten:schema:published:1"
    schema["title"] = f"{schema['title']} as it is published"
    for field in fields:
        properties, last = _holder(schema, field)
        properties[last] = _nothing(properties[last])
    return schema


def _holder(schema: SchemaNode, field: str) -> tuple[dict[str, SchemaNode], str]:
    """Return the schema properties that contain a field, and the last part of its path."""
    node = schema
    *parts, last = field.replace("[].", ".[].").split(".")
    for part in parts:
        node = node["items"] if part == "[]" else node["properties"][part]
    return node["properties"], last


def _is_list(field: str, shape: str) -> bool:
    properties, last = _holder(load_schema(shape), field)
    return bool(properties[last].get("type") == "array")


def _nothing(node: SchemaNode) -> SchemaNode:
    """Return a node with the same type that allows no value."""
    why = "not published: the terms of the corpus do not allow it"
    if node.get("type") == "array":
        return {**node, "description": why, "maxItems": 0}
    options = node.get("anyOf", [node])
    typed = next(option for option in options if option.get("type") != "null")
    return {"description": why, "anyOf": [typed, {"type": "null"}], "const": None}

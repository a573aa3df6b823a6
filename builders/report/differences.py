"""What differs between two builds, by id: what came, what went, what changed, and why.

Builds of other record versions are compared in the newest form. Of each sample only a number for
each aspect is kept in memory (`aspect` of `schemas/flat_columns.tsv`), so that a million samples
need about half a gigabyte; the texts are read again for the few examples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias, TypedDict

import polars as pl

from builders.record.dataset import Build
from builders.record.flat import flat_columns
from builders.record.scan import scan, scan_rejects

REPLY = "reply"
# What a reply may have changed with: all that a prompt is made of, and who answers.
CAUSES = ("words", "label", "voice", "plan", "prompt", "model")
ALONE = "nothing else"
NOT_THERE = "not read or not chosen"
_AT, _OTHER = "at", "_other"
_Aspects: TypeAlias = Mapping[str, Sequence[str]]


class Moved(TypedDict):
    """Samples that only one of the builds has: how many, by reason, and a few of their ids."""

    count: int
    reasons: dict[str, int]
    examples: list[str]


class ChangedExample(TypedDict):
    """A sample that changed: by column, what it was and what it is."""

    id: str
    columns: dict[str, list[Any]]


class ChangedAspect(TypedDict):
    """Samples of which one aspect changed."""

    count: int
    examples: list[ChangedExample]


class BuildDifference(TypedDict):
    """What differs; `samples` are counts of both builds.

    `not_compared` are columns that a build of an earlier record version does not have, with the
    folders of the builds without them. `reply_changed_with` counts changed replies by what else of
    their sample changed.
    """

    folders: list[str]
    samples: list[int]
    came: Moved
    went: Moved
    same: int
    changed: int
    aspects: dict[str, ChangedAspect]
    not_compared: dict[str, list[str]]
    reply_changed_with: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Side:
    """A build, a row for each sample (its place among all, a number by aspect), those left out."""

    build: Build
    prints: pl.DataFrame
    out: Collection[str]


def difference(
    one: Build,
    other: Build,
    left_out: Callable[[Build], Collection[str]],
    examples: int = 3,
) -> BuildDifference:
    """Return what differs from one build to another.

    Args:
        one: the earlier build.
        other: the later one.
        left_out: returns the ids of a build that nobody may be shown; they are not counted.
        examples: how many of each kind.

    Raises:
        VerificationError: a file is damaged.
    """
    lacking = {build: _lacking(build) for build in (one, other)}
    known = _aspects({name for names in lacking.values() for name in names})
    a, b = _side(one, known, left_out), _side(other, known, left_out)
    changed = _changed(a.prints, b.prints, known)
    return {
        "folders": [str(one.folder), str(other.folder)],
        "samples": [len(a.prints), len(b.prints)],
        "came": _moved(b, a, examples),
        "went": _moved(a, b, examples),
        "same": int(changed.select((~pl.any_horizontal([*known])).sum()).item()),
        "changed": int(changed.select(pl.any_horizontal([*known]).sum()).item()),
        "aspects": _by_aspect(changed, a, b, known, examples),
        "not_compared": _not_compared(lacking),
        "reply_changed_with": _with_reply(changed),
    }


def _aspects(without: Collection[str]) -> _Aspects:
    """Return the columns of each aspect, without some."""
    found: dict[str, list[str]] = {}
    for column in flat_columns().values():
        if column.aspect and column.name not in without:
            found.setdefault(column.aspect, []).append(column.name)
    return found


def _lacking(build: Build) -> list[str]:
    """Return the columns of which a build's files have nothing: they are of an earlier version."""
    for shard in build.shards()[:1]:
        with build.opened(shard) as file:
            return [
                column.name
                for column in flat_columns().values()
                if column.aspect and not any(map(file.has, column.sources))
            ]
    return []


def _not_compared(lacking: Mapping[Build, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for build, names in lacking.items():
        for name in names:
            found.setdefault(name, []).append(str(build.folder))
    return found


def _side(build: Build, known: _Aspects, left_out: Callable[[Build], Collection[str]]) -> _Side:
    made = [_print(names).alias(aspect) for aspect, names in known.items()]
    # File by file, or the texts of all would be in memory before they become numbers.
    parts = [scan(build, [shard]).select("id", *made).collect() for shard in build.shards()]
    empty = {"id": pl.String(), **dict.fromkeys(known, pl.UInt64())}
    prints = pl.concat(parts) if parts else pl.DataFrame(schema=pl.Schema(empty))
    out = left_out(build)
    prints = prints.with_row_index(_AT)
    return _Side(build, prints.filter(~pl.col("id").is_in([*out])) if out else prints, out)


def _print(names: Sequence[str]) -> pl.Expr:
    """Return one number for some columns; no list and an empty one are the same."""
    known = flat_columns()
    return pl.struct(
        pl.col(name).list.join("\x1f").fill_null("") if known[name].type == "texts" else name
        for name in names
    ).hash(seed=0)


def _changed(before: pl.DataFrame, after: pl.DataFrame, known: _Aspects) -> pl.DataFrame:
    """Return for each sample of both builds whether each aspect changed.

    Aspect by aspect, since a table of both builds would take a third more memory.
    """
    other = after.select("id", pl.col(_AT).alias(_AT + _OTHER)).with_row_index("m")
    pairs = before.select("id", _AT).with_row_index("n").join(other, on="id").sort(_AT)
    differ = [
        (before[name].gather(pairs["n"]) != after[name].gather(pairs["m"])).alias(name)
        for name in known
    ]
    return pairs.select("id", _AT, _AT + _OTHER).with_columns(differ)


def _moved(here: _Side, there: _Side, examples: int) -> Moved:
    """Return the samples that one side has and the other has not, by what became of them there."""
    gone = here.prints.select("id", _AT).join(there.prints.select("id"), on="id", how="anti")
    reasons = gone.join(_why(there), on="id", how="left").with_columns(
        pl.col("reason").fill_null(NOT_THERE)
    )
    counted = (
        reasons["reason"].value_counts(sort=True).sort("count", "reason", descending=[True, False])
    )
    return {
        "count": len(gone),
        "reasons": dict(counted.iter_rows()),
        "examples": gone.sort(_AT)["id"].head(examples).to_list(),
    }


def _why(side: _Side) -> pl.DataFrame:
    """Return why utterances are no samples of a build: rejected, or held for people."""
    rejected = scan_rejects(side.build).select("id", "reason").collect()
    parts = [rejected.with_columns(reason=pl.lit("rejected: ") + pl.col("reason"))]
    for table in side.build.held_groups():
        ids = pl.Series("id", table["id"].to_pylist(), pl.String())
        parts.append(pl.DataFrame({"id": ids}).with_columns(reason=pl.lit("held for people")))
    return pl.concat(parts).unique("id", keep="first")


def _by_aspect(
    changed: pl.DataFrame, a: _Side, b: _Side, known: _Aspects, examples: int
) -> dict[str, ChangedAspect]:
    """Return the samples that changed, by aspect; of none that did not."""
    found = {name: changed.filter(name) for name in known}
    shown = {name: rows.head(examples) for name, rows in found.items() if len(rows)}
    before = _rows(a.build, [rows[_AT] for rows in shown.values()], known)
    after = _rows(b.build, [rows[_AT + _OTHER] for rows in shown.values()], known)
    return {
        name: {
            "count": len(found[name]),
            "examples": [_example(one, before[one], after[one], known[name]) for one in rows["id"]],
        }
        for name, rows in shown.items()
    }


def _rows(
    build: Build, places: Sequence[pl.Series], known: _Aspects
) -> dict[str, Mapping[str, Any]]:
    """Return the samples at some places among all, by id, with the columns that are compared."""
    wanted = {place for series in places for place in series.to_list()}
    columns = [name for names in known.values() for name in names]
    rows = [file["rows"] for file in build.files if file["path"].startswith("data/")]
    found: dict[str, Mapping[str, Any]] = {}
    for shard, end, count in zip(build.shards(), accumulate(rows), rows, strict=True):
        inside = [place - end + count for place in wanted if 0 <= place - end + count < count]
        if inside:
            table = scan(build, [shard]).filter(pl.col("row").is_in(inside))
            chosen = table.select("id", *columns).collect()
            found |= {row["id"]: row for row in chosen.iter_rows(named=True)}
    return found


def _example(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], columns: Sequence[str]
) -> ChangedExample:
    differ = {
        n: [before[n], after[n]] for n in columns if (before[n] or None) != (after[n] or None)
    }
    return {"id": name, "columns": differ}


def _with_reply(changed: pl.DataFrame) -> dict[str, int]:
    """Return how many replies changed, by what else of the sample changed."""
    causes = [pl.when(pl.col(name)).then(pl.lit(name)) for name in CAUSES if name in changed]
    told = pl.concat_list(causes).list.drop_nulls().list.join(" + ")
    named = pl.when(told == "").then(pl.lit(ALONE)).otherwise(told).alias("with")
    counted = changed.filter(REPLY).select(named)["with"].value_counts()
    return dict(counted.sort("count", "with", descending=[True, False]).iter_rows())

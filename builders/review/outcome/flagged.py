"""`build --redraft flagged`: replies that checks note something about, with what they say of it.

Flagged is a reply with a note in `checks` of its record, or one that repeats others: one that
`gated.tsv` of the build lists, or would list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from builders.errors import ConfigError, UsageError, suggested
from builders.labels.tables import TableRow
from builders.record.dataset import Build
from builders.record.redraft import Note
from builders.record.views import SampleRecord
from builders.release.eligibility import GATES_FILE, Restrictions, gates_of
from builders.review.data.items import reply_of
from builders.tasks.reply.checks.registry import load_checks
from builders.tasks.reply.found import OF_PLANS

_COLUMNS = ("id", "desired_response", "checks")


def flagged(build: Build, codes: Sequence[str], known: Restrictions) -> dict[str, Note]:
    """Return the samples of a build to draft again, each with its reply and the reasons.

    Args:
        build: a finished build.
        codes: those that count; all, where there are none.
        known: ids that must not be used.

    Raises:
        UsageError: there is no such code.
        ConfigError: no reply is flagged.
    """
    sentences = _of_sets()
    _check_codes(codes, {*sentences, *(check.code for check in load_checks()), *OF_PLANS})
    wanted = frozenset(codes)
    repeats = _repeating(build) if not wanted or wanted & sentences.keys() else {}
    found: dict[str, Note] = {}
    for row in build.rows(_COLUMNS):
        if not known.excluded(row["id"]):
            reasons = [*_reasons(row, wanted)]
            code = repeats.get(row["id"])
            if code in sentences and (not wanted or code in wanted):
                reasons.append(sentences[code])
            if reasons:
                reply = dict(reply_of(row))
                found[row["id"]] = Note(reply=reply, reasons=tuple(reasons), by="checks")
    if not found:
        raise ConfigError(
            f"no reply of {build.folder.name} is flagged"
            + (f" with {' or '.join(codes)}" if codes else ""),
            where=build.folder,
            do="choose other codes, or other samples: --redraft rejected, or their ids",
        )
    return found


def _reasons(row: SampleRecord, wanted: frozenset[str]) -> Iterator[str]:
    for one in (row["checks"] or {"results": []})["results"]:
        if not wanted or one["code"] in wanted:
            yield one["detail"] or one["code"].replace("_", " ")


def _repeating(build: Build) -> Mapping[str, str]:
    """Return the replies that repeat others, each with the code of the measure."""
    if (build.folder / GATES_FILE).is_file():
        return gates_of(build.folder)
    # Here, as polars takes a quarter of a second.
    from builders.report.set_checks import check_set
    from builders.report.set_checks.gates import gated
    from builders.report.set_checks.reading import replies

    shards = build.shards()
    checks = build.manifest["result"].get("set_checks") or check_set(shards)
    return gated(replies(shards), checks)


def _of_sets() -> dict[str, str]:
    """Return what a model is told of a reply that repeats others, by code."""
    from builders.report.set_checks.comparing import checks

    rows: Sequence[TableRow] = checks()
    return {f"set_{row.text('code')}": row.text("told") for row in rows if row.cells["told"]}


def _check_codes(codes: Sequence[str], known: set[str]) -> None:
    for code in codes:
        if code not in known:
            said = suggested(code, sorted(known), "see label_maps/reply/_checks.tsv")
            raise UsageError(f"--redraft flagged: there is no code {code!r}", **said)

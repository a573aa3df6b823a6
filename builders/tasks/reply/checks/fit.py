"""Checks of a reply against the emotion it answers, and against what it says that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from builders import resources
from builders.errors import LabelError
from builders.labels import strategies
from builders.labels.tables import read_rows
from builders.labels.vocabulary import feelings, vocabulary
from builders.record.schema import load_schema
from builders.record.types import Emotions
from builders.tasks.reply.checks.candidate import Candidate, Hit, check
from builders.tasks.reply.checks.form import language_of
from builders.tasks.reply.checks.language import found_in

_NONE_FITS = frozenset[str]()


@cache
def _fitting(name: str, values: str) -> Mapping[str, frozenset[str]]:
    """Return what fits an emotion, by emotion, from a table with the emotions and the values."""
    path = resources.label_maps() / "reply" / name
    reply = load_schema("reply")["properties"]
    known = {"reply_emotions": reply["emotion"]["enum"]}
    known["acts"] = reply["awareness"]["properties"]["act"]["enum"]
    table: dict[str, frozenset[str]] = {}
    for row in read_rows(path, ("emotion", values, "reason"), key=("emotion",)):
        row.text("reason")
        fitting = frozenset(row.text(values).split())
        if fitting - set(known[values]):
            raise row.error(values, f"words of {', '.join(known[values])}, with blanks between")
        table[row.choice("emotion", vocabulary().nodes)] = fitting
    if missing := [root for root in vocabulary().roots if root not in table]:
        raise LabelError(f"no row for {', '.join(missing)}", where=path, do="add one for each root")
    return table


def _fits(name: str, values: str, candidate: Candidate) -> frozenset[str]:
    """Return what fits a candidate's label in one of its readings."""
    return _fitting_label(name, values, candidate.emotions) if candidate.emotions else _NONE_FITS


def fitting_reply_emotions(emotions: Emotions) -> frozenset[str]:
    """Return the emotions in which a reply to a label may be spoken, whatever it does."""
    return _fitting_label("_reply_emotions.tsv", "reply_emotions", emotions)


def _fitting_label(name: str, values: str, emotions: Emotions) -> frozenset[str]:
    table = _fitting(name, values)
    readings = (emotions.primary, emotions.secondary, *emotions.alternatives)
    rows = (table.get(n) or table[vocabulary().root_of(n)] for n in readings if n)
    return frozenset[str]().union(*rows)


@check("emotion", "label")
def emotion_against_label(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that is spoken in an emotion that does not fit the speaker's."""
    spoken = candidate.reply.get("emotion")
    fitting = _fits("_reply_emotions.tsv", "reply_emotions", candidate)
    if candidate.emotions and spoken and spoken not in fitting:
        yield Hit({"emotion": spoken, "label": candidate.emotions.primary})


@check("act", "label")
def act_against_emotion(candidate: Candidate) -> Iterator[Hit]:
    """Find an act that does not fit the speaker's emotion: to celebrate a grief."""
    act = candidate.reply["awareness"]["act"]
    fitting = _fits("_acts.tsv", "acts", candidate)
    if candidate.emotions and act and act not in fitting:
        yield Hit({"act": act, "label": candidate.emotions.primary})


@check()
def names_no_feeling(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that is to name a feeling and names none."""
    if candidate.reply["awareness"]["act"] == "names" and not feelings().named_in(candidate.text):
        yield Hit({})


@cache
def _allow_advice() -> frozenset[str]:
    """Return the strategies under which a reply may say what to do."""
    path = resources.label_maps() / "reply" / "_advice.tsv"
    rows = read_rows(path, ("strategy", "advice", "reason"), key=("strategy",))
    for row in rows:
        row.text("reason")
    known = strategies.strategies()
    said = {r.choice("strategy", known): r.choice("advice", ("yes", "no")) for r in rows}
    if missing := [name for name in known if name not in said]:
        raise LabelError(
            f"no row for {', '.join(missing)}", where=path, do="add it, with yes or no"
        )
    return frozenset(name for name, allowed in said.items() if allowed == "yes")


@check("found", "strategies")
def advice_not_planned(candidate: Candidate) -> Iterator[Hit]:
    """Find advice under strategies of which none allows it."""
    planned = candidate.reply["strategies"]
    if not planned or _allow_advice().intersection(planned):
        return
    for found in found_in(candidate.text, language_of(candidate)).get("advice", ())[:1]:
        said = candidate.text[found.start : found.end]
        words = {"found": repr(said), "strategies": ", ".join(planned)}
        yield Hit(words, None, found.start, found.end)


def load_fit_tables() -> None:
    """Read the tables of this module; LabelError where one is wrong."""
    _fitting("_reply_emotions.tsv", "reply_emotions")
    _fitting("_acts.tsv", "acts")
    _allow_advice()

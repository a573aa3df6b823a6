"""Routing targets before a reply is drafted: most go on, a crisis is held for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builders.record.held import Held, Unrouted
from builders.record.safety import Safety
from builders.record.types import LANGUAGE_UNCHECKED, Reject, Target
from builders.safety.routing import SaidBefore, route, worse
from builders.safety.tables import safety_digest
from builders.tasks.reply.checks.language import can_check

# Reasons for which a target is rejected before it is drafted.
REJECTED = {
    "exclude": "the line is of a kind that is used for nothing",
    "unknown_language": "there are no tables to tell whether the line is safe to answer; "
    "--route-model asks a model",
}
# A code of a route: whoever reads the line, a reply to it could not be checked.
NO_CHECKS = "no_reply_checks"
# Another: no pattern has read the line, whose words were given to the speaker.
NO_TABLES = "no_tables"
_NO_CHECKS = "replies in its language cannot be checked, as label_maps/reply has no tables for it"


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """What a model said of a target: a route with its codes; or a failure, and nothing is known.

    `by` names the model.
    """

    route: str | None
    codes: tuple[str, ...]
    by: str
    failure: tuple[str, str] | None = None


def by_patterns() -> str:
    """Return how the record names the tables."""
    return f"patterns {safety_digest()}"


def routed(target: Target, language: str, given_words: bool = False) -> Target:
    """Return a target with the route that the patterns give it, and why.

    With `given_words`, speakers said what they were given. In a language that no pattern reads it
    is normal then, and flagged, as the reply is in English.
    """
    before = [SaidBefore(turn.role == "user", turn.utterance.text) for turn in target.turns]
    spoken = target.utterance.language or language
    if given_words and not can_check(spoken):
        flags = (*target.utterance.flags, LANGUAGE_UNCHECKED)
        target.utterance.flags = tuple(dict.fromkeys(flags))
        target.safety = Safety("normal", (NO_TABLES,), by_patterns())
        return target
    found = route(target.utterance.text, before, spoken)
    at, codes = found.route, found.codes
    if not can_check(spoken):
        at, codes = worse(at, "unknown_language"), (*codes, NO_CHECKS)
    target.safety = Safety(at, codes, by_patterns())
    return target


def with_verdicts(target: Target, verdicts: list[RouteVerdict]) -> Target | Unrouted:
    """Return a target with what models said too: the worst route counts, a failure leaves it.

    A model can tell what a line says in a language that has no tables; it cannot take back what
    the patterns found, nor check a reply.
    """
    known = target.safety or Safety("normal", (), by_patterns())
    if known.route in ("crisis", "exclude"):
        return target
    at, codes, by = known.route, list(known.codes), known.by
    told = [one.route for one in verdicts if one.route]
    if at == "unknown_language" and told and NO_CHECKS not in codes:
        at = "normal"
    for one in verdicts:
        if one.failure:
            kind, detail = one.failure
            return Unrouted(target.id, target.split, "route", kind, detail)
        at = worse(at, one.route or "crisis")
        codes += one.codes
        by += f", {one.by}"
    target.safety = Safety(at, tuple(dict.fromkeys(codes)), by)
    return target


def sent_on(
    items: Iterator[Target | Reject],
    verdicts: Mapping[str, list[RouteVerdict]],
    needed: int = 0,
) -> Iterator[Target | Reject]:
    """Yield targets that may be drafted; others as what becomes of them. Rejects pass through.

    Args:
        items: targets with the routes of the patterns, and rejects.
        verdicts: what models said, by target.
        needed: how many must have said something; a target with fewer is left.
    """
    for item in items:
        if isinstance(item, Reject):
            yield item
            continue
        told = verdicts.get(item.id, [])
        if len(told) < needed:
            told = [*told, RouteVerdict(None, (), "", ("no_route", "no model gave a route"))]
        yield _sent_on(item, told)


def _sent_on(target: Target, verdicts: list[RouteVerdict]) -> Target | Reject:
    seen = with_verdicts(target, verdicts)
    if isinstance(seen, Reject) or seen.safety is None:
        return seen
    if seen.safety.route == "crisis":
        return held(seen, seen.safety)
    if seen.safety.route in REJECTED:
        return _reject(seen, seen.safety)
    return seen


def held(target: Target, safety: Safety) -> Held:
    """Return what is kept for people of a target."""
    said = target.utterance
    turns = tuple(
        (turn.utterance.id, turn.utterance.speaker, turn.role, turn.utterance.text)
        for turn in target.turns
    )
    return Held(
        target.id,
        target.split,
        "route",
        safety.route,
        ", ".join(safety.codes),
        codes=safety.codes,
        by=safety.by,
        speaker=said.speaker,
        text=said.text,
        emotion=target.emotions.primary,
        turns=turns,
    )


def _reject(target: Target, safety: Safety) -> Reject:
    said = target.utterance
    raw = {"text": said.text, "label": said.label, "speaker": said.speaker}
    reason = "excluded_by_safety" if safety.route == "exclude" else safety.route
    why = _NO_CHECKS if NO_CHECKS in safety.codes else REJECTED[safety.route]
    detail = f"{why} ({', '.join(safety.codes)})"
    return Reject(target.id, target.split, "route", reason, detail, raw)

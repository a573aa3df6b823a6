"""Where an utterance goes before a reply is drafted, by patterns: a route, and why.

    normal            nothing found
    sensitive         drafted; careful: a loss, something denied or long past, one sign by itself
    crisis            not drafted; kept for people
    exclude           used for nothing
    unknown_language  not drafted, as no table can tell

What the speaker said before counts as well as the utterance: a plan told three turns ago is one. It
is read turn by turn, and as one text, since people break off in the middle of a sentence. What
others said before counts where the speaker answers a question about it, and makes it sensitive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from builders.safety.foreign import speaks_of_death_in_another
from builders.safety.reading import read_hasty
from builders.safety.tables import TALKS, SafetyTables, load_reasons, tables_of
from builders.tasks.reply.checks.foreign import is_in_other_language
from builders.tasks.reply.checks.patterns import PatternFind
from builders.tasks.reply.checks.text import BREAK, Text, read_text

ROUTES = ("normal", "sensitive", "crisis", "exclude", "unknown_language")
# Which of two routes counts: the later one.
_RANK = {"normal": 0, "sensitive": 1, "unknown_language": 2, "crisis": 3, "exclude": 4}
TOGETHER, HINTS = "signs_together", "hints_together"
ASKED, OF_OTHERS = "asked_and_affirmed", "others_speak_of_it"
# Where a reason was found: in the utterance, or in the nth turn before, or over several.
UTTERANCE, JOINED = "utterance", "joined"
_GRAVE = frozenset({"crisis", "exclude"})
_PAUSES = ("..", "…")
# So many texts are remembered: those of more dialogues than are under way.
_TURNS = 2048
_LONGEST_ANSWER = 8
# What leads to no route by itself.
_NO_ROUTE = frozenset({"removed", "removes", "keeps", "softens", "reply", "hint"})


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """A turn before the utterance: whether the same speaker said it, and the text."""

    own: bool
    text: str


@dataclass(frozen=True, slots=True)
class RouteReason:
    """Why: a code, the route it leads to, and where it was found.

    `start` and `end` are characters of the utterance; None where it was found in another turn.
    """

    code: str
    route: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """A route and the reasons for it, the most serious first."""

    route: str
    reasons: tuple[RouteReason, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes, each once."""
        return tuple(dict.fromkeys(one.code for one in self.reasons))


def worse(one: str, other: str) -> str:
    """Return the route that counts where two say something else."""
    return max(one, other, key=_RANK.__getitem__)


def route(utterance: str, before: Sequence[SaidBefore] = (), language: str = "en") -> Routed:
    """Return the route of an utterance with what was said before, oldest first."""
    tables = tables_of(language)
    if tables is None:
        return Routed("unknown_language", (RouteReason("no_tables", "unknown_language"),))
    found = list(_reasons(utterance, language))
    if _is_elsewhere(utterance, tables, language):
        found.append(RouteReason("other_language", "unknown_language"))
    found += _of_turns(utterance, before, tables, language)
    found += _together(utterance, found, tables, language)
    found.sort(key=lambda one: -_RANK[one.route])
    return Routed(found[0].route if found else "normal", tuple(found))


def _is_elsewhere(utterance: str, tables: SafetyTables, language: str) -> bool:
    """Return whether an utterance is in a language that the tables do not read."""
    if is_in_other_language(utterance, language):
        return True
    return speaks_of_death_in_another(utterance, language, tables.spelling.known)


def _together(
    utterance: str, found: Sequence[RouteReason], tables: SafetyTables, language: str
) -> Iterator[RouteReason]:
    """Yield what signs and hints make together that are nothing much each by itself."""
    known = load_reasons()
    signs = {one.code for one in found if one.code in known and known[one.code].effect == "sign"}
    hints = {
        one.pattern.code for one, effect in _effective(utterance, language) if effect == "hint"
    }
    if len(signs) > 1:
        yield RouteReason(TOGETHER, "crisis")
    elif len(hints) > 1 and tables.first_person & _read(utterance, language).known:
        yield RouteReason(HINTS, "crisis")


def refused_in_reply(reply: str, language: str = "en") -> list[PatternFind]:
    """Return what a reply says that none may say: urging, methods, agreeing to die."""
    tables = tables_of(language)
    if tables is None:
        return []
    reasons = load_reasons()
    return [
        found
        for found, effect in _with_effect(tables.of_replies.find(read_text(reply)))
        if reasons[found.pattern.code].refused_in_reply and effect not in ("softened", "removed")
    ]


# A turn is looked at once for itself, and not again for each of the next eight.
@lru_cache(maxsize=_TURNS)
def _reasons(text: str, language: str) -> tuple[RouteReason, ...]:
    """Return what is found in one text."""
    return tuple(
        RouteReason(
            found.pattern.code,
            effect if effect in _GRAVE else "sensitive",
            found.start,
            found.end,
        )
        for found, effect in _effective(text, language)
        if effect not in _NO_ROUTE
    )


@lru_cache(maxsize=_TURNS)
def _read(text: str, language: str) -> Text:
    """Return a text as words."""
    tables = tables_of(language)
    return read_hasty(text, tables.spelling) if tables else read_text(text)


@lru_cache(maxsize=_TURNS)
def _effective(text: str, language: str) -> tuple[tuple[PatternFind, str], ...]:
    """Return what is found in a text with its effect, once idioms and denials have had theirs."""
    tables = tables_of(language)
    if tables is None:
        return ()
    return tuple(_with_effect(tables.patterns.find(_read(text, language))))


def _with_effect(by_code: Mapping[str, list[PatternFind]]) -> list[tuple[PatternFind, str]]:
    reasons = load_reasons()
    found = [(one, reasons[code].effect) for code, every in by_code.items() for one in every]
    meant = any(effect == "keeps" for _, effect in found)
    idioms = [] if meant else [one for one, effect in found if effect == "removes"]
    softer = [one for one, effect in found if effect == "softens"]
    return [(one, _changed(one, effect, idioms, softer)) for one, effect in found]


def _changed(
    one: PatternFind, effect: str, idioms: Sequence[PatternFind], softer: Sequence[PatternFind]
) -> str:
    if effect in _NO_ROUTE and effect != "hint":
        return effect
    if any(_overlap(one, other) for other in idioms):
        return "removed"
    if effect == "crisis" and any(_overlap(one, other) for other in softer):
        return "softened"
    return effect


def _overlap(one: PatternFind, other: PatternFind) -> bool:
    return one.start < other.end and other.start < one.end


def _of_turns(
    utterance: str, before: Sequence[SaidBefore], tables: SafetyTables, language: str
) -> Iterator[RouteReason]:
    """Yield what the turns before add."""
    for said in before:
        for one in _reasons(said.text, language):
            if said.own:
                yield RouteReason(one.code, one.route)
            elif one.route in _GRAVE:
                yield RouteReason(OF_OTHERS, "sensitive")
    yield from _joined(utterance, before, tables, language)
    if before and not before[-1].own:
        yield from _answered(utterance, before[-1].text, tables, language)


def _joined(
    utterance: str, before: Sequence[SaidBefore], tables: SafetyTables, language: str
) -> Iterator[RouteReason]:
    """Yield what the speaker says over several turns, where one breaks off."""
    own = [said.text for said in before if said.own][-3:]
    if not own:
        return
    parts = [part.rstrip(" …-—,").removesuffix("..") for part in (*own, utterance)]
    if not _may_be_grave(parts, tables, language):
        return
    for one in _reasons(" ".join(parts), language):
        if one.route in _GRAVE:
            yield RouteReason(one.code, one.route)


def _may_be_grave(parts: Sequence[str], tables: SafetyTables, language: str) -> bool:
    """Return whether anything grave is found in parts that are read as one text.

    The words of the parts are known already; only where one ends in a pause may they be others.
    """
    if any(part.endswith(_PAUSES) for part in parts):
        return True
    words = chain.from_iterable(_read(part, language).words for part in parts)
    return tables.grave.occurs(Text(" ".join(parts), tuple(words)))


def _answered(
    utterance: str, asked: str, tables: SafetyTables, language: str
) -> Iterator[RouteReason]:
    """Yield what the speaker says by answering a question about it with yes."""
    if "?" not in asked or not _speaks_of_it(_as_own(asked), tables, language):
        return
    text = _read(utterance, language)
    words = [word for word in text.words if word != BREAK]
    if not words or len(words) > _LONGEST_ANSWER:
        return
    line = " ".join(words) + " "
    raw_first = utterance.lower().split()[0].strip(".,!?…")
    says_no = bool(tables.no.intersection({*words, raw_first}))
    says_yes = bool(tables.yes.intersection({*words[:3], raw_first})) or line.startswith(
        tables.yes_start
    )
    if says_yes and not says_no:
        yield RouteReason(ASKED, "crisis")
    else:
        yield RouteReason(OF_OTHERS, "sensitive")


def _speaks_of_it(asked: str, tables: SafetyTables, language: str) -> bool:
    return tables.talks.occurs(_read(asked, language)) and any(
        found.pattern.code in TALKS and effect != "removed"
        for found, effect in _effective(asked, language)
    )


def _as_own(asked: str) -> str:
    """Return a question to the speaker as if the speaker said it."""
    return asked.lower().replace("yourself", "myself").replace(" your ", " my ")

"""Checks of how a reply is written: what is no speech, or not whole, or not one reply.

They need no knowledge of what is answered, but for the names of the scene.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.tasks.reply.checks.candidate import Candidate, Hit, Scene, check
from builders.tasks.reply.checks.language import found_in, load_language
from builders.tasks.reply.checks.text import BREAK, Text, read_text

_LABEL = re.compile(
    r"(?:^|(?<=[.!?\n] ))[\s\"“*_#(\[<]*"
    r"([^\W\d_][\w'’-]*\.?(?:[ _-][\w'’-]+){0,3})[*_)\]>\"”]*\s?[:：=]\s*(?=\S)"
)
_DASHED_LABEL = re.compile(r"^\s*([^\W\d_]\w*)\s+(?:[-–—>]+|says:?)\s+")
_OPENING, _CLOSING = "\"“„«‹‘'`「『＂", "\"”“»›’'`」』＂"
_DOUBLED = frozenset(('""', "''", "““", "””", "``"))
_ENTITIES = re.compile(
    r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});|</?[a-zA-Z][^<>]{0,40}>|<\|[^<>]*"
    r"|\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt\"'\\/])|%[0-9A-F]{2}|\[/?INST\]|â€.?|Ã[\x80-\xbf©]|Â[\xa0-\xbf]"
)
_INVISIBLE = re.compile(
    "(?<![\u0600-\u1cff])[\u200c\u200d]|[\u00ad\u034f\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff"
    "\ufe00-\ufe0f\uffa0\ufff9-\ufffc\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\u0300-\u036f]{3,}"
)
_ALIKE = re.compile(
    "[\uff01-\uff5e\u2460-\u24ff\u2100-\u214f\u1d00-\u1d2b\u1d2c-\u1d6a\u2070-\u209c"
    "\U0001d400-\U0001d7ff\U0001f110-\U0001f189]+"
    "|[A-Za-z]+[\u0370-\u03ff\u0400-\u04ff\u13a0-\u13ff]+|[\u0370-\u03ff\u0400-\u04ff\u13a0-\u13ff]+[A-Za-z]+"
)
_BESIDE = re.compile(
    r"\([^()]*[^\W\d_][^()]*\)|\[[^\[\]]*[^\W\d_][^\[\]]*\]|\*+[^*]*[^\W\d_][^*]*\*+"
    r"|(?<![\w_])_+[^_]*[^\W\d_][^_]*_+(?!\w)|~+[^~]*[^\W\d_][^~]*~+|/me\b[^.]*|^\([^()]*$|^\*[^*]*$"
)
_DASHED = re.compile(
    r"(?:(?<=^)|(?<=\s)|(?<=[.!?…,]))[-–—]{1,3}\s?([^-–—.!?]{2,80}?)\s?[-–—]{1,3}(?=\s|$|[.,!?]|[A-Z])"
)
_GAPS = re.compile(
    r"\[[^\[\]]{1,40}\]|\{+[^{}]{0,60}\}+|<[A-Za-z_ /]{1,40}>|\$\{?[A-Za-z_]\w*\}?"
    r"|%(?:s|d|\(\w+\)s)"
    r"|\b[Xx]{3,}\b|_{2,}|\bN/A\b|\b(?:TBD|TODO|FIXME)\b|\b[A-Z]{3,}(?: [A-Z]{2,})* HERE\b"
    r"|\b[A-Z]{2,}_[A-Z_]{2,}\b"
    # The name of a gap in capitals, where the words before it are not.
    r"|(?<=[a-z,] )(?:(?:FIRST|LAST|USER|YOUR) ?)?(?:NAME|SPEAKER|LISTENER|PLACE)\b"
    r"|(?<=[a-z,] )(?:CITY|PERSON|EVENT|TITLE|DATE|EMOTION)\b"
    r"|\.{6,}|\?{4,}"
)
_GAP_MARKS = re.compile(r"[Xx]{3}|\?{4}|HERE\b|TBD|TODO|FIXME|[A-Z]{4}")
_READ_ONLY = re.compile(
    r"[%&@#=+^~|\\€£$§°™®©•→←]|\b\w+/\w*|\b(?:e\.g|i\.e|a\.k\.a|approx|etc|vs|yrs?|hrs?|mins?|incl|resp)\.?(?=\s|$|,)"
    r"|\b\d+(?:mg|ml|kg|km|cm|am|pm|h|k)\b",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"[A-Z]{2}\W+[A-Z]{2}")
_TELEPHONE = re.compile(r"\+?\(?\d[\d\s().-]{5,}\d|\b\d{3}[-. ]\d{3,4}\b")
_QUESTIONS = re.compile(r"[?？][?!？！.\"”’')]*")
_ENDS = ".!?…。！？"
_OPEN_ENDED = frozenset(
    "the a an and but or because my your if than very their our to with i".split()
)
# So few words that come again are no repetition.
_FEW_AGAIN = 3


def hit_of(found: re.Match[str]) -> Hit:
    """Return a hit with what an expression matched, and where."""
    return Hit({"found": repr(found[0].strip()[:60])}, None, *found.span())


def language_of(candidate: Candidate) -> str:
    """Return the language in which a reply is to be."""
    return candidate.scene.language if candidate.scene else "en"


@cache
def _labels() -> frozenset[str]:
    """Return what is no speaker's name and yet stands before words: strategies, emotions."""
    names = {*strategies.strategies(), *vocabulary().nodes}
    return frozenset(name.replace("_", " ") for name in names)


@check("found")
def role_prefix(candidate: Candidate) -> Iterator[Hit]:
    """Find a role, a name, a field or a strategy that stands before the words."""
    text = candidate.text
    if read_text(text).plain and not _DASHED_LABEL.match(text):
        return
    words = load_language(language_of(candidate)).words
    names = {n.lower() for n in candidate.scene.names} if candidate.scene else set()
    for found in _LABEL.finditer(text):
        said = said_before(candidate)
        label = found[1].replace("_", " ").replace("-", " ").lower().strip(". ")
        parts = label.rstrip("0123456789 ").removesuffix(" says").split() or [label]
        known = {label, parts[0], parts[-1]} & (words["label"] | _labels() | names)
        known -= said - names
        named = found.start() == 0 and not said & set(parts) and _is_name(found[1], words)
        if known or named:
            yield hit_of(found)
            return
    dashed = _DASHED_LABEL.match(text)
    if dashed and dashed[1].lower() in words["label"] | names:
        yield hit_of(dashed)


def said_before(candidate: Candidate) -> frozenset[str]:
    """Return every word of the speakers."""
    if candidate.scene is None:
        return frozenset()
    return _said_in(candidate.scene)


@lru_cache(maxsize=256)
def _said_in(scene: Scene) -> frozenset[str]:
    return frozenset[str]().union(*(read_text(one).known for one in scene.said))


def _is_name(label: str, words: Mapping[str, frozenset[str]]) -> bool:
    """Return whether a label could be a speaker's name: capitals, and no word of the language."""
    known = words["function"] | words["before_colon"]
    parts = label.replace(".", "").split()
    return len(parts) <= 3 and all(p[:1].isupper() and p.lower() not in known for p in parts)


@check("found", of_plain=False)
def quoted(candidate: Candidate) -> Iterator[Hit]:
    """Find quotation marks around the reply."""
    text = candidate.text.strip()
    if text[:2] in _DOUBLED and text[-2:] in _DOUBLED:
        text = text[1:-1]
    opened = text[:1] in _OPENING and (text[:1] not in "'’‘" or text[-1:] in "'’")
    if not text or not (opened or text[-1] in '"”»」'):
        return
    marks = [mark for mark in text if mark in '"“”„«»「」＂']
    single = text[0] in "'‘`" and text.rstrip(".!?")[-1:] in "'’`" and len(text) > 2
    around = opened and text.rstrip(".!?,")[-1:] in _CLOSING and len(marks) == 2
    if single or around or len(marks) == 1:
        yield Hit({"found": repr(text[0] + "…" + text[-1])}, None, 0, len(candidate.text))


@check("found", of_plain=False)
def entity(candidate: Candidate) -> Iterator[Hit]:
    """Find what a page or a program has left in the words."""
    if found := _ENTITIES.search(candidate.text):
        yield hit_of(found)


@check("found", of_plain=False)
def invisible(candidate: Candidate) -> Iterator[Hit]:
    """Find characters that nobody sees."""
    if found := _INVISIBLE.search(candidate.text):
        code = f"U+{ord(found[0][0]):04X}"
        yield Hit({"found": code}, None, *found.span())


@check("found", of_plain=False)
def full_width(candidate: Candidate) -> Iterator[Hit]:
    """Find letters that only look like those of the language."""
    if not candidate.text.isascii() and (found := _ALIKE.search(candidate.text)):
        yield hit_of(found)


@check("found")
def stage_direction(candidate: Candidate) -> Iterator[Hit]:
    """Find what is done rather than said, of any length."""
    text = candidate.text
    if read_text(text).plain and "-" not in text:
        return
    words = load_language(language_of(candidate)).words
    for found in _BESIDE.finditer(text):
        first = read_text(found[0]).spoken[0]
        if found[0][0] != "(" or first not in words["aside"]:
            yield hit_of(found)
            return
    for found in _DASHED.finditer(text):
        inside = read_text(found[1]).spoken
        if inside and words["gesture"].intersection((inside[0], inside[-1])):
            yield hit_of(found)
            return


@check("found")
def placeholder(candidate: Candidate) -> Iterator[Hit]:
    """Find a gap that somebody was to fill."""
    if read_text(candidate.text).plain and not _GAP_MARKS.search(candidate.text):
        return
    if found := _GAPS.search(candidate.text):
        yield hit_of(found)


@check("found", of_plain=False)
def contact_details(candidate: Candidate) -> Iterator[Hit]:
    """Find a telephone number."""
    if found := _TELEPHONE.search(candidate.text):
        yield hit_of(found)


@check("found", of_plain=False)
def written_only(candidate: Candidate) -> Iterator[Hit]:
    """Find signs and short forms that are read and not said."""
    if found := _READ_ONLY.search(candidate.text):
        yield hit_of(found)


@check("count")
def several_questions(candidate: Candidate) -> Iterator[Hit]:
    """Find more than one question."""
    if candidate.text.count("?") < 2:
        return
    asking = load_language(language_of(candidate)).words["asking"]
    said = said_before(candidate)
    parts = re.split(r"(?<=[.!…])\s", candidate.text)
    asked = [one for part in parts for one in _QUESTIONS.split(part)[:-1]]
    real = [one for one in asked if _asks(one, asking, said)]
    if len(real) > 1:
        yield Hit({"count": str(len(real))}, len(real))


def _asks(one: str, asking: frozenset[str], said: frozenset[str]) -> bool:
    """Return whether words before a question mark ask, and do not only wonder at what was said."""
    words = read_text(one)
    wonders = len(words.spoken) > 2 and not words.known & asking and words.known & said
    return not wonders


@check()
def question_not_last(candidate: Candidate) -> Iterator[Hit]:
    """Find words after the one question."""
    if "?" not in candidate.text and "？" not in candidate.text:
        return
    asked = list(_QUESTIONS.finditer(candidate.text))
    asking = load_language(language_of(candidate)).words["asking"]
    if len(asked) != 1 or not read_text(candidate.text[: asked[0].start()]).known & asking:
        return  # "The hallway?" wonders, and asks nothing
    if re.search(r"\w", candidate.text[asked[0].end() :]):
        yield Hit({}, None, *asked[0].span())


@check("found")
def unfinished(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that stops before its sentence does."""
    text = candidate.text.rstrip()
    bare = text.rstrip("\"”“’')]*_»")
    if not bare or not any(letter.isalpha() for letter in bare):
        return
    words = read_text(bare).spoken
    last = words[-1] if words else ""
    dangling = last in _OPEN_ENDED and (bare.endswith(("...", "…")) or last in _NEVER_LAST)
    if bare[-1] not in _ENDS or dangling:
        yield Hit({"found": repr(text[-20:])}, None, max(0, len(text) - 20), len(text))


_NEVER_LAST = frozenset("the a an and because my your".split())


@check("found")
def repetition(candidate: Candidate) -> Iterator[Hit]:
    """Find a sentence, a part of one or a word that is said again and again."""
    text = read_text(candidate.text)
    spoken = text.spoken
    if len(spoken) - len(set(spoken)) < _FEW_AGAIN:
        return
    words = load_language(language_of(candidate)).words
    function = words["function"] | words["sound"]
    found = _again(text, function) or _in_a_row(spoken, function) or _most(spoken, function)
    if found:
        yield Hit({"found": repr(found)})


def _again(text: Text, function: frozenset[str]) -> str | None:
    """Return a sentence that comes again, or five words of one, of which two have content."""
    told: Counter[tuple[str, ...]] = Counter()
    seen: set[tuple[str, ...]] = set()
    for words in _sentences(text.words):
        told[words] += 1
        if told[words] > (1 if len(words) > 4 else 2 if len(words) > 2 else 3):
            return " ".join(words)
        for at in range(len(words) - 4):
            run = words[at : at + 5]
            if run in seen and sum(word not in function for word in run) > 1:
                return " ".join(run)
            seen.add(run)
    return None


def _sentences(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    ends = [at for at, word in enumerate(words) if word == BREAK]
    for start, end in zip([-1, *ends], [*ends, len(words)], strict=True):
        if end > start + 1:
            yield words[start + 1 : end]


def _in_a_row(words: tuple[str, ...], function: frozenset[str]) -> str | None:
    """Return one to five words that are said several times in a row.

    After the size of the part, how many words then say again what was said before.
    """
    for size, again in ((1, 5), (2, 5), (3, 6), (4, 7), (5, 5), (6, 6), (7, 7), (8, 8)):
        same = 0
        for at in range(size, len(words)):
            same = same + 1 if words[at] == words[at - size] else 0
            part = words[at - size + 1 : at + 1]
            if same >= again and (size > 4 or not function.issuperset(part)):
                return " ".join(part)
    return None


def _most(words: tuple[str, ...], function: frozenset[str]) -> str | None:
    """Return a word of content that makes up half of the text."""
    most = max(set(words), key=words.count, default="")
    times = words.count(most)
    fills = times > 3 and times * 2 > len(words)
    return most if fills and len(most) > 3 and most not in function else None


@check()
def all_caps(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply in capitals."""
    text = candidate.text
    if not _CAPITALS.search(text):
        return
    upper = sum(letter.isupper() for letter in text)
    if upper > 9 and upper > 2 * sum(letter.islower() for letter in text):
        yield Hit({}, upper)


@check("count")
def advice_list(candidate: Candidate) -> Iterator[Hit]:
    """Find three pieces of advice or more in one reply."""
    found = found_in(candidate.text, language_of(candidate)).get("advice", ())
    counted = found_in(candidate.text, language_of(candidate)).get("counted", ())
    most = max(len({one.start for one in found}), len({one.start for one in counted}) + 1)
    if most > 2:
        yield Hit({"count": str(most)}, most)


@check("words")
def long_for_speech(candidate: Candidate) -> Iterator[Hit]:
    """Find more words than anybody listens to in one go."""
    words = len(candidate.text.split())
    if words > _LONG:
        yield Hit({"words": str(words)}, words)


# The longest band of lengths that a reply is planned in.
_LONG = 48

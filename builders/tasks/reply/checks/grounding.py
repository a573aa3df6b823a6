"""Checks of a reply beside what was said: its language, echoes, and what no turn holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from builders.tasks.reply.checks.candidate import ASSISTANT, Candidate, Hit, Scene, check
from builders.tasks.reply.checks.foreign import OTHER_SCRIPT, foreign_words
from builders.tasks.reply.checks.form import language_of
from builders.tasks.reply.checks.language import load_language
from builders.tasks.reply.checks.recited import shared_run
from builders.tasks.reply.checks.text import Text, read_text

_CAPITAL = re.compile(
    r"(?=[A-Z])\b(?<![.!?…:\"“”'‘(*\-–—] )(?<!^)(?<!^[\"“'‘])(?<![.!?…] [\"“'‘])"
    r"([A-Z][a-zà-ÿ]+(?:['’][A-Z][a-z]+)?)\b"
    r"(?!['’](?:m|ll|ve|d|re)\b)"
)
# Whatever the four below find is one of these, or begins with one.
_CAPITALISED = re.compile(r"[A-Z][a-zà-ÿ]+(?:['’][A-Z][a-z]+)?")
_FIRST_WORD = re.compile(r"(?:^|[.!?…] )\W{0,2}([A-Z][a-zà-ÿ]+)(?=,? [a-z])")
_TITLED = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|Prof|Professor|Uncle|Aunt|Auntie|Chef|Officer|Coach|Judge|Nurse|Father"
    r"|Sister|Captain)\.? ([A-Z][a-zà-ÿ]+)"
)
_ADDRESSED = re.compile(r", ([A-Z][a-zà-ÿ]+)[.!?,]")
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
# What turns when a sentence is said back: I and you, my and your, am and are.
_TURNED = {
    **dict.fromkeys(("i", "you", "me", "we", "us"), "i"),
    **dict.fromkeys(("my", "your", "our", "his", "her", "their"), "my"),
    **dict.fromkeys(("mine", "yours", "ours"), "mine"),
    **dict.fromkeys(("myself", "yourself", "ourselves"), "myself"),
    **dict.fromkeys(("am", "are", "is", "was", "were", "'s"), "am"),
    **dict.fromkeys(("do", "did", "does"), "do"),
    **dict.fromkeys(("have", "has", "had"), "have"),
    **{"someone": "somebody", "everyone": "everybody", "anyone": "anybody"},
    **dict.fromkeys(("this", "these", "those", "the"), "that"),
}
_ECHO_SHARE = 0.8
_ECHO_WORDS = 7
_ANY_ORDER = 0.05


@check("found")
def other_language(candidate: Candidate) -> Iterator[Hit]:
    """Find words or letters of another language than the utterance's."""
    text, said = candidate.text, candidate.scene.said if candidate.scene else ()
    if not text.isascii() and (found := OTHER_SCRIPT.search(text)):
        # Without a scene it may be the name of somebody who was spoken of.
        much = bool(said) or 2 * sum(map(len, OTHER_SCRIPT.findall(text))) > len(text) * 2 // 3
        if much and not any(OTHER_SCRIPT.search(one) for one in said):
            yield Hit({"found": repr(found[0][:40])}, None, *found.span())
            return
    language = load_language(language_of(candidate))
    if foreign := foreign_words(read_text(text), language, said):
        yield Hit({"found": repr(" ".join(foreign[:4]))}, len(foreign))


@check("share")
def echo(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that says the utterance back and no more."""
    scene = candidate.scene
    if not scene or not scene.utterance:
        return
    words = load_language(scene.language).words
    utterance, text = read_text(scene.utterance), read_text(candidate.text)
    if words["function"].issuperset(utterance.known & text.known):
        return  # no word of content is said back
    said, own = _turned(utterance), _turned(text)
    while own and own[0] in words["opener"]:
        own = own[1:]
    own = _without_saying(own, words["saying"])
    content = {w for w in own if w not in words["function"] and w not in _TURNED.values()}
    if len(own) < 3 or not content or not content & set(said):
        return
    shared = sum((Counter(own) & Counter(said)).values())
    pairs = Counter(zip(own, own[1:], strict=False))
    in_order = sum((pairs & Counter(zip(said, said[1:], strict=False))).values())
    share = min(shared / len(own), (in_order + 1) / len(own))
    if len(own) >= _ECHO_WORDS:  # long enough to be the same words, whatever their order
        share = max(share, shared / len(own) - _ANY_ORDER)
    if share >= _ECHO_SHARE and len(content - set(said)) * 5 <= len(content):
        yield Hit({"share": f"{share:.0%}"}, round(share, 2), 0, len(candidate.text))


def _without_saying(words: list[str], saying: frozenset[str]) -> list[str]:
    """Return words without "you say" before or after them."""
    if words[:1] == ["i"] and words[1:2] and words[1] in saying:
        words = words[2:]
    if words[-2:-1] == ["i"] and words[-1] in saying:
        words = words[:-2]
    return words


def _turned(text: Text) -> list[str]:
    return [_TURNED.get(word, word) for word in text.spoken]


@check("found")
def unknown_name(candidate: Candidate) -> Iterator[Hit]:
    """Find a name that no turn holds."""
    scene = candidate.scene
    if not scene:
        return
    text, fine = candidate.text, load_language(scene.language).words
    named = {found.lower() for found in _CAPITALISED.findall(text)}
    if not any(name not in fine["function"] and name not in fine["capital"] for name in named):
        return
    if text.isupper() or sum(w[:1].isupper() for w in text.split()) * 2 > len(text.split()) > 3:
        return
    known = _known_words(scene)
    for pattern in (_CAPITAL, _ADDRESSED, _TITLED, _FIRST_WORD):
        for found in pattern.finditer(text):
            name = found[1].lower().replace("’", "'")
            listed = name in fine["capital"] or name in fine["function"] or name in fine["opener"]
            if name in known or listed or (pattern is _FIRST_WORD and name not in fine["given"]):
                continue
            yield Hit({"found": repr(found[1])}, None, *found.span(1))
            return


@lru_cache(maxsize=256)
def _known_words(scene: Scene) -> frozenset[str]:
    """Return every word that was said, or that names or tells of the scene."""
    told = (*scene.said, *scene.names, scene.background or "")
    return frozenset[str]().union(*(read_text(one).known for one in told))


@check("found")
def unknown_number(candidate: Candidate) -> Iterator[Hit]:
    """Find a number that no turn holds."""
    scene = candidate.scene
    if not scene:
        return
    words, text = load_language(scene.language).words, read_text(candidate.text)
    if text.plain and "two" not in text.known and words["number"].isdisjoint(text.known):
        return
    known = _known_numbers(scene)
    for found in _DIGITS.finditer(candidate.text):
        if found[0] not in known:
            yield Hit({"found": repr(found[0])}, None, *found.span())
            return
    for at, word in enumerate(text.words):
        if word in words["number"] and word not in known and not _idiom(text, at, words):
            yield Hit({"found": repr(word)}, None, *text.spans[at])
            return
        counted = word == "two" and text.words[at + 1 : at + 2]
        if counted and counted[0] in words["unit"] and not {word, counted[0]} & known:
            yield Hit({"found": repr(f"{word} {counted[0]}")}, None, *text.spans[at])
            return


@lru_cache(maxsize=256)
def _known_numbers(scene: Scene) -> frozenset[str]:
    """Return the known words, and each number among them as people write and say it otherwise."""
    known = _known_words(scene)
    ways = (frozenset(one) for one in _ways_of_numbers(scene.language))
    return known.union(*(one for one in ways if not known.isdisjoint(one)))


@cache
def _ways_of_numbers(language: str) -> tuple[tuple[str, ...], ...]:
    """Return for each number its ways: digits, the word, the place in a row."""
    classes = load_language(language).classes
    return tuple(tuple(words) for name, words in classes.items() if name.startswith("number_"))


def _idiom(text: Text, at: int, words: Mapping[str, frozenset[str]]) -> bool:
    """Return whether a number word says *much*, and counts nothing."""
    beside = text.words[max(0, at - 1) : at] + text.words[at + 1 : at + 2]
    return any(word in words["number_idiom"] for word in beside)


@check("found")
def invented_event(candidate: Candidate) -> Iterator[Hit]:
    """Find a relative or a thing of the speaker's that no turn holds."""
    scene = candidate.scene
    if not scene or not scene.utterance:
        return
    words = load_language(scene.language).words
    text = read_text(candidate.text)
    if "your" not in text.known or words["kin"].isdisjoint(text.known):
        return
    known: frozenset[str] | None = None
    for at, word in enumerate(text.words[:-1]):
        if word != "your":
            continue
        near = text.words[at + 1 : at + 3]
        owned = next((one for one in near if one in words["kin"]), None)
        if owned is None or (near[0] != owned and near[0] in words["function"]):
            continue
        known = _known_words(scene) if known is None else known
        if owned not in known and not _alike(owned, known):
            yield Hit({"found": repr(f"your {owned}")}, None, *text.spans[at])
            return


def _alike(word: str, known: frozenset[str]) -> bool:
    """Return whether a word was said in another form: dog for dogs, mother for mom."""
    stem = word.removesuffix("s")
    return any(one.startswith(stem) and len(one) <= len(stem) + 3 for one in known)


@check("found")
def narration(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that speaks of the speaker as of somebody else."""
    scene = candidate.scene
    if not scene or not scene.utterance:
        return
    words = load_language(scene.language).words
    text = read_text(candidate.text)
    others = text.known & words["third_person"]
    if not others or text.known & words["person"] or not text.words[0:2]:
        return
    known = _known_words(scene)
    if not known & (words["third_person"] | words["kin"] | words["given"] | words["somebody"]):
        if text.words[0] in others or text.words[1] in others:
            yield Hit({"found": repr(text.words[0])}, None, *text.spans[0])


@check("found")
def speaks_as_user(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply that takes the speaker's things for its own."""
    scene = candidate.scene
    if not scene or scene.persona != ASSISTANT:
        return
    function = load_language(scene.language).words["function"]
    text = read_text(candidate.text)
    if "my" not in text.known and "our" not in text.known:
        return
    said = read_text(scene.utterance).known
    for at, word in enumerate(text.words[:-1]):
        owned = text.words[at + 1]
        if word in ("my", "our") and owned in said and owned not in function:
            yield Hit({"found": repr(f"{word} {owned}")}, None, *text.spans[at])
            return


@check("found")
def recites(candidate: Candidate) -> Iterator[Hit]:
    """Find words in a row of what is said later in the scene, or elsewhere in the corpus."""
    scene = candidate.scene
    if not scene or not (scene.later or scene.recited):
        return
    language = load_language(scene.language)
    run = shared_run(candidate.text, scene.later, scene.said, language)
    if run is None and scene.recited:
        run = scene.recited.run_in(candidate.text, scene.said)
    if run:
        yield Hit({"found": repr(run)})

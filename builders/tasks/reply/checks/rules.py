"""The first checks of replies: what no schema can say. Each is a function and a row of a table.

The row in ``label_maps/reply/_checks.tsv`` has the function's name as its code; it says whether a
reply that the check hits is refused or noted, and in which words the model is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builders.labels import strategies
from builders.labels.vocabulary import feelings
from builders.tasks.reply.checks.candidate import Candidate, Hit, check
from builders.tasks.reply.checks.text import read_text
from builders.tasks.reply.checks.wording import shares_run

WORDS = (3, 60)
# So many words in a row of a description of the voice are talk about the voice.
_REPEATS = 4

_UNSPEAKABLE = (
    ("a line break", re.compile(r"[\r\n\u2028\u2029]")),
    ("a list", re.compile(r"(?m)^\s*(?:[-*•·‣]|\d{1,2}[.)])\s|(?<!\d)1[.)]\s.+?(?<!\d)2[.)]\s")),
    (
        "a link or an address",
        re.compile(r"https?:|\bwww\.(?=\w)|\w@\w|\b\w+\.(?:com|org|net|io)\b"),
    ),
    ("markdown", re.compile(r"\*\*|__|`|^#{1,6}\s|\]\(|(?<!\w)[*_]\w[^*_]*[*_](?!\w)|~~|\|")),
    ("a stage direction", re.compile(r"[\[\]{}<>]|\((?:[A-Za-z]+ ?){1,3}\)|\*[a-z]")),
    ("a control character", re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")),
    (
        "an emoji or a picture",
        re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff]"),
    ),
    (
        "an emoticon",
        re.compile(r"[:;=][-'^]?[)(]|(?<!\w)(?:[:;=][-'^]?[DPpo3/\\|]|8-[)D])(?!\w)"),
    ),
)
# What nobody says of another's voice to their face. "You sound tired" is fine; measures are not.
_MEASURE = r"(?:pitch|loudness|volume|intonation|melody|tempo|pace|tone|cadence|inflection)"
_MEASURED = (
    r"(?:high(?:er)?|low(?:er)?|loud(?:er|ly)?|quiet(?:er|ly)?|soft(?:er|ly)?|fast(?:er)?|quick(?:er|ly)?|"
    r"slow(?:er|ly)?|rapid(?:ly)?|flat(?:ter)?|monotone|monotonous|raised|rising|falling|dropping)"
)
_SPEAKING = r"(?:speaking|talking|spoke|speak|talk|talked|sound|sounded|said (?:that|it|this))"
_ACOUSTIC = re.compile(
    rf"\b{_MEASURE} (?:of|in) your (?:voice|speech|words)\b"
    rf"|\byour (?:voice|speech|{_MEASURE}|speaking rate)(?: (?!\w*n't\b)\w+){{0,4}} {_MEASURED}\b"
    rf"|\byour voice(?:'s|’s)? {_MEASURE}\b"
    r"|\b(?:speaking rate|pauses? in your (?:voice|speech)|high-pitched)\b"
    r"|\b(?:decibels?|semitones?|hertz)\b"
    rf"|\byou(?:'re|’re| are| were)? {_SPEAKING}(?: (?!out\b)\w+){{0,2}} {_MEASURED}\b",
    re.IGNORECASE,
)

# Words of which a text has one where that is found.
_OF_VOICES = frozenset(
    "voice speech words pitch loudness volume intonation melody tempo pace tone cadence inflection "
    "speaking talking spoke speak talk talked sound sounded said pause pauses pitched decibel "
    "decibels semitone semitones hertz".split()
)


@check("error")
def strategy_order(candidate: Candidate) -> Iterator[Hit]:
    """Find strategies in an order that is not legal."""
    if candidate.emotions is None:
        return
    for error in strategies.order_errors(candidate.reply["strategies"], candidate.emotions):
        yield Hit({"error": error})


@check("emotion")
def emotion_repeated(candidate: Candidate) -> Iterator[Hit]:
    """Find an emotion that the reply responds to twice."""
    named = candidate.reply["awareness"]["emotions"]
    for name in dict.fromkeys(n for n in named if named.count(n) > 1):
        yield Hit({"emotion": name})


@check("found")
def feeling_named(candidate: Candidate) -> Iterator[Hit]:
    """Find a feeling that is named to a speaker whose voice alone could have shown one."""
    if candidate.neutral_twin and (found := feelings().named_in(candidate.text)):
        yield Hit({"found": repr(found)})


@check("words", "limits")
def length(candidate: Candidate) -> Iterator[Hit]:
    """Find a reply of too few words or too many."""
    words = len(candidate.text.split())
    if not WORDS[0] <= words <= WORDS[1]:
        yield Hit({"words": str(words), "limits": f"{WORDS[0]} to {WORDS[1]}"}, words)


@check("kind", "found", of_plain=False)
def not_speakable(candidate: Candidate) -> Iterator[Hit]:
    """Find what cannot be spoken, one hit for each kind of it."""
    for kind, pattern in _UNSPEAKABLE:
        if found := pattern.search(candidate.text):
            words = {"kind": kind, "found": repr(found[0].strip() or found[0])}
            yield Hit(words, None, *found.span())


@check("found")
def acoustic_talk(candidate: Candidate) -> Iterator[Hit]:
    """Find talk of how the speaker's voice measures."""
    text = read_text(candidate.text)
    if text.plain and _OF_VOICES.isdisjoint(text.known):
        return
    if found := _ACOUSTIC.search(candidate.text):
        yield Hit({"found": repr(found[0])}, None, *found.span())


@check()
def caption_repeated(candidate: Candidate) -> Iterator[Hit]:
    """Find words that describe the voice, as the model was given them."""
    if candidate.caption and shares_run(candidate.text, candidate.caption, _REPEATS):
        yield Hit({})

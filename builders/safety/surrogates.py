"""Surrogates: what stands in the place of personal data, plausible and the same in a dialogue.

A surrogate follows from the dialogue's id, the kind and the thing itself, so the same thing has the
same surrogate however it is written, and every build makes the same bytes. It has the form of what
it replaces: separators, length and check digits. Many things have the same surrogate, so nothing
leads back to the thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from builders.safety.people import KIND, surrogate_names
from builders.safety.personal import PersonalSpan, digits_of, iban_rest, luhn, personal_data

_NAMES = (
    "alex sam robin kim chris jamie taylor morgan casey jordan riley quinn avery rowan sage "
    "emery finley hayden lane reese skyler blake drew ellis"
).split()
_STREETS = (
    "Maple Oak Cedar Elm Willow Birch Linden Chestnut Juniper Hazel Alder Aspen Poplar Sycamore "
    "Magnolia Laurel Hawthorn Rowan Larch Spruce"
).split()
_SPOKEN = "zero one two three four five six seven eight nine".split()
_WORD = re.compile(r"[A-Za-z']+")
_NAME_WORD = re.compile(r"[^\W\d_]+")


class Surrogates:
    """The surrogates of one dialogue.

    Args:
        name: what tells it from others, as its id.
        texts: all its texts, in none of which a surrogate occurs.
    """

    def __init__(self, name: str, texts: Iterable[str]) -> None:
        self._name_of = name
        self._said = "\n".join(texts).lower()
        self._digits = digits_of(self._said)
        self._made: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}

    def of(self, kind: str, said: str) -> str:
        """Return what stands for a thing that is said."""
        known = self._made.get((kind, said))
        if known is None:
            made = self._name(said) if kind == KIND else self._new(kind, said)
            known = self._made[kind, said] = made
        return known

    @property
    def names(self) -> dict[str, str]:
        """Return the names that were replaced, by their surrogates."""
        return {made: said for (kind, said), made in self._made.items() if kind == KIND}

    def _name(self, said: str) -> str:
        """Return another name, word by word, so that `Ann Lee` and `Ann` have the same first."""
        return _NAME_WORD.sub(lambda found: self._name_word(found[0]), said)

    def _name_word(self, said: str) -> str:
        key = said.lower()
        if key not in self._names:
            stream, used = _Stream(f"{self._name_of}|{KIND}|{key}"), {*self._names.values()}
            free = [
                name
                for name in surrogate_names()
                if name not in used and not re.search(rf"\b{name.lower()}\b", self._said)
            ]
            self._names[key] = stream.pick(free) if free else "…"
        made = self._names[key]
        return made.lower() if said.islower() else made.upper() if said.isupper() else made

    def _new(self, kind: str, said: str) -> str:
        make = _MAKERS[kind]
        key = _key(kind, said)
        for again in range(1000):
            stream = _Stream(f"{self._name_of}|{kind}|{key}|{again}")
            made = make(said, stream)
            if not self._collides(made):
                return made
        return "…"

    def _collides(self, made: str) -> bool:
        digits = digits_of(made)
        return made.lower() in self._said or (len(digits) > 4 and digits in self._digits)

    def replaced(self, text: str, spans: Sequence[PersonalSpan] | None = None) -> str:
        """Return a text with surrogates for what is personal in it."""
        made, last = "", 0
        for span in personal_data(text) if spans is None else spans:
            made += text[last : span.start] + self.of(span.kind, text[span.start : span.end])
            last = span.end
        return made + text[last:]


class _Stream:
    """Numbers that follow from a text."""

    def __init__(self, seed: str) -> None:
        self._seed, self._at = seed, 0

    def below(self, limit: int) -> int:
        """Return the next number, from 0 to below a limit."""
        self._at += 1
        digest = sha256(f"{self._seed}|{self._at}".encode()).digest()
        return int.from_bytes(digest[:6], "big") % limit

    def pick(self, choices: Sequence[str]) -> str:
        """Return one of some words."""
        return choices[self.below(len(choices))]


def _key(kind: str, said: str) -> str:
    """Return what two ways to write the same thing have in common."""
    if kind == "phone" and not any(map(str.isdigit, said)):
        return " ".join(_WORD.findall(said.lower()))
    if kind in ("phone", "card"):
        return digits_of(said)
    return re.sub(r"\W", "", said).lower()


def _shaped(said: str, stream: _Stream, keep: int = 0) -> str:
    """Return other digits and letters in the same shape; the first `keep` characters stay."""
    made = said[:keep]
    for letter in said[keep:]:
        if letter.isdigit():
            made += str(stream.below(10))
        elif letter.isascii() and letter.isalpha():
            new = chr(ord("a") + stream.below(26))
            made += new.upper() if letter.isupper() else new
        else:
            made += letter
    return made


def _with_digits(said: str, digits: str) -> str:
    new = iter(digits)
    return "".join(next(new) if letter.isdigit() else letter for letter in said)


def _phone(said: str, stream: _Stream) -> str:
    if not any(map(str.isdigit, said)):
        return _WORD.sub(lambda _: stream.pick(_SPOKEN), said)
    digits = digits_of(said)
    # What says which country or net it is of stays; the subscriber does not.
    keep = 2 if said.lstrip("( ").startswith(("+", "0")) else 0
    rest = "".join(str(stream.below(10)) for _ in range(len(digits) - keep - 1))
    return _with_digits(said, f"{digits[:keep]}{stream.below(8) + 2}{rest}")


def _card(said: str, stream: _Stream) -> str:
    count = len(digits_of(said))
    body = "4" + "".join(str(stream.below(10)) for _ in range(count - 2))
    check = next(str(n) for n in range(10) if luhn(body + str(n)))
    return _with_digits(said, body + check)


def _account(said: str, stream: _Stream) -> str:
    if not said[:2].isalpha():
        return _shaped(said, stream)
    made = said[:2] + "00" + _shaped(said[4:], stream)
    check = f"{98 - iban_rest(made):02}"
    return said[:2] + check + made[4:]


def _mail(said: str, stream: _Stream) -> str:
    name = f"{stream.pick(_NAMES)}.{stream.pick(_NAMES)}{stream.below(90) + 10}"
    if "@" in said:
        return f"{name}@example.com"
    return f"{name.replace('.', ' dot ')} at example dot com"


def _link(said: str, stream: _Stream) -> str:
    start = re.match(r"https?://", said)
    path = f"example.com/{stream.pick(_NAMES)}{stream.below(900) + 100}"
    return (start[0] if start else "") + path


def _handle(said: str, stream: _Stream) -> str:
    start = re.match(r"@|/?u/", said)
    return (start[0] if start else "") + f"{stream.pick(_NAMES)}_{stream.below(9000) + 1000}"


def _ip(said: str, stream: _Stream) -> str:
    if ":" in said:
        return f"2001:db8::{stream.below(65535) + 1:x}"
    return f"192.0.2.{stream.below(254) + 1}"


def _date(said: str, stream: _Stream) -> str:
    def other(found: re.Match[str]) -> str:
        if len(found[0]) == 4:
            return str(1950 + stream.below(55))
        value = str(stream.below(12) + 1)
        return value.zfill(2) if found[0].startswith("0") else value

    return re.sub(r"\d+", other, said)


def _address(said: str, stream: _Stream) -> str:
    """Return another number and street, with the same words for what kind of street it is."""
    street = re.match(r"(?i)(\d{1,5}[a-z]?|[a-z-]+(?:[ -][a-z-]+)?),? (.+)", said)
    found = _STREET_WORD.search(said)
    if not street or not found:
        return _shaped(said, stream)
    rest = said[found.end() :]
    made = f"{stream.below(900) + 2} {stream.pick(_STREETS)} {found[0]}"
    return made + (f", {stream.pick(_TOWNS)}" if rest.strip(" .,") else "")


_STREET_WORD = re.compile(
    r"(?i)\b(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|"
    r"square|sq|terrace|way|close|crescent|parkway|pkwy|highway|hwy|circle|trail|row|gardens|grove|"
    r"mews|hill)\b"
)
_TOWNS = "Fairview Riverside Greenville Ashford Milton Clayton Georgetown Kingston".split()
_MAKERS: dict[str, Callable[[str, _Stream], str]] = {
    "mail": _mail,
    "phone": _phone,
    "address": _address,
    "card": _card,
    "account": _account,
    "id_number": _shaped,
    "ip": _ip,
    "link": _link,
    "handle": _handle,
    "birth_date": _date,
}

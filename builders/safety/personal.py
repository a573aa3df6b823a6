"""Personal data in texts, by patterns: what it is and where.

Only what has the form of such a thing counts: a check digit that is right, a number of a form that
a country has, a street with its number; for numbers without a form of their own also the words
before them. Years, prices, times, scores and amounts are no personal data.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from builders import resources
from builders.labels.tables import read_rows
from builders.safety.signs import Signs

# Digits that a telephone number has at least; fewer are looked for by their form alone.
_DIGITS = 7
# Where a number without a country's prefix may be from.
_REGIONS = ("US", "GB", "AU", "IE", "IN", "DE", "FR", "ES", "IT", "NL")
_NUMBER_WORD = (
    "zero|oh|o|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    "ninety|hundred|double|triple"
)
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    "sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_STREET = (
    "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|"
    "terrace|way|close|crescent|parkway|pkwy|highway|hwy|circle|trail|row|gardens|grove|mews|hill"
)
# What stands between a number and such a word where it is no street.
_NO_STREET = re.compile(
    r"\b(?:the|a|an|my|our|his|her|their|your|this|that|of|in|on|by|to|from|for|down|up|minutes?|"
    r"hours?|days?|weeks?|months?|years?|blocks?|miles?|times?|people|guys|more|percent|o'clock|"
    r"am|pm|dollars?|bucks|and|or|is|was|were|are|at|with|no|go|went|all|i|you|he|she|we|they)\b",
    re.IGNORECASE,
)
_FLAGS = re.IGNORECASE
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.]*\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", _FLAGS)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH}),? (?:\d{{4}}|'?\d\d)"
    rf"|(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?,? (?:\d{{4}}|'\d\d)"
    r"|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?:19|20)\d\d-\d\d-\d\d)"
)
_TLD = "com|org|net|edu|gov|io|co|uk|de|fr|eu|info|me|app|dev|ly|tv|us|ca|au|nl|es|it"


@dataclass(frozen=True, slots=True, order=True)
class PersonalSpan:
    """Personal data in a text: from `start` to `end`, in characters, and of which kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of a kind: `group` of the expression is the thing, if `holds` says so.

    It is looked for in a text of so many `digits` at least, and with the signs that it `needs`.
    """

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True
    group: int = 0
    digits: int = 0
    needs: Callable[[Signs], bool] = lambda _: True


def luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of a card number."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def iban_rest(text: str) -> int:
    """Return an account number's rest by 97; it is 1 for one that is right."""
    plain = re.sub(r"\s", "", text).upper()
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(filter(str.isdigit, text))


def _is_card(text: str) -> bool:
    digits = digits_of(text)
    return luhn(digits) and len(set(digits)) > 1 and digits[0] in "23456"


def _is_iban(text: str) -> bool:
    return len(re.sub(r"\s", "", text)) >= 15 and iban_rest(text) == 1


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_street(text: str) -> bool:
    between = re.sub(r"^\W*[\w-]+", "", text)
    return not _NO_STREET.search(between.rsplit(" ", 1)[0] if " " in between.strip() else between)


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _is_spoken_number(text: str) -> bool:
    words = re.findall(r"[a-z]+", text.lower())
    units = sum(word in _UNITS for word in words) + sum(w in ("double", "triple") for w in words)
    if len(words) < _DIGITS or units < len(words) - 2:
        return False
    values = [_VALUES[word] for word in words if word in _VALUES]
    counted = sum(b - a in (1, -1) for a, b in zip(values, values[1:], strict=False))
    return len(set(values)) > 1 and counted < len(values) // 2  # no counting up or down


_NAMED = "zero one two three four five six seven eight nine".split()
_VALUES = {word: value for value, word in enumerate(_NAMED)} | {"oh": 0, "o": 0}
_UNITS = frozenset(_VALUES)
_NUMBERS, _STREETS = frozenset(_NUMBER_WORD.split("|")), frozenset(_STREET.split("|"))
_AT = frozenset({"at"})
# The last words before the name that somebody has in a net.
_NETS = frozenset(
    "insta instagram snap snapchat twitter telegram discord skype tiktok venmo username name "
    "handle".split()
)
_FORMS = (
    _Form(
        "mail",
        re.compile(r"[\w.+%-]+@(?:[\w-]+\.)+[A-Za-z]{2,}"),
        needs=lambda signs: "@" in signs.small,
    ),
    _Form(
        "mail",
        re.compile(
            r"\b[\w+-]+(?:(?: dot | underscore | dash |\.)[\w+-]+)* (?:at|\(at\)|\[at\]) "
            rf"[\w-]+(?: dot |\s?\(dot\)\s?|\s?\[dot\]\s?|\.)(?:{_TLD})\b",
            _FLAGS,
        ),
        needs=lambda signs: signs.says(_AT) and (signs.dotted or "dot" in signs.small),
    ),
    _Form(
        "link",
        re.compile(
            r"\b(?:https?://|www\.)[^\s<>\"']*[\w/]"
            r"|\b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|co\.uk|de|info|app|ly)"
            r"(?:/[^\s<>\"']*[\w/])?\b",
            _FLAGS,
        ),
        needs=lambda signs: "://" in signs.small or "www." in signs.small or signs.dotted,
    ),
    _Form(
        "link",
        re.compile(r"\bwww dot [\w-]+ dot (?:com|org|net|co)\b", _FLAGS),
        needs=lambda signs: "www dot" in signs.small,
    ),
    _Form("account", _IBAN, _is_iban, digits=2),
    _Form("card", _CARD, _is_card, digits=13),
    _Form(
        "id_number", re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-\d{2}-\d{4}(?![\w-]*\d)"), digits=9
    ),
    _Form("id_number", re.compile(r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]\b"), digits=6),
    _Form(
        "id_number",
        re.compile(
            r"\b(?:passport|social security|ssn|social|driver'?s? licen[cs]e|driving licen[cs]e|"
            r"licen[cs]e|national insurance|identity card|id card|tax id|national id|insurance|"
            r"membership|medicare|nhs)(?: (?:number|no\.?|num|#))?(?:'s| is|:| was| -)? ?#?"
            r"([A-Z]{0,3}[ -]?\d[\dA-Z]*(?:[ -]\d[\dA-Z]*)*)",
            _FLAGS,
        ),
        lambda text: len(digits_of(text)) >= 5,
        1,
        digits=5,
    ),
    _Form(
        "account",
        re.compile(
            r"\b(?:account|acct|routing|sort code|bank)(?: (?:number|no\.?|num|#|code))?"
            r"(?:'s| is|:| was| -)? ?#?(\d(?:[ -]?\d){4,18})\b",
            _FLAGS,
        ),
        lambda text: len(digits_of(text)) >= 5,
        1,
        digits=5,
    ),
    _Form(
        "card",
        re.compile(
            r"\b(?:card|visa|mastercard|amex)(?: (?:number|no\.?|num|#))?(?:'s| is|:| was| -)? ?#?"
            r"(\d(?:[ -]?\d){11,18})\b",
            _FLAGS,
        ),
        group=1,
        digits=12,
    ),
    _Form(
        "ip",
        re.compile(
            r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)"
            r"|(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,6}(?![\w:])",
            _FLAGS,
        ),
        _is_ip,
        needs=lambda signs: signs.digits > 3 or signs.small.count(":") > 1,
    ),
    _Form(
        "birth_date",
        re.compile(
            r"\b(?:born|birthday|birth ?date|date of birth|d\.?o\.?b\.?)"
            rf"(?: (?:is|was|on|in|the)|'s|:|,)* ?({_DATE})\b",
            _FLAGS,
        ),
        group=1,
        digits=3,
    ),
    _Form(
        "handle",
        re.compile(r"(?<![\w@./])@[A-Za-z_][\w.]{2,29}\b"),
        needs=lambda signs: "@" in signs.small,
    ),
    _Form(
        "handle",
        re.compile(r"(?<![\w/])/?u/[A-Za-z][\w-]{2,20}\b"),
        needs=lambda signs: "u/" in signs.small,
    ),
    _Form(
        "handle",
        re.compile(
            r"\b(?:insta(?:gram)?|snap(?:chat)?|twitter|telegram|discord|skype|tiktok|venmo|"
            r"username|user name|handle|screen name)(?: (?:is|name|handle|id|account))*[:,]? "
            r"([A-Za-z][\w.#-]*[\d_.#][\w#-]*)\b",
            _FLAGS,
        ),
        group=1,
        needs=lambda signs: signs.says(_NETS),
    ),
    _Form(
        "address",
        re.compile(
            rf"\b(?:\d{{1,5}}[A-Za-z]?|(?:{_NUMBER_WORD})(?:[ -](?:{_NUMBER_WORD}))*),? "
            r"(?:[NSEW]\.? |North |South |East |West )?(?:[\w'.-]+ ){1,3}"
            rf"(?:{_STREET})\b\.?"
            r"(?:,? (?:apt|apartment|unit|suite|flat|#)\.? ?#?\w+)?"
            r"(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+)?)?(?:,? [A-Z]{2})?(?:,? \d{5}(?:-\d{4})?)?",
            _FLAGS,
        ),
        _is_street,
        needs=lambda signs: signs.says(_STREETS) and (signs.digits > 0 or signs.says(_NUMBERS)),
    ),
    _Form(
        "address",
        re.compile(
            r"\b[A-ZÄÖÜ][\wäöüß-]*(?:stra(?:ß|ss)e|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?\b"
            r"(?:,? \d{5} [A-ZÄÖÜ][\wäöüß]+)?"
        ),
        digits=1,
    ),
    _Form(
        "address",
        re.compile(
            r"\b(?:\d{1,4},? )?(?:rue|avenue|via|calle) (?:[\w']+ ){0,3}[A-Z]\w+,? \d{1,5}\b"
        ),
        digits=1,
    ),
    _Form("address", re.compile(r"\bp\.? ?o\.? box \d+\b", _FLAGS), digits=1),
    _Form("address", re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b"), digits=2),
    _Form(
        "address",
        re.compile(
            r"\b(?:zip|zip code|postcode|postal code)(?: is|:)? (\d{5}(?:-\d{4})?)\b", _FLAGS
        ),
        group=1,
        digits=5,
    ),
    _Form("phone", re.compile(r"(?<![\w.-])555[ .-]\d{4}(?![\w-]*\d)"), digits=7),
    _Form(
        "phone",
        re.compile(
            r"\b(?:call|phone|ring|text|dial|number|mobile|cell|reach|whatsapp|tel|telephone|fax|"
            r"extension|ext)(?: me| us| her| him| them)?(?:'s| is| at| on| to|:|\.| was| number)* ?"
            r"(\+?\(?\d[\d ().-]{4,}\d)(?![\w-]*\d)",
            _FLAGS,
        ),
        lambda text: _DIGITS - 1 <= len(digits_of(text)) <= 15 and "," not in text,
        1,
        digits=_DIGITS - 1,
    ),
    _Form(
        "phone",
        re.compile(rf"\b(?:{_NUMBER_WORD})(?:[ ,-]+(?:{_NUMBER_WORD})){{6,14}}\b", _FLAGS),
        _is_spoken_number,
        needs=lambda signs: sum(word in _NUMBERS for word in signs.words) >= _DIGITS,
    ),
)
# Those that a text without digits may hold.
_WORDED = tuple(form for form in _FORMS if not form.digits)


@lru_cache(maxsize=4096)
def personal_data(text: str) -> tuple[PersonalSpan, ...]:
    """Return the personal data in a text, in order, without overlap: the longer one counts."""
    signs = Signs.of(text)
    forms = _FORMS if signs.digits else _WORDED
    likely = [form for form in forms if form.digits <= signs.digits and form.needs(signs)]
    if not likely or not _may_hold(text):
        return ()
    found = [span for form in likely for span in _of_form(form, text)]
    found += _phones(text)
    kept: list[PersonalSpan] = []
    for one in sorted(found, key=lambda span: (-_sure(span), span.start - span.end, span.start)):
        if not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
    return tuple(sorted(kept))


# Where two kinds overlap, one that has a check or a form of its own is right.
_SURE = {"mail": 3, "link": 2, "account": 2, "card": 2, "id_number": 2, "ip": 2, "birth_date": 2}


def _sure(span: PersonalSpan) -> int:
    return _SURE.get(span.kind, 1)


_HINT = re.compile(rf"\d|@|\b(?:www|dot|at)\b|\.(?:{_TLD})\b|(?<!\w)/?u/", _FLAGS)
_SPOKEN = re.compile(rf"\b(?:{_NUMBER_WORD})\b[ ,-]+\w", _FLAGS)


# A time within a recording, of which every row of a corpus has two: numbers are not looked for in
# it, which would take longer than all other reading.
_CLOCK = re.compile(r"\s*(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d{1,6})?\s*")


def _may_hold(text: str) -> bool:
    if _CLOCK.fullmatch(text):
        return False
    return bool(_HINT.search(text) or _SPOKEN.search(text))


def _of_form(form: _Form, text: str) -> Iterator[PersonalSpan]:
    for found in form.pattern.finditer(text):
        said = found[form.group]
        if form.holds(said):
            start = found.start(form.group)
            yield PersonalSpan(start, start + len(said.rstrip(" .,-")), form.kind)


def _phones(text: str) -> Iterator[PersonalSpan]:
    """Yield telephone numbers that some country has."""
    if not _TOGETHER.search(text):
        return
    import phonenumbers  # its tables take a tenth of a second, and few texts need them

    for region in _REGIONS:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            if (
                not _AMOUNT.search(text[: found.start])
                and _NO_PHONE.match(found.raw_string) is None
            ):
                yield PersonalSpan(found.start, found.end, "phone")


# As many digits as a number has, with nothing between them that none has, as times have.
_TOGETHER = re.compile(rf"\d(?:[^\w,:;\"']{{0,6}}x?\d){{{_DIGITS - 1}}}")
_AMOUNT = re.compile(r"[$€£¥#]\s?$")
_NO_PHONE = re.compile(
    r"(?:19|20)\d\d\W+(?:19|20)\d\d|\d{1,3}(?:,\d{3})+|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$"
)


@cache
def personal_kinds() -> Mapping[str, str]:
    """Return the kind that each name stands for; LabelError where the table is wrong."""
    names: dict[str, str] = {}
    path = resources.label_maps() / "privacy/_kinds.tsv"
    for row in read_rows(path, ("kind", "also", "definition"), key=("kind",)):
        kind = row.text("kind")
        row.text("definition")
        also = (name.strip() for name in row.cells["also"].split(","))
        names |= {name: kind for name in (kind, *also) if name}
    return names

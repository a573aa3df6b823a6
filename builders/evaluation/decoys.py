"""Pairs of a good reply and a decoy, by which judges are measured before their scores count.

They are lines of ours in ``prompts/judge/decoys/<language>/``. ``situations.tsv`` has a situation
in each row, a good reply to it, and for each kind a decoy of like length that differs in one thing.
``twins.tsv`` has two situations in each row, so that the right reply to one is the decoy of the
other, of the kind ``other_root``. ``voice_twins.tsv`` has the same words in two voices in each row:
the reply to the one voice is the decoy of the other. No pair is from the build that is judged, so
that a judge is not measured by replies which may not follow the voice. No reply of people is among
them: what people say next is often no better, so it tells nothing of a judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import ConfigError
from builders.evaluation.dimensions import SWAP
from builders.evaluation.pairs import Member, Pair
from builders.evaluation.scales import kinds_of, load_kinds, scale_of
from builders.labels.tables import TableRow, read_rows
from builders.llm import prompts
from builders.store.key_value import key_of
from builders.tasks.scoring import ALONE, SIDE_BY_SIDE, ShownReply
from builders.tasks.swap import TEMPLATE

OTHER_ROOT, VOICE_TWINS = "other_root", "voice_twins"

_COLUMNS = ("emotion", "words", "voice", "good")
_TWIN = ("emotion", "words", "voice", "reply")
_TWINS = (*_TWIN, *(f"other_{column}" for column in _TWIN))
_VOICE_TWINS = tuple(column for column in _TWINS if column != "other_words")


@dataclass(frozen=True, slots=True)
class Decoyed:
    """A good reply as shown to a judge, and the decoy beside it.

    Pairs of one `row` of the table are not independent of one another: it counts once.
    """

    kind: str
    row: str
    shown: ShownReply
    decoy: str
    emotion: str


def written_kinds() -> list[str]:
    """Return the kinds of which each situation of ours has a decoy."""
    return [kind for kind in load_kinds() if kind not in (VOICE_TWINS, OTHER_ROOT)]


@cache
def load_decoys(language: str) -> tuple[Decoyed, ...]:
    """Return all pairs of a language that we wrote.

    Raises:
        ConfigError: there are none.
        LabelError: a row is broken.
    """
    folder, kinds = _folder(language), written_kinds()
    situations = read_rows(folder / "situations.tsv", (*_COLUMNS, *kinds), key=("words",))
    twins = read_rows(folder / "twins.tsv", _TWINS, key=("words",))
    told = [_decoyed(row, kind) for kind in kinds for row in situations]
    apart = (one for row in twins for one in _twins(row))
    voices = (one for pair in load_voice_twins(language) for one in _in_both_voices(pair))
    return (*told, *apart, *voices)


@cache
def load_voice_twins(language: str) -> tuple[Pair, ...]:
    """Return the minimal pairs that we wrote in a language, the same words in two voices.

    Raises:
        ConfigError: there are none.
        LabelError: a row is broken.
    """
    rows = read_rows(_folder(language) / "voice_twins.tsv", _VOICE_TWINS, key=("words",))
    return tuple(_voice_twin(row) for row in rows)


class DecoySet:
    """The pairs that judges of a build are measured on.

    Args:
        language: that of the build, such as ``en-US``.
    """

    def __init__(self, language: str) -> None:
        self._decoys = load_decoys(language)
        self.swaps = load_voice_twins(language)

    def of(self, name: str) -> list[Decoyed]:
        """Return the pairs for a dimension of scores."""
        kinds = {kind.name for kind in kinds_of(name)}
        return [one for one in self._decoys if one.kind in kinds]

    def key(self, model: str, name: str) -> str:
        """Return the key of what a judge was found to tell apart in a dimension."""
        if name == SWAP:
            seen = sha256("\n".join(pair.seen for pair in self.swaps).encode()).hexdigest()
            return key_of(model, name, prompts.load(TEMPLATE).version, seen)
        versions = [scale_of(name).version(template) for template in (ALONE, SIDE_BY_SIDE)]
        return key_of(model, name, *versions, digest_of(self.of(name)))


def digest_of(items: Sequence[Decoyed]) -> str:
    """Return one digest, 64 hexadecimal digits, of pairs as judges see them."""
    told = "\n".join(sorted(f"{one.kind} {one.shown.seen(one.decoy)}" for one in items))
    return sha256(told.encode()).hexdigest()


def has_decoys(language: str) -> bool:
    """Return whether a judge can be measured in a language."""
    short = _short(language)
    return short.isalpha() and (_written() / short).is_dir()


def _folder(language: str) -> Path:
    """Return the folder of what we wrote in a language; ConfigError where there is none."""
    if not has_decoys(language):
        raise ConfigError(
            f"no judge can be measured in {language!r}",
            where=_written(),
            expected=f"a folder {_short(language)} of good replies and decoys, as en",
            do="add it, or have people review",
        )
    return _written() / _short(language)


def _written() -> Path:
    return resources.prompts() / "judge" / "decoys"


def _short(language: str) -> str:
    return language.partition("-")[0].lower()


def _decoyed(row: TableRow, kind: str) -> Decoyed:
    words = row.text("words")
    shown = _ours(words, row.text("good"), row.text("voice"))
    return Decoyed(kind, words, shown, row.text(kind), row.text("emotion"))


def _twins(row: TableRow) -> Iterator[Decoyed]:
    """Yield both situations of a row, each with the reply to the other one as decoy."""
    one, other = ([row.text(f"{which}{column}") for column in _TWIN] for which in ("", "other_"))
    for (emotion, words, voice, reply), decoy in ((one, other[-1]), (other, one[-1])):
        yield Decoyed(OTHER_ROOT, one[1], _ours(words, reply, voice), decoy, emotion)


def _voice_twin(row: TableRow) -> Pair:
    words = row.text("words")
    members: list[Member] = []
    for which in ("", "other_"):
        emotion, voice, reply = (row.text(f"{which}{c}") for c in ("emotion", "voice", "reply"))
        name = f"{_id(words)}-{len(members)}"
        members.append(Member(name, "", _id(words), words, voice, reply, emotion))
    return Pair(*members)


def _in_both_voices(pair: Pair) -> Iterator[Decoyed]:
    """Yield each voice of a pair with the reply to it, the other reply being the decoy."""
    for own, other in ((pair.one, pair.other), (pair.other, pair.one)):
        shown = ShownReply(own.id, own.words, own.reply, own.voice)
        yield Decoyed(VOICE_TWINS, own.words, shown, other.reply, own.root)


def _ours(words: str, reply: str, voice: str) -> ShownReply:
    """Return a reply of ours as shown."""
    return ShownReply(_id(words), words, reply, voice)


def _id(words: str) -> str:
    """Return an id that no sample has."""
    return f"decoy-{sha256(words.encode()).hexdigest()[:12]}"

"""Pairs of a good reply and a decoy, by which judges are measured before their scores count.

Most are lines of ours in ``prompts/judge/decoys/<language>/``. ``situations.tsv`` has a situation
in each row, a good reply to it, and for each kind a decoy of like length that differs in one thing.
``twins.tsv`` has two situations in each row, so that the right reply to one is the decoy of the
other, of the kind ``other_root``. The pairs of the kind ``voice_only`` are minimal pairs of the
build that is judged: the reply to the same words in another voice is the decoy. No reply of people
is among them: what people say next is often no better, so it tells nothing of a judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from builders import resources
from builders.errors import ConfigError
from builders.evaluation.pairs import Member, Pair
from builders.evaluation.scales import VOICE_ONLY, kinds_of, load_kinds, scale_of
from builders.labels.tables import TableRow, read_rows
from builders.pipeline.selection import rank
from builders.store.key_value import key_of
from builders.tasks.scoring import ALONE, SIDE_BY_SIDE, ShownReply

OTHER_ROOT = "other_root"

_COLUMNS = ("emotion", "words", "voice", "good")
_TWIN = ("emotion", "words", "voice", "reply")
_TWINS = (*_TWIN, *(f"other_{column}" for column in _TWIN))


@dataclass(frozen=True, slots=True)
class Decoyed:
    """A good reply as shown to a judge, and the decoy beside it."""

    kind: str
    shown: ShownReply
    decoy: str
    emotion: str


def written_kinds() -> list[str]:
    """Return the kinds of which each situation of ours has a decoy."""
    return [kind for kind in load_kinds() if kind not in (VOICE_ONLY, OTHER_ROOT)]


@cache
def load_decoys(language: str) -> tuple[Decoyed, ...]:
    """Return all pairs of a language that we wrote.

    Raises:
        ConfigError: there are none.
        LabelError: a row is broken.
    """
    short = language.partition("-")[0].lower()
    folder = resources.prompts() / "judge" / "decoys" / short
    if not short.isalpha() or not folder.is_dir():
        raise ConfigError(
            f"no judge can be measured in {language!r}",
            where=folder.parent,
            expected=f"a folder {short} of good replies and decoys, as en",
            do="add it, or run the swap test alone",
        )
    kinds = written_kinds()
    situations = read_rows(folder / "situations.tsv", (*_COLUMNS, *kinds), key=("words",))
    twins = read_rows(folder / "twins.tsv", _TWINS, key=("words",))
    told = [_decoyed(row, kind) for kind in kinds for row in situations]
    return (*told, *(one for row in twins for one in _twins(row)))


def voice_pairs(pairs: Sequence[Pair]) -> list[Decoyed]:
    """Return one pair of each group of minimal pairs: members of one group say the same of a judge.

    Args:
        pairs: minimal pairs of a build; pairs of like voices or replies are passed over.
    """
    of_group: dict[str, Decoyed] = {}
    for pair in sorted(pairs, key=lambda pair: rank(f"{pair.one.id}|{pair.other.id}")):
        if pair.can_be_told and pair.one.reply != pair.other.reply:
            of_group.setdefault(pair.one.group, _voice_pair(pair))
    return list(of_group.values())


class DecoySet:
    """The pairs that judges of a build are measured on.

    Args:
        language: that of the build, such as ``en-US``.
        pairs: the minimal pairs of the build.
    """

    def __init__(self, language: str, pairs: Sequence[Pair]) -> None:
        self._written = load_decoys(language)
        self._voices = voice_pairs(pairs)

    def of(self, name: str) -> list[Decoyed]:
        """Return the pairs for a dimension."""
        kinds = {kind.name for kind in kinds_of(name)}
        return [one for one in (*self._written, *self._voices) if one.kind in kinds]

    def key(self, model: str, name: str) -> str:
        """Return the key of what a judge was found to tell apart in a dimension."""
        versions = [scale_of(name).version(template) for template in (ALONE, SIDE_BY_SIDE)]
        return key_of(model, name, *versions, digest_of(self.of(name)))


def digest_of(items: Sequence[Decoyed]) -> str:
    """Return one digest, 64 hexadecimal digits, of pairs as judges see them."""
    told = "\n".join(sorted(f"{one.kind} {one.shown.seen(one.decoy)}" for one in items))
    return sha256(told.encode()).hexdigest()


def _decoyed(row: TableRow, kind: str) -> Decoyed:
    shown = _ours(row.text("words"), row.text("good"), row.text("voice"))
    return Decoyed(kind, shown, row.text(kind), row.text("emotion"))


def _twins(row: TableRow) -> Iterator[Decoyed]:
    """Yield both situations of a row, each with the reply to the other one as decoy."""
    one, other = ([row.text(f"{which}{column}") for column in _TWIN] for which in ("", "other_"))
    for (emotion, words, voice, reply), decoy in ((one, other[-1]), (other, one[-1])):
        yield Decoyed(OTHER_ROOT, _ours(words, reply, voice), decoy, emotion)


def _ours(words: str, reply: str, voice: str) -> ShownReply:
    """Return a reply of ours as shown; its id is one that no sample has."""
    return ShownReply(f"decoy-{sha256(words.encode()).hexdigest()[:12]}", words, reply, voice)


def _voice_pair(pair: Pair) -> Decoyed:
    """Return a pair as a judge is shown it; by a hash, it is told one voice or the other."""
    members: tuple[Member, Member] = pair.one, pair.other
    turned = rank(f"voice|{pair.one.id}|{pair.other.id}") % 2
    good, decoy = members[turned], members[1 - turned]
    shown = ShownReply(good.id, good.words, good.reply, good.voice)
    return Decoyed(VOICE_ONLY, shown, decoy.reply, good.root)

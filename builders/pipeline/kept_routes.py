"""Utterances that an earlier run routed as normal: they are not looked at again.

Kept are 16 bytes of each, a digest of the utterance with what was said before it, in one value for
a corpus. It counts only for the same tables and code. All other utterances are routed every time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import blake2b

from builders.pipeline.routing import by_patterns, routed
from builders.record.safety import Safety
from builders.record.types import Target
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue, key_of
from builders.tasks.reply.checks.verdicts import rules_digest

_NORMAL = "normal"
_BYTES = 16
# Beyond so many, only those of the last run are kept.
_MOST = 1_000_000


class _Digests(Sequence[bytes]):
    """Digests one after the other in one piece of memory."""

    def __init__(self, told: bytes) -> None:
        self._told = told

    def __len__(self) -> int:
        return len(self._told) // _BYTES

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]
        return self._told[at * _BYTES : at * _BYTES + _BYTES]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))


class KeptRoutes:
    """Routes targets, but those known to be normal.

    Args:
        store: where they are kept.
        corpus: the corpus's name.
        language: that of its utterances.
        given_words: whether speakers were given what they say.
    """

    def __init__(self, store: Store, corpus: str, language: str, given_words: bool = False) -> None:
        self._store, self._given_words = store, given_words
        self._language = language
        self._key = key_of(corpus, language)
        with closing(KeyValue(store)) as values:
            kept = values.get("routed", self._key)
        # Nothing of it takes time before the first request of a new store.
        rules = rules_digest().encode() if kept else b""
        same = kept is not None and kept.value.startswith(rules)
        self._known = _Digests(kept.value[len(rules) :] if kept and same else b"")
        self._new = bytearray()
        self._met = bytearray()

    def routed(self, target: Target) -> Target:
        """Return a target with its route; see `routing.routed`."""
        digest = _digest_of(target)
        at = bisect_left(self._known, digest)
        if at < len(self._known) and self._known[at] == digest:
            self._met += digest
            target.safety = Safety(_NORMAL, (), by_patterns())
            return target
        target = routed(target, self._language, self._given_words)
        if target.safety and target.safety.route == _NORMAL and not target.safety.codes:
            self._new += digest
        return target

    def save(self) -> None:
        """Keep what was found normal in this run beside what was known."""
        if not self._new:
            return
        every = {*_Digests(bytes(self._new)), *self._known}
        if len(every) > _MOST:
            every = {*_Digests(bytes(self._new)), *_Digests(bytes(self._met))}
        value = rules_digest().encode() + b"".join(sorted(every))
        with closing(KeyValue(self._store)) as values:
            values.put("routed", self._key, Kept(value))


def _digest_of(target: Target) -> bytes:
    """Return the digest of all that a route depends on beside tables, code and language."""
    said = [(turn.role == "user", turn.utterance.text) for turn in target.turns]
    own = target.utterance
    told = ascii((own.language, own.text, said)).encode()  # half a surrogate pair has no JSON
    return blake2b(told, digest_size=_BYTES).digest()

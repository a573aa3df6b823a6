"""Our emotions, their synonyms, and the mapping of each corpus's labels to them.

Read from the tables in ``label_maps/emotion``, which people edit: a broken cell is a `LabelError`
that names the file and the line. There is no default emotion.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, normalise, read_rows, read_text
from builders.record.types import Emotions

VALENCES = ("positive", "negative", "neutral", "ambiguous", "mixed", "unknown")
AROUSALS = ("low", "medium", "high", "unknown")
MATCHES = ("exact", "close", "broad", "none")

_VOCABULARY = ("emotion", "root", "valence", "arousal", "adjective", "emotionml", "definition")
_MAP = ("subject_label", "predicate_id", "object_id", "object_label", "comment", "match_root")
_PREDICATES = {"skos:exactMatch": "exact", "skos:closeMatch": "close", "skos:broadMatch": "broad"}
# A compound label's other readings: narrower than the label, in rows of their own.
_ALTERNATIVE = "skos:narrowMatch"
UNMAPPED = "sssom:NoTermFound"
_VERSION = re.compile(r'^#\s*mapping_set_version:\s*["\']?([^\s"\']+)', re.MULTILINE)


class Vocabulary:
    """The emotions of one folder of tables. Methods raise KeyError for what is not a node."""

    def __init__(self, folder: Path) -> None:
        rows = read_rows(folder / "_vocabulary.tsv", _VOCABULARY, key=("emotion",))
        roots = [row.cells["root"] for row in rows if row.cells["emotion"] == row.cells["root"]]
        self._cells: dict[str, Mapping[str, str]] = {}
        for row in rows:
            # Published strings join emotions by _and_.
            node = row.matching("emotion", "[a-z]+", "one word in the letters a to z")
            self._cells[node] = _checked_cells(row, roots)
        self.nodes: tuple[str, ...] = tuple(self._cells)
        self.roots: tuple[str, ...] = tuple(roots)
        self._lines = {node: self._line(node) for node in self.nodes}
        self._words = {normalise(node): node for node in self.nodes}
        aliases = read_rows(folder / "_aliases.tsv", ("alias", "emotion"), key=("alias",))
        self._add_aliases(aliases)
        self._add_adjectives(rows)

    @property
    def words(self) -> Mapping[str, str]:
        """Return every normalised word and the node that it stands for."""
        return self._words

    def _line(self, node: str) -> frozenset[str]:
        root = self.root_of(node)
        leaves = [leaf for leaf in self.nodes if node == root and self.root_of(leaf) == root]
        return frozenset({node, root, *leaves})

    def _add_aliases(self, rows: Iterable[TableRow]) -> None:
        for row in rows:
            word = normalise(row.text("alias"))
            if word in self._words:
                raise row.error("alias", f"a word that is not already used for {self._words[word]}")
            self._words[word] = row.choice("emotion", self.nodes)

    def _add_adjectives(self, rows: Iterable[TableRow]) -> None:
        for row in rows:
            adjective, node = row.cells["adjective"], row.cells["emotion"]
            known = self._words.setdefault(normalise(adjective), node) if adjective else node
            if known != node:
                raise row.error("adjective", f"a word that is not already used for {known}")

    def root_of(self, node: str) -> str:
        """Return the coarse label (root) of `node`; for a coarse label, itself."""
        return self._cells[node]["root"]

    def line(self, node: str) -> frozenset[str]:
        """Return `node` with its coarse label and, for a coarse one, all fine ones below it."""
        return self._lines[node]

    def valence(self, node: str) -> str:
        """Return one of `VALENCES`."""
        return self._cells[node]["valence"]

    def arousal(self, node: str) -> str:
        """Return one of `AROUSALS`."""
        return self._cells[node]["arousal"]

    def definition(self, node: str) -> str:
        """Return the definition of the emotion, in one sentence."""
        return self._cells[node]["definition"]

    def resolve(self, word: str) -> str | None:
        """Return the node that a word of any spelling stands for, or None."""
        return self._words.get(normalise(word))


def _checked_cells(row: TableRow, roots: list[str]) -> Mapping[str, str]:
    row.choice("root", roots)
    row.choice("valence", VALENCES)
    row.choice("arousal", AROUSALS)
    row.text("definition")
    return row.cells


@cache
def vocabulary() -> Vocabulary:
    """Return our vocabulary, read once."""
    return Vocabulary(resources.label_maps() / "emotion")


class LabelMap:
    """The mapping of one corpus's labels, read from an SSSOM table with a `match_root` column.

    A compound label has a row for each of its other readings after its own.
    """

    def __init__(self, path: Path, words: Vocabulary) -> None:
        self.path = path
        self.version = _version(path)
        self._rows: dict[str, Emotions | None] = {}
        for row in read_rows(path, _MAP, key=()):  # a label has a row for each of its readings
            raw = row.text("subject_label")
            if row.cells["predicate_id"] == _ALTERNATIVE:
                self._rows[raw] = _with_alternative(row, self._rows.get(raw), words)
                continue
            if raw in self._rows:
                raise row.error("subject_label", "each label once")
            self._rows[raw] = _meaning(row, words)
        self.labels: tuple[str, ...] = tuple(self._rows)
        self._words = words
        self._seen: dict[tuple[str, str | None], Emotions | None] = {}

    def emotions(self, raw: str, sentiment: str | None = None) -> Emotions | None:
        """Return the emotions of `raw`, None if unmapped on purpose; KeyError if it has no row.

        A label in another spelling, or by an alias of our vocabulary, has the row it stands for.
        The corpus's own `sentiment` gives the valence where the emotion leaves it open.
        """
        try:
            return self._seen[raw, sentiment]
        except KeyError:
            meaning = self._rows[self.row_of(raw)]
        if meaning and sentiment and meaning.valence in ("ambiguous", "unknown"):
            meaning = replace(meaning, valence=sentiment)
        self._seen[raw, sentiment] = meaning
        return meaning

    def row_of(self, raw: str) -> str:
        """Return the label of the table that `raw` stands for: `raw`, or the only one it can be.

        ``Joy `` is ``joy``, and ``Happiness`` is too, if that is the only label with this meaning.
        KeyError where there is none, or more than one.
        """
        if raw in self._rows:
            return raw
        alike = [label for label in self._rows if normalise(label) == normalise(raw)]
        if not alike and (node := self._words.resolve(raw)):
            alike = [name for name, one in self._rows.items() if one and one.primary == node]
        if len(alike) != 1:
            raise KeyError(raw)
        return alike[0]


def _version(path: Path) -> str:
    text = read_text(path)
    found = _VERSION.search(text)
    if not found:
        what, do = "no mapping_set_version", 'add #mapping_set_version: "1.0.0" at the top'
        raise LabelError(what, where=path, expected="an SSSOM header in # lines", do=do)
    return f"{found[1]}+{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def _meaning(row: TableRow, words: Vocabulary) -> Emotions | None:
    row.text("comment")
    match_leaf = _PREDICATES[row.choice("predicate_id", _PREDICATES)]
    match_root = row.choice("match_root", MATCHES)
    if row.cells["object_id"] == UNMAPPED:
        row.choice("match_root", ("none",))
        return None
    node = row.choice("object_label", words.nodes)
    row.choice("object_id", (f"emotion:{node}", UNMAPPED))
    return Emotions(
        primary=node,
        root=words.root_of(node),
        valence=words.valence(node),
        arousal=words.arousal(node),
        match_leaf=match_leaf,
        match_root=match_root,
    )


def _with_alternative(row: TableRow, meaning: Emotions | None, words: Vocabulary) -> Emotions:
    row.text("comment")
    row.choice("match_root", ("none",))
    node = row.choice("object_label", words.nodes)
    row.choice("object_id", (f"emotion:{node}",))
    if meaning is None:
        raise row.error("subject_label", "the label's own row before its narrower readings")
    if node in (meaning.primary, *meaning.alternatives):
        raise row.error("object_label", "each reading of a label once")
    return replace(meaning, alternatives=(*meaning.alternatives, node))


@cache
def label_map(slug: str) -> LabelMap:
    """Return the map of one corpus's labels; LabelError if its table is missing or broken."""
    return LabelMap(resources.label_table(slug), vocabulary())


class Feelings:
    """The words and phrases that name a feeling, from ``_feelings.tsv``."""

    def __init__(self, path: Path, words: Vocabulary) -> None:
        phrases: dict[str, str] = {}
        for row in read_rows(path, ("phrase", "emotion"), key=("phrase",)):
            phrase = " ".join(row.text("phrase").lower().split())
            phrases[phrase] = row.choice("emotion", ("any", *words.nodes))
        self._emotions = phrases
        longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
        any_of = "|".join(r"\s+".join(map(re.escape, p.split())) for p in longest_first)
        self._pattern = re.compile(rf"(?<![\w'’-])(?:{any_of})(?![\w'’-])", re.IGNORECASE)
        self.version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

    def named_in(self, text: str) -> str | None:
        """Return the first words of a text that name a feeling, or None."""
        found = self._pattern.search(text)
        return found[0] if found else None

    def emotions_in(self, text: str) -> list[str]:
        """Return the emotions that a text names, those of phrases for any feeling left out."""
        found = (" ".join(phrase.lower().split()) for phrase in self._pattern.findall(text))
        return [name for phrase in found if (name := self._emotions[phrase]) != "any"]


@cache
def feelings() -> Feelings:
    """Return what names a feeling."""
    return Feelings(resources.label_maps() / "emotion" / "_feelings.tsv", vocabulary())


def unmapped_error(counts: Mapping[str, int], label_map: LabelMap) -> LabelError:
    """Return the error that names each label without a row, how often it was seen, and the file."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    seen = ", ".join(f"{label!r} ({n:,} seen)" for label, n in ordered)
    return LabelError(
        f"emotion labels without a row: {seen}",
        where=label_map.path,
        expected=f"one of {', '.join(label_map.labels)}",
        do=f"add a row for each to that file ({UNMAPPED} and a reason if the label is not an "
        "emotion)",
    )


def votable_roots() -> tuple[str, ...]:
    """Return the coarse labels a vote can be for: to find the emotion unknown is no such vote."""
    return tuple(root for root in vocabulary().roots if root != "unknown")


def allowed_emotions(emotions: Emotions) -> tuple[str, ...]:
    """Return the emotions a reply may name for a label, primary first."""
    if emotions.root == "neutral":
        return (emotions.primary,)  # no feeling is named to a neutral speaker
    words = vocabulary()
    readings = (emotions.primary, emotions.secondary, *emotions.alternatives)
    lines = frozenset[str]().union(*(words.line(node) for node in readings if node))
    return (emotions.primary, *(n for n in words.nodes if n in lines and n != emotions.primary))

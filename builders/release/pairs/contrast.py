"""Pairs of what is heard against what the words imply, from minimal pairs.

Two clips have the same words by the same speaker, and people heard different emotions in them. The
reply to the one is chosen for its own clip and rejected for the other, and the other way round: so
each reply is chosen as often as it is rejected, and only who hears the clip can tell which is it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from builders.corpora import load_card
from builders.evaluation.dimensions import SWAP
from builders.evaluation.fitness import swap_fitness
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair, pairs_of
from builders.evaluation.replies import language_of
from builders.labels.vocabulary import LabelMap, label_map, vocabulary
from builders.record.dataset import Build
from builders.record.types import REVIEWED
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions
from builders.release.pairs.reply_pair import CONTRAST, ReplyPair, same_words, trained_rows
from builders.store.database import Store

_Ids = tuple[str, str]

KIND = "another_voice"
# The share of those who heard a clip: with less, our rules for CREMA-D call a label ambiguous.
AGREEMENT = 0.6
_COLUMNS = (
    "annotation",
    "contrast.group",
    "review.emotion",
    "source.corpus",
    "target_utterance.emotions.root",
)


def contrast_pairs(
    build: Build, store: Store, known: Restrictions
) -> tuple[list[ReplyPair], Counter[str]]:
    """Return the pairs of replies within minimal pairs, and why others were not made.

    Args:
        build: the build as people have left it.
        store: has the results of the swap test; only those of fit judges count.
        known: the ids that may not be used.
    """
    pairs = pairs_of(build, known)
    heard = _heard_roots(build, known) if pairs else {}
    right, unfit = _right(store, pairs, language_of(build))
    by_group: dict[str, dict[str, set[str]]] = {}
    for pair in pairs:
        for member in (pair.one, pair.other):
            replies = by_group.setdefault(pair.one.group, {}).setdefault(member.root, set())
            replies.add(member.reply.casefold())
    found: list[ReplyPair] = []
    without: Counter[str] = Counter()
    for pair in pairs:
        ids = pair.one.id, pair.other.id
        model = right.get(ids)
        reason = _against(pair, heard) or _unmatched(ids, right, unfit)
        reason = reason or _fits_both(pair, by_group[pair.one.group])
        if reason or model is None:
            without[reason or "not_judged"] += 1
            continue
        for own, other in ((pair.one, pair.other), (pair.other, pair.one)):
            texts = own.reply, other.reply
            found.append(ReplyPair(own.id, CONTRAST, CONTRAST, KIND, *texts, model, other.id))
    return found, without


def _against(pair: Pair, heard: dict[str, str | None]) -> str | None:
    """Return why a minimal pair makes no pair of replies, or None."""
    ids = pair.one.id, pair.other.id
    if not all(name in heard for name in ids):
        return "with_a_sample_that_may_not_be_used"
    roots = [heard[name] for name in ids]
    if None in roots:
        return "of_low_or_unknown_agreement"
    if roots[0] == roots[1]:
        return "heard_alike"
    if same_words(pair.one.reply, pair.other.reply):
        return "same_replies"
    return None


def _unmatched(ids: _Ids, right: Mapping[_Ids, str], unfit: Collection[_Ids]) -> str | None:
    """Return a reason unless the last fit judge of a pair matched it in both orders."""
    if ids in right:
        return None
    return "judged_by_no_fit_judge" if ids in unfit else "not_matched_in_both_orders_by_the_judge"


def _fits_both(pair: Pair, replies: dict[str, set[str]]) -> str | None:
    """Return a reason if either reply also answers a clip that is heard like the other one."""
    both = (pair.one, pair.other), (pair.other, pair.one)
    fits = any(own.reply.casefold() in replies[other.root] for own, other in both)
    return "reply_fits_both" if fits else None


def _right(store: Store, pairs: list[Pair], language: str) -> tuple[dict[_Ids, str], set[_Ids]]:
    """Return the fit judge of each pair that one last matched, and what only others judged."""
    seen = {(pair.one.id, pair.other.id): pair.seen for pair in pairs}
    fit: dict[str, bool] = {}
    last: dict[_Ids, Judgement] = {}
    unfit: set[_Ids] = set()
    for said in Judgements(store).about(list(dict.fromkeys(seen.values())), SWAP):
        ids = said.subject, said.other
        if seen.get(ids) != said.subject_hash:
            continue
        if said.model not in fit:
            found = swap_fitness(store, said.model, language)
            fit[said.model] = found is not None and found["fit"]
        if fit[said.model]:
            last[ids] = said
        else:
            unfit.add(ids)
    right = {ids: said.model for ids, said in last.items() if said.verdict == "right"}
    return right, unfit - last.keys()


def _heard_roots(build: Build, known: Restrictions) -> dict[str, str | None]:
    """Return the root that people heard in each clip of a minimal pair; None if they disagree."""
    heard: dict[str, str | None] = {}
    for record in trained_rows(build, known, _COLUMNS):
        if record["contrast"] and record["contrast"]["group"]:
            slug = record["source"]["corpus"]
            evidence = load_card(slug).voice_evidence
            view = evidence.view if evidence else None
            heard[record["id"]] = _heard_in(record, view, label_map(slug) if view else None)
    return heard


def _heard_in(record: SampleRecord, view: str | None, labels: LabelMap | None) -> str | None:
    """Return the root that people heard, where enough of them agree, and reviewers do too."""
    said = record["annotation"]
    root: str | None = record["target_utterance"]["emotions"]["root"]
    agreement = said["agreement"]
    if labels and said["source"] not in (view, REVIEWED):
        by_ear = next((one for one in said["views"] or () if one["name"] == view), None)
        meaning = by_ear and by_ear["label"] and labels.emotions(by_ear["label"])
        agreement = by_ear["agreement"] if by_ear else None
        root = meaning.root if meaning and meaning.root == root else None
    review = record["review"]
    reviewers = review and review["emotion"]["heard"]
    if reviewers and vocabulary().root_of(reviewers) != root:
        return None
    return root if agreement is not None and agreement >= AGREEMENT else None

"""Pairs of two drafts of one target, of which a fit judge holds one better in both orders."""

from __future__ import annotations

from collections import Counter

from builders.evaluation.judgements import Judgement
from builders.evaluation.score_results import ScoresHeld
from builders.evaluation.scoring import BETTER, PAIRS
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.release.pairs.reply_pair import (
    JUDGE,
    KeptReplies,
    ReplyPair,
    same_words,
    trained_rows,
)
from builders.store.database import Store

KIND = "judged_worse"
# Of the points from 1 to 10, in the order in which the two are nearer: a judge is held to be of use
# where it puts mismatched replies two points below those that match.
MARGIN = 2
_COLUMNS = ("desired_response.text", "drafting.candidates")


def judged_pairs(
    build: Build, store: Store, known: Restrictions
) -> tuple[list[ReplyPair], Counter[str]]:
    """Return the pairs of drafts, and why others were not made.

    Args:
        build: the build as people have left it.
        store: has the judgements.
        known: the ids that may not be used.
    """
    judged, without = _by_fit_judges(build, store, known)
    kept = KeptReplies(build, known)
    found: list[ReplyPair] = []
    for record in trained_rows(build, known, _COLUMNS) if judged else ():
        own = record["desired_response"]["text"]
        for other in record["drafting"]["candidates"] or ():
            said = judged.get((record["id"], other["request_key"]))
            if said is None or other["reply"] is None:
                continue
            margin, model = said
            other_text = other["reply"]["text"]
            chosen, rejected = (own, other_text) if margin > 0 else (other_text, own)
            if same_words(chosen, rejected) or kept.has(rejected, besides=record["id"]):
                without["of_replies_kept_elsewhere_or_alike"] += 1
                continue
            found.append(ReplyPair(record["id"], JUDGE, JUDGE, KIND, chosen, rejected, model))
    return found, without


def _by_fit_judges(
    build: Build, store: Store, known: Restrictions
) -> tuple[dict[tuple[str, str], tuple[float, str]], Counter[str]]:
    """Return the margin and the judge of each two drafts that the last fit judge holds apart.

    The key is the id of the sample and the request key of the other draft.
    """
    last: dict[tuple[str, str], tuple[Judgement, bool | None]] = {}
    for judgement, fit in ScoresHeld(build, store, known).judgements(PAIRS, BETTER):
        if fit or (judgement.subject, judgement.other) not in last:
            last[judgement.subject, judgement.other] = (judgement, fit)
    found: dict[tuple[str, str], tuple[float, str]] = {}
    without: Counter[str] = Counter()
    for key, (judgement, fit) in last.items():
        if not fit:
            without["judged_by_no_fit_judge"] += 1
        elif judgement.value is None or abs(judgement.value) < MARGIN:
            without["less_than_two_points_apart_in_an_order"] += 1
        else:
            found[key] = judgement.value, judgement.model
    return found, without

"""Scores of replies by a judge, by themselves and side by side.

For other measures of ours: `score_replies` and `compare_replies` take any replies as `ShownReply`,
and `fitness.fit_in` says whether what they return may count. Both ask through the store, so what
was asked before costs nothing.

    judge = Judge(model, limits, store_address, build_name)
    shown = ShownReply(id, words, reply, voice)            # of builders.tasks.scoring
    [{"heard": 8.0, "restraint": None}] = score_replies(judge, [shown], ["heard", "restraint"])
    [two] = compare_replies(judge, [(shown, another_reply)])
    two.margin                                             # above 0: better in both orders
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256

from builders.evaluation.asking import Asked, Doing, Judge, ask_all, key_of
from builders.evaluation.judgements import Judgement
from builders.evaluation.scales import family_of, scale_of
from builders.llm.settings import ModelSettings
from builders.tasks.question import Question
from builders.tasks.scoring import (
    ALONE,
    SIDE_BY_SIDE,
    Answered,
    AskedScale,
    ShownReply,
    TwoScores,
    one_score,
    score_of,
    scores_of,
    two_scores,
)

SCORE, PAIRS = "score", "pairs"
BETTER, BESIDE_REFERENCE = "better", "beside_reference"
REFUSED = "refused"

_NO_PRICES: Mapping[str, object] = {}


def score_replies(
    by: Judge,
    shown: Sequence[ShownReply],
    dimensions: Sequence[str],
    prices: Mapping[str, object] = _NO_PRICES,
    quiet: bool = True,
) -> list[dict[str, float | None]]:
    """Return the score of each reply in each dimension, None where the judge gave no usable answer.

    Nothing is stored but the responses.

    Args:
        by: the judge.
        shown: the replies, as the judge sees them.
        dimensions: rows of ``label_maps/judge/_dimensions.tsv`` with the test ``score``.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end.
    """
    found: list[dict[str, float | None]] = []
    asked = (_all_scores(by.model, one, dimensions) for one in shown)
    doing = Doing("scores", "replies")
    total = len(shown) * len(dimensions)
    ask_all(by, asked, found.append, total=total, doing=doing, prices=prices, quiet=quiet)
    return found


def compare_replies(
    by: Judge,
    pairs: Sequence[tuple[ShownReply, str]],
    dimension: str = BETTER,
    prices: Mapping[str, object] = _NO_PRICES,
    quiet: bool = True,
) -> list[TwoScores | None]:
    """Return the scores of two replies side by side, in both orders; None without usable answers.

    Args:
        by: the judge.
        pairs: a reply as it is shown, and the one beside it.
        dimension: what they are compared in.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end.
    """
    found: list[TwoScores | None] = []
    scale = scale_of(dimension)
    asked = (Asked(_beside(by.model, one, other, scale), _two) for one, other in pairs)
    doing = Doing("orders of pairs judged", "pairs")
    total = 2 * len(pairs)
    ask_all(by, asked, found.append, total=total, doing=doing, prices=prices, quiet=quiet)
    return found


def scored(
    model: ModelSettings,
    shown: Iterable[ShownReply],
    dimensions: Sequence[str],
    drafters: Sequence[str],
) -> Iterator[Asked[Judgement]]:
    """Yield what is asked of each reply in each dimension, and read as a judgement."""
    for one in shown:
        for name in dimensions:
            scale = scale_of(name)
            asked = one_score(one, scale, model.model, model.reply_tokens)
            yield Asked((asked,), partial(_score, model.model, drafters, one, scale))


def beside_references(
    model: ModelSettings, pairs: Iterable[tuple[ShownReply, str]], drafters: Sequence[str]
) -> Iterator[Asked[Judgement]]:
    """Yield what is asked of each reply beside a reply that people wrote or accepted.

    The value is the mean score of the reply over both orders. A reference that is the reply itself
    is not asked about: it would only be rated against itself.
    """
    scale = scale_of(BESIDE_REFERENCE)
    for shown, reference in pairs:
        if not same_words(shown.reply, reference):
            asked = _beside(model, shown, reference, scale)
            yield Asked(asked, partial(_referred, model.model, drafters, shown, reference))


def same_words(one: str, other: str) -> bool:
    """Return whether two replies are the same but for case, blanks and punctuation."""
    return _letters(one) == _letters(other)


def preferred(
    model: ModelSettings, pairs: Iterable[tuple[ShownReply, str, str]], drafters: Sequence[str]
) -> Iterator[Asked[Judgement]]:
    """Yield what is asked of two drafts of a target.

    Args:
        model: the judge.
        pairs: the reply as it is shown, the other draft, and its request key.
        drafters: the models that drafted.
    """
    scale = scale_of(BETTER)
    for shown, other, key in pairs:
        asked = _beside(model, shown, other, scale)
        yield Asked(asked, partial(_preference, model.model, drafters, (shown, other, key)))


def version_of(test: str, dimension: str) -> str:
    """Return the version of what is asked for a dimension of a test, as judgements keep it."""
    alone = test == SCORE and dimension != BESIDE_REFERENCE
    return scale_of(dimension).version(ALONE if alone else SIDE_BY_SIDE)


def _all_scores(
    model: ModelSettings, shown: ShownReply, dimensions: Sequence[str]
) -> Asked[dict[str, float | None]]:
    asked = (
        one_score(shown, scale_of(name), model.model, model.reply_tokens) for name in dimensions
    )

    def read(outcomes: Sequence[Answered]) -> dict[str, float | None]:
        return dict(zip(dimensions, map(score_of, outcomes), strict=True))

    return Asked(tuple(asked), read)


def _beside(
    model: ModelSettings, shown: ShownReply, other: str, scale: AskedScale
) -> tuple[Question, ...]:
    return tuple(two_scores(shown, other, scale, model.model, model.reply_tokens))


def _two(outcomes: Sequence[Answered]) -> TwoScores | None:
    return scores_of(*outcomes)


def _score(
    model: str,
    drafters: Sequence[str],
    shown: ShownReply,
    scale: AskedScale,
    outcomes: Sequence[Answered],
) -> Judgement:
    value = score_of(outcomes[0])
    return Judgement(
        subject_hash=shown.seen(),
        subject=shown.id,
        other="",
        test=SCORE,
        dimension=scale.name,
        value=value,
        verdict=REFUSED if value is None else None,
        model=model,
        prompt_version=scale.version(ALONE),
        keys={"score": key_of(outcomes[0])},
        detail=_families(model, drafters),
    )


def _referred(
    model: str,
    drafters: Sequence[str],
    shown: ShownReply,
    reference: str,
    outcomes: Sequence[Answered],
) -> Judgement:
    two = scores_of(*outcomes)
    beside = {"reference": sum(two.other) / len(two.other)} if two else {}
    return Judgement(
        subject_hash=shown.seen(),
        subject=shown.id,
        other=sha256(reference.encode()).hexdigest(),
        test=SCORE,
        dimension=BESIDE_REFERENCE,
        value=two.mean if two else None,
        verdict=None if two else REFUSED,
        model=model,
        prompt_version=version_of(SCORE, BESIDE_REFERENCE),
        keys=_keys(outcomes),
        detail={**_families(model, drafters), **beside},
    )


def _preference(
    model: str,
    drafters: Sequence[str],
    pair: tuple[ShownReply, str, str],
    outcomes: Sequence[Answered],
) -> Judgement:
    shown, other, key = pair
    two = scores_of(*outcomes)
    return Judgement(
        subject_hash=shown.seen(),
        subject=shown.id,
        other=key,
        test=PAIRS,
        dimension=BETTER,
        value=two.margin if two else None,
        verdict=_verdict(two),
        model=model,
        prompt_version=version_of(PAIRS, BETTER),
        keys=_keys(outcomes),
        detail=_families(model, drafters),
    )


def _verdict(two: TwoScores | None) -> str:
    """Return what two orders come to: only where both agree is one draft preferred."""
    if two is None:
        return REFUSED
    if two.margin == 0:
        return "no_preference"
    return "reply" if two.margin > 0 else "other"


def _keys(outcomes: Sequence[Answered]) -> dict[str, str | None]:
    straight, swapped = map(key_of, outcomes)
    return {"straight": straight, "swapped": swapped}


def _families(model: str, drafters: Sequence[str]) -> dict[str, str | float | None]:
    """Return the families of the judge and of the drafters, as a judgement keeps them."""
    named = {family_of(drafter) or drafter for drafter in drafters}
    return {"family": family_of(model) or model, "drafters": ", ".join(sorted(named))}


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())

"""The output of `hearten publish`: configs, left-out records and sent files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from builders.release.hub.release import Published, PublishOptions
from builders.release.pairs.bag_of_words import said_of

_LIST_UP_TO = 20


def lines(asked: PublishOptions, done: Published) -> Iterator[str]:
    """Yield the lines for a person."""
    staged = done.staged
    terms = staged.terms
    yield f"{terms.card.slug}: {terms.as_words()}, under {terms.licence.name}"
    for config in staged.configs:
        counts = staged.fingerprints[config]
        yield f"  {config}: " + ", ".join(f"{n.rows:,} {split}" for split, n in counts.items())
    yield from (f"  {one.sentence}" for one in staged.output_terms)
    for told in staged.words_alone:
        yield f"  pairs {said_of(told)}"
    for reason, count in staged.tally.left_out.most_common():
        yield f"  left out: {count:,} {reason}"
    for reason, count in staged.tally.without_reply.most_common():
        yield f"  reply left out: {count:,} {reason}"
    yield from _ending(asked, done)


def _ending(asked: PublishOptions, done: Published) -> Iterator[str]:
    if not done.fresh:
        yield f"nothing has changed since the last version of {asked.repo}"
    else:
        size = (
            sum((done.staged.folder / path).stat().st_size for path in done.sent)
            if (asked.dry_run)
            else None
        )
        amount = "" if size is None else f", {size:,} bytes"
        yield f"{'would send' if asked.dry_run else 'sent'} {len(done.sent):,} files{amount}"
        shown = [f"  + {path}" for path in done.sent] + [f"  - {path}" for path in done.gone]
        yield from shown[:_LIST_UP_TO]
        if len(shown) > _LIST_UP_TO:
            yield f"  and {len(shown) - _LIST_UP_TO:,} more"
    if asked.dry_run:
        yield f"files: {done.staged.folder}"
        yield f"nothing was sent; run without --dry-run to publish to {asked.repo}"
    elif done.fresh:
        yield f"published: {asked.repo}, version v{done.version}"
        yield "next:"
        yield f'  load_dataset("{asked.repo}", revision="v{done.version}")'


def as_json(asked: PublishOptions, done: Published) -> dict[str, object]:
    """Return everything in plain types, for JSON."""
    staged = done.staged
    return {
        "repo": asked.repo,
        "version": done.version and f"v{done.version}",
        "fresh": done.fresh,
        "dry_run": asked.dry_run,
        "folder": str(staged.folder) if asked.dry_run else None,
        "licence": staged.terms.licence.name,
        "may": sorted(staged.terms.may),
        "widened": list(staged.terms.widened),
        "configs": {
            config: {split: seen.rows for split, seen in staged.fingerprints[config].items()}
            for config in staged.configs
        },
        "left_out": dict(staged.tally.left_out),
        "without_reply": dict(staged.tally.without_reply),
        "output_terms": [asdict(one) for one in staged.output_terms],
        **({"pairs": staged.words_alone} if staged.words_alone else {}),
        "sent": done.sent,
        "gone": done.gone,
    }

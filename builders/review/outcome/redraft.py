"""`build --redraft`: the next version of a build, part of it drafted again.

The build ``meld`` becomes ``meld@2``, then ``meld@3``. Drafted again are

    rejected   rejected replies, with the reply and the reviewers' reasons in the prompt
    stale      samples whose prompt, table, voice or corpus file has changed since:
               every record whose request key is different now
    flagged    replies that checks note something about, with what they say in the prompt; of
               certain codes with flagged:CODE,CODE
    unmatched  replies of minimal pairs that a judge could not match to their voices
    IDS        the given samples; rejected ones as above, others with another seed

and nothing else: all other responses come from the store, and so do the decisions about unchanged
samples. If reviewers hear an emotion other than the label, it replaces the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from builders.errors import ConfigError, UsageError
from builders.evaluation.unmatched import Unmatched, unmatched
from builders.llm import prompts
from builders.record.dataset import Build
from builders.record.folder import REDRAFT, read_json
from builders.record.ids import listed
from builders.record.redraft import HeardEmotion, Note, Redraft, Which
from builders.record.types import ReviewStatus
from builders.record.versions import named, next_name, version_of
from builders.record.views import SampleRecord
from builders.release.eligibility import Purpose, Restrictions, excluded_by, left_out
from builders.review.data.decisions import choices
from builders.review.data.items import Items, reply_of
from builders.review.data.queue import Queue
from builders.review.outcome.flagged import flagged
from builders.review.outcome.merge import Merged, views
from builders.settings import BuildConfig, make_config
from builders.store.database import Store

_HELD_AT_ONCE = 500
_NAMED_AT_MOST = 5
_BY_NAME: dict[str, Which] = {
    "rejected": "rejected",
    "stale": "stale",
    "flagged": "flagged",
    "unmatched": "unmatched",
}


def redrafting(config: BuildConfig, wanted: str) -> BuildConfig:
    """Return the config of the next version of the finished build in a config.

    A started version continues with what it was started with, whatever was decided since.

    Args:
        config: the finished build.
        wanted: rejected, stale, flagged, flagged:CODES, unmatched, ids separated by commas, or
            @FILE with one id per line.

    Raises:
        ConfigError: the build is not finished, nothing in it is rejected, it has no such sample,
            the store does not have its responses, or its next version was started differently.
    """
    build = Build(config.folder).verify()
    limit = build.manifest["result"]["limit"]
    if config.limit not in (None, limit):
        raise ConfigError(
            f"--limit {config.limit} was given with --redraft",
            expected=f"the limit of {config.name}, {limit}",
            do="leave out --limit: samples that are not drafted again are kept",
        )
    which, ids, codes = _understood(wanted)
    name = next_name(config.name)
    begun = config.output / name
    if (begun / "config.json").is_file() and config.resume != "never":
        if not (begun / REDRAFT).is_file():
            raise _no_redraft(begun, build)
        redraft = Redraft(**read_json(begun / REDRAFT))
        if (redraft.which, redraft.ids, redraft.codes) != (which, ids, codes):
            raise _begun_otherwise(begun, redraft)
    else:
        redraft = _redraft(build, config, which, ids, codes)
    settings = {field: getattr(config, field) for field in BuildConfig.model_fields}
    return make_config(**settings | {"name": name, "limit": limit, "redraft": redraft})


def later_versions(folder: Path) -> Iterator[Build]:
    """Yield the later finished versions of a build, in order."""
    path = folder.with_name(next_name(folder.name))
    while (path / "manifest.json").is_file():
        yield Build(path).verify()
        path = path.with_name(next_name(path.name))


def earlier_versions(folder: Path) -> list[Build]:
    """Return the earlier finished versions of a build, in order."""
    stem, number = version_of(folder.name)
    places = [folder.with_name(named(stem, earlier)) for earlier in range(1, number)]
    return [Build(place).verify() for place in places if (place / "manifest.json").is_file()]


def drafted_again(before: Build, after: Build) -> int:
    """Return how many samples of a version have a different response from the previous version."""
    earlier = dict(_request_keys(before))
    return sum(earlier.get(name) != key for name, key in _request_keys(after))


def _understood(wanted: str) -> tuple[Which, tuple[str, ...], tuple[str, ...]]:
    """Return what to draft again, and the ids or the codes of checks if given."""
    if wanted in _BY_NAME:
        return _BY_NAME[wanted], (), ()
    name, colon, codes = wanted.partition(":")
    if name == "flagged" and colon:
        named = tuple(sorted({code.strip() for code in codes.split(",")} - {""}))
        if named:
            return "flagged", (), named
    ids = () if name == "flagged" else listed(wanted)
    if not ids:
        raise UsageError(
            f"--redraft {wanted} names no samples",
            expected="rejected, stale, flagged, flagged:CODES, unmatched, ids separated by commas, "
            "or @FILE with one id per line",
        )
    return "ids", ids, ()


def _no_redraft(begun: Path, build: Build) -> ConfigError:
    return ConfigError(
        f"{begun.name} already exists and is not a redraft of {build.name}",
        where=begun,
        do=f"redraft that build instead: --name {begun.name}",
    )


def _begun_otherwise(begun: Path, redraft: Redraft) -> ConfigError:
    how = f"{len(redraft.ids):,} ids" if redraft.ids else redraft.which
    how += f":{','.join(redraft.codes)}" if redraft.codes else ""
    over = "" if (begun / "manifest.json").is_file() else ", or start over with --resume never"
    return ConfigError(
        f"{begun.name} was started with --redraft {how}",
        where=begun,
        do=f"redraft that build instead: --name {begun.name}{over}",
    )


def _redraft(
    build: Build, config: BuildConfig, which: Which, ids: Sequence[str], codes: Sequence[str]
) -> Redraft:
    name = config.name
    known = Restrictions(excluded_by(config.exclusions, config.store_url))
    earlier = _earlier(build.folder)
    with closing(Store(config.store_url)) as store:
        notes: dict[str, Note] = {}
        judge = earlier.judge if earlier else None
        if which == "unmatched":
            found = unmatched(build, store, known)
            notes, judge = _unmatched(build, found), found.judge
        elif which == "flagged":
            notes = flagged(build, codes, known)
        elif which != "stale":
            notes = _notes(build, store, ids, known)
        _check_held(build, store, known)
    told = dict(earlier.notes) if earlier else {}
    if notes and earlier and earlier.prompt_version != _version(told):
        raise ConfigError(
            f"the redraft prompt has changed since {name} was drafted",
            where=build.folder,
            do="first draft again what this makes stale: --redraft stale",
        )
    told = {item: notes for item, notes in told.items() if not known.excluded(item)}
    again = {item: (*told.get(item, ()), note) for item, note in notes.items()}
    whole = told | again
    return Redraft(
        of=name,
        prompt_version=_version(whole),
        notes=whole,
        which=which,
        ids=tuple(ids),
        codes=tuple(codes),
        judge=judge,
    )


def with_notes(
    config: BuildConfig, replies: Mapping[str, dict[str, Any]], reasons: Mapping[str, Sequence[str]]
) -> BuildConfig:
    """Return the config of a redraft in which some replies are drafted once more.

    Args:
        config: a redraft.
        replies: what was drafted last, by the id of the sample.
        reasons: what is wrong with it, for the same ids.
    """
    if config.redraft is None:
        raise ConfigError(f"{config.name} drafts nothing again", do="pass --redraft")
    told = dict(config.redraft.notes)
    for name, reply in replies.items():
        note = Note(reply=reply, reasons=tuple(reasons[name]), by="checks")
        told[name] = (*told.get(name, ()), note)
    redraft = config.redraft.model_copy(update={"notes": told, "prompt_version": _version(told)})
    return config.model_copy(update={"redraft": redraft})


def _unmatched(build: Build, found: Unmatched) -> dict[str, Note]:
    if not found.reasons:
        raise ConfigError(
            f"{found.judge} matched all pairs of {build.name}",
            where=build.folder,
            do="choose other samples: --redraft rejected, flagged, or their ids",
        )
    return {
        row["id"]: Note(reply=dict(reply_of(row)), reasons=found.reasons[row["id"]], by="checks")
        for row in build.rows(["id", "desired_response"])
        if row["id"] in found.reasons
    }


def _version(notes: Mapping[str, Sequence[Note]]) -> str:
    """Return the version of what says to a model why it is to write other replies."""
    version = prompts.load(prompts.REDRAFT_TEMPLATE).version
    if any(note.by == "checks" for each in notes.values() for note in each):
        version += f", {prompts.load(prompts.FLAGGED_TEMPLATE).version}"
    return version


def _earlier(folder: Path) -> Redraft | None:
    """Return a build's own redraft, so that its responses are found."""
    path = folder / REDRAFT
    return Redraft(**read_json(path)) if path.is_file() else None


def _notes(build: Build, store: Store, ids: Sequence[str], known: Restrictions) -> dict[str, Note]:
    """Return the samples of a build to draft again: the given ones, or else the rejected ones."""
    for _ in Items(store, known).register(build):
        pass
    name = build.name
    decided = {view.item.item: view for view in views(store, name)}
    if ids:
        _check_known(build, ids, known)
        queue = Queue(store)
        found = {one: queue.item(name, one) for one in ids}
    else:
        found = {
            n: view.item for n, view in decided.items() if view.status == ReviewStatus.REJECTED
        }
    if not found:
        raise ConfigError(
            f"the store {store.name} has no rejected reply of {name}",
            do=f"review it first with `hearten review {build.folder}`",
        )
    return {
        one: _note(build.row(item.shard, item.row), decided.get(one)) for one, item in found.items()
    }


def _check_known(build: Build, ids: Sequence[str], known: Restrictions) -> None:
    """Raise ConfigError if a build has no such sample, or only a reject with that id."""
    out = left_out(build.shards(), Purpose.REVIEW, known)
    if excluded := sorted(set(ids) & out.keys()):
        raise ConfigError(
            f"excluded samples cannot be drafted again: {', '.join(excluded[:_NAMED_AT_MOST])}",
            where=build.folder,
            do="leave them out of --redraft",
        )
    unknown = sorted(set(ids) - {name for name, _ in _request_keys(build)})
    if not unknown:
        return
    rejects = {row["id"] for row in build.rejects(["id"])}
    listed = ", ".join(unknown[:_NAMED_AT_MOST])
    more = len(unknown) - _NAMED_AT_MOST
    raise ConfigError(
        f"there is no sample {listed}" + (f" and {more:,} more" if more > 0 else ""),
        where=build.folder,
        expected="rejected, stale, flagged, or ids of samples in the build",
        do="these are rejects: retry them with --retry-failed under another --name"
        if set(unknown) <= rejects
        else "check the ids",
    )


def _note(record: SampleRecord, view: Merged | None) -> Note:
    known = choices("reject")
    given = view.reasons if view else ()
    reasons = [known[code] for code in given if code in known]
    return Note(
        reply=dict(reply_of(record)),
        reasons=tuple(f"It {reason.words}. {reason.meaning}" for reason in reasons),
        heard=_moved(view) if view else None,
    )


def _moved(view: Merged) -> HeardEmotion | None:
    """Return the emotion reviewers hear if it is not the label, else None."""
    if view.heard.emotion in (None, view.item.emotion):
        return None
    return HeardEmotion(emotion=view.heard.emotion, votes=dict(view.heard.votes))


def _check_held(build: Build, store: Store, known: Restrictions) -> None:
    """Raise ConfigError if a record's response is not in the store: it would be paid for again."""
    of = ((name, key) for name, key in _request_keys(build) if not known.excluded(name))
    keys = [key for _, key in of if key is not None]
    for start in range(0, len(keys), _HELD_AT_ONCE):
        wanted = keys[start : start + _HELD_AT_ONCE]
        missing = len(wanted) - len(store.held(wanted))
        if missing:
            raise ConfigError(
                f"the store {store.name} does not have the responses of {build.folder.name}",
                do="pass the store it was built with: --store",
            )


def _request_keys(build: Build) -> Iterator[tuple[str, str | None]]:
    """Yield the id of each sample, and its request key."""
    for row in build.rows(["id", "drafting.request_key"], batch=_HELD_AT_ONCE):
        yield row["id"], row["drafting"]["request_key"]

"""From a build to a tagged version, all or nothing: readers see the change in one step.

    stage → compare with the last version → pull request → load it in another process → merge → tag

Until the merge, only a pull request has the files; whatever a failed run left there is
reused by the next one. Versions are the tags v1, v2, …
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from builders.errors import ConfigError, HeartenError, OutputError, UsageError
from builders.evaluation.kept import proof_of
from builders.record.data_file import DataFile
from builders.record.dataset import Build
from builders.record.folder import read_json, writable
from builders.record.manifest import read_manifest
from builders.record.manifest_views import Manifest
from builders.record.parquet import file_digest
from builders.release.consent import NO_VOICES, VoiceTable
from builders.release.eligibility import gates_of, nobody, restrictions
from builders.release.hub.client import Hub, HubError, Overtaken, State, digests_of
from builders.release.hub.documents import CHANGES, MANIFEST, changes_text, write_documents
from builders.release.hub.files import SUMS, read_sums
from builders.release.hub.human_rows import stage_human_replies
from builders.release.hub.loading import check_loads
from builders.release.hub.staging import Stage, Staged, link_inputs
from builders.release.output_terms import check_output_terms, output_terms_of
from builders.release.pairs import made_pairs
from builders.release.pairs.reply_pair import of_people
from builders.release.preferences import pairs_of
from builders.release.rights import Terms, terms_of
from builders.release.rules import PublishRules, check_build, check_rules, check_terms, evaluate
from builders.release.splits import SplitsAsked
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.applied import applied
from builders.settings import STORE_FILE
from builders.settings.named import ModelTable

STAGING = ".publish"
_TITLE = "Hearten"


@dataclass(frozen=True)
class PublishOptions:
    """The options of `hearten publish`.

    `excluded` says which ids must not be used; `pairs_from` what pairs go out beside people's;
    `models` are the tables `[models.NAME]`, with the terms of the models' output; `splits` is
    `as-is` where a corpus without splits is not to be divided; `voices` says whose voices may go
    out.
    """

    folder: Path
    repo: str
    public: bool = False
    dry_run: bool = False
    allow_phrasebook: bool = False
    with_audio: bool = False
    claims: tuple[str, ...] = ()
    store: str | None = None
    excluded: Callable[[str], bool] = nobody
    pairs_from: tuple[str, ...] = ()
    models: Mapping[str, ModelTable] = field(default_factory=dict)
    splits: SplitsAsked = "divided"
    voices: VoiceTable = NO_VOICES


@dataclass(frozen=True)
class Published:
    """The result of a run: the staged files, the version number, and the changes.

    `sent` are the paths that are new or changed since the last version; `version` is None if
    nothing was published.
    """

    staged: Staged
    sums: dict[str, str]
    sent: list[str]
    gone: list[str]
    version: int | None
    fresh: bool = True


def publish(
    asked: PublishOptions, rules: PublishRules, hub: Hub, say: Callable[[str], None]
) -> Published:
    """Publish a build.

    Args:
        asked: the options.
        rules: the publisher's rules.
        hub: the repository.
        say: called with a line for each step.

    Raises:
        HeartenError: the message says what to do; nothing is half-published.
    """
    address = asked.store or str(asked.folder.parent / STORE_FILE)
    seen = applied(asked.folder, address, asked.excluded)
    manifest = read_manifest(seen)
    check_build(asked.folder, manifest)
    if not asked.dry_run:
        hub.check_token()
    place = asked.folder.parent / STAGING / asked.folder.name
    with writable(place), _held(place):
        shards = link_inputs(seen, manifest, place)
        slug = manifest["result"]["config"]["corpus"]
        synthetic = bool(manifest["result"]["config"].get("speak"))
        terms = terms_of(slug, _rights(shards), asked.claims, synthetic, asked.voices)
        check_terms(terms, manifest, public=asked.public, allow_phrasebook=asked.allow_phrasebook)
        check_rules(evaluate(rules, Build(asked.folder), address, asked.excluded))
        output_terms = output_terms_of(shards, asked.models) if terms.replies else []
        if asked.public:
            check_output_terms(output_terms)
        state = _look(asked, terms, hub, say)
        if state and not state.private:
            check_output_terms(output_terms)
        staged = _stage(asked, terms, (place, seen, shards), address, say)
        staged.output_terms = output_terms
        found = _agreement(manifest), proof_of(asked.folder)
        sums = write_documents(staged, manifest, asked.repo, hub.endpoint, *found)
        _check_unchanged(seen, manifest)
        run = _Run(asked, staged, sums, state, hub, say)
        if asked.dry_run:
            return run.plan()
        done = run.publish(rules)
        shutil.rmtree(place)
        return done


def _agreement(manifest: Manifest) -> dict[str, float]:
    """Return the reviewers' agreement by measure, as far as it is in the build's manifest."""
    known = manifest["result"].get("agreement") or {}
    found = {name: Alpha(**value).alpha for name, value in sorted(known.items())}
    return {name: alpha for name, alpha in found.items() if alpha is not None}


def _rights(shards: list[Path]) -> dict[str, str]:
    """Return the rights of a build's records, which are all the same."""
    with DataFile(shards[0]) as file:
        found = next(file.batches(["rights"], 1)).to_pylist()
    rights: dict[str, str] = found[0]["rights"]
    return rights


def _look(
    asked: PublishOptions, terms: Terms, hub: Hub, say: Callable[[str], None]
) -> State | None:
    """Return the state of the repository, after checking that this build may be published there."""
    try:
        state = hub.state()
    except HeartenError as error:
        if not asked.dry_run:
            raise
        say(f"the Hub could not be reached, so this is planned as a first version ({error})")
        return None
    if state and state.files:
        _check_repository(asked, terms, hub, state)
    if state and terms.widened and not state.private:
        raise UsageError(
            f"{asked.repo} is public",
            expected=f"a private repository, because of {', '.join(terms.widened)}",
            do="choose a private ORG/NAME",
        )
    return state


def _check_repository(asked: PublishOptions, terms: Terms, hub: Hub, state: State) -> None:
    """Raise HubError if a repository contains anything other than versions of this corpus."""
    text = hub.text(MANIFEST, state.head) if MANIFEST in state.files else None
    held = read_published(text)
    if held is None:
        if state.files <= {"README.md"} and not state.tags:
            return
        raise HubError(
            f"{asked.repo} holds {len(state.files)} files that were not published by Hearten",
            do="choose another ORG/NAME",
        )
    if held.get("corpus") != terms.card.slug or held.get("licence") != terms.licence.name:
        raise HubError(
            f"{asked.repo} already has {held.get('corpus')} under {held.get('licence')}",
            expected=f"{terms.card.slug} under {terms.licence.name}: one repository per licence",
            do="choose another ORG/NAME",
        )


def read_published(text: str | None) -> Mapping[str, object] | None:
    """Return the publication part of a published manifest, None if Hearten did not write it."""
    try:
        found = json.loads(text or "")["published"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


class _held:
    """Locks a staging folder for one process."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> None:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self._place.with_name(f"{self._place.name}.lock"), timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise OutputError(
                f"another run is publishing {self._place.name}",
                where=self._place,
                do="wait for it to finish",
            ) from error

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _stage(
    asked: PublishOptions,
    terms: Terms,
    inputs: tuple[Path, Path, list[Path]],
    address: str,
    say: Callable[[str], None],
) -> Staged:
    place, seen, shards = inputs
    known = restrictions(shards, asked.excluded, gates_of(asked.folder))
    pairs = of_people(pairs_of(Build(asked.folder), address, known, say))
    if asked.pairs_from:
        found = made_pairs(Build(seen), address, known, asked.pairs_from, say)
        for name, made in found.pairs.items():
            pairs.setdefault(name, []).extend(made)
    stage = Stage(place, terms, asked.with_audio, known, pairs, asked.splits)
    staged = stage.write(shards)
    stage_human_replies(staged, asked.folder, read_manifest(asked.folder), known)
    if not staged.configs:
        left = ", ".join(f"{n} {reason}" for reason, n in staged.tally.left_out.items())
        raise ConfigError(
            f"none of the records may be published ({left})",
            where=asked.folder,
            do="remove the causes of these reasons, or publish another build",
        )
    return staged


def _check_unchanged(folder: Path, manifest: Manifest) -> None:
    """Raise OutputError if a build was replaced while its files were being staged."""
    path = folder / "manifest.json"
    if not path.is_file() or read_json(path) != manifest:
        raise OutputError(
            "the build changed while it was being published",
            where=folder,
            do="run the same command again",
        )


class _Run:
    """One publishing run, starting from the staged files."""

    def __init__(
        self,
        asked: PublishOptions,
        staged: Staged,
        sums: dict[str, str],
        state: State | None,
        hub: Hub,
        say: Callable[[str], None],
    ) -> None:
        self._asked, self._staged, self._sums = asked, staged, sums
        self._state, self._hub, self._say = state, hub, say
        last = self._sums_at(f"v{state.last}") if state and state.last else {}
        self._last = last
        self._version = (state.last if state else 0) + 1

    def _sums_at(self, revision: str) -> dict[str, str]:
        return read_sums(self._hub.text(SUMS, revision) or "")

    def _finish_files(self) -> None:
        """Write the change log, which names the version."""
        before = self._hub.text(CHANGES, f"v{self._version - 1}") if self._last else None
        text = changes_text(self._version, before, self._sums, self._last)
        (self._staged.folder / CHANGES).write_text(text, encoding="utf-8")

    def _ended(self, version: int | None, fresh: bool = True) -> Published:
        there = self._state.files if self._state else frozenset()
        sent = [path for path, digest in self._sums.items() if self._last.get(path) != digest]
        gone = sorted(there - self._sums.keys() - {SUMS, CHANGES})
        return Published(self._staged, self._sums, sent, gone, version, fresh)

    def plan(self) -> Published:
        """Write the last file and return what would be published."""
        self._finish_files()
        return self._ended(None, fresh=self._last != self._sums)

    def publish(self, rules: PublishRules) -> Published:
        """Publish the version, unless it is already on the Hub."""
        if self._last == self._sums and self._state:
            if self._state.tags[self._state.last] == self._state.head:
                self._open_up(rules)
                return self._ended(self._state.last, fresh=False)
        if self._state is None:
            self._hub.create()
            self._state = self._hub.state()
            if self._state is None:
                raise HubError(
                    f"the name {self._asked.repo} is taken", do="choose another ORG/NAME"
                )
            if self._state.files:
                _check_repository(self._asked, self._staged.terms, self._hub, self._state)
        self._finish_files()
        commit = self._state.head
        if not self._is_there(commit):
            commit = self._bring()
        else:
            self._check(commit)
        self._hub.tag(self._version, commit)
        self._say(f"tagged v{self._version}")
        self._open_up(rules)
        return self._ended(self._version)

    def _paths(self) -> set[str]:
        return {*self._sums, SUMS, CHANGES}

    def _is_there(self, revision: str) -> bool:
        """Return whether a revision has exactly the staged files."""
        there = self._hub.digests(revision)
        return there.keys() == self._paths() and all(
            # Large files are compared by the digest that is already known.
            digest == self._sums.get(path) or digest in digests_of(self._staged.folder / path)
            for path, digest in there.items()
        )

    def _bring(self) -> str:
        """Upload to a pull request, check it, merge it, and return the new head of main."""
        hub, folder = self._hub, self._staged.folder
        base = self._state.head if self._state else ""
        title = f"{_TITLE} v{self._version} of {base[:12]}: {file_digest(folder / SUMS)[:12]}"
        number = hub.open_request(title)
        ref = f"refs/pr/{number}"
        self._say(f"uploading to pull request {number}")
        there = hub.digests(ref).keys()
        commit = hub.commit(ref, folder, self._paths(), there - self._paths())
        self._check(commit)
        if hub.head("main") != base:
            self._overtaken(number)
        hub.merge(number)
        head = hub.head("main")
        if not self._is_there(head):
            self._overtaken(number)
        self._say("merged")
        for other in hub.open_titles(f"{_TITLE} v"):
            hub.close(other, f"v{self._version} is published")
        return head

    def _overtaken(self, number: int) -> None:
        raise Overtaken(
            f"somebody else changed {self._asked.repo} in the meantime; this version is in pull "
            f"request {number} and has no tag",
            do="look at their version, then run the same command again",
        )

    def _check(self, commit: str) -> None:
        self._say(f"loading every config from {commit[:12]}")
        expected = {
            config: {split: seen.as_json() for split, seen in splits.items()}
            for config, splits in self._staged.fingerprints.items()
        }
        check_loads(self._asked.repo, commit, expected, self._hub.endpoint, self._hub.token)

    def _open_up(self, rules: PublishRules) -> None:
        """Gate the repository, then make it public, if requested."""
        if rules.gated:
            self._hub.change(gated=rules.gated)
        if self._asked.public and self._state and self._state.private:
            self._hub.change(public=True)
            self._say("public now")

"""Hydrating: restore the complete dataset from published records and a licensed copy of the corpus.

The corpus is read again as in the build, and each published record gets back the fields its terms
withheld: text, labels, the clip. A record without a published reply remains an utterance. No model
is called and no API key is needed; a token only if the repository is not public.

    output/<name>/
      data/ manifest.json       the build, if replies were published
      human_replies/            what people answered, if that was published too
      utterances/               those without a reply
      hydrated.jsonl            how well each item's clip matches
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from builders.corpora.exclusions import EXCLUSIONS_FILE
from builders.errors import ConfigError, SourceError
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.selection import Selection, Wanted
from builders.record.folder import BuildFolder, write_json
from builders.record.manifest import Ledger, versions
from builders.record.manifest_views import ManifestFile
from builders.record.parquet import SplitWriter, file_digest
from builders.record.reply_views import SpeechSynthesis
from builders.record.types import Emotions, Reject, Target, Utterance
from builders.release.eligibility import Restrictions, excluded_by
from builders.release.hub import pairs_again
from builders.release.hub.client import Hub, HubError
from builders.release.hub.documents import MANIFEST, PublishedManifest
from builders.release.hub.human_again import published_pairs, restore
from builders.release.hub.hydrated import Hydrated
from builders.release.hub.rebuilding import (
    DIFFERENT,
    PublishedRows,
    Verdict,
    named,
    rebuild,
    verdict_of,
)
from builders.release.hub.release import read_published
from builders.settings import BuildConfig, make_config
from builders.tts.respeak import SpeaksAgain

# A later one has a record in the place of the ones before it.
KINDS = ("utterances", "record", "synthetic")
# Where the clips are of records that have none.
CLIPS = "default"
_CHOICE = {
    *("model", "vote_models", "emotions", "min_words", "max_per_emotion"),
    *("exclude_emotions", "min_agreement", "known_agreement", "no_ambiguous", "balance"),
    "reply_worthy",
    "replace_names",
    *("min_speech", "min_dnsmos", "reject_findings"),
    *("redraft", "speak", "speak_replies", "exclusions"),
}
_CHECKED = {"audio_info.speech", "audio_info.quality", "audio_info.transcript"}


def hydrate(
    hub: Hub,
    source: Path,
    revision: str | None,
    name: str | None,
    output: Path,
    exclusions: Path = Path(EXCLUSIONS_FILE),
) -> Hydrated:
    """Rebuild a dataset.

    Args:
        hub: the repository.
        source: the corpus folder as originally distributed.
        revision: which version; None for the last one.
        name: the name of the build; None for the repository's.
        output: the folder of all builds.
        exclusions: the table of ids that must not be used, also where they were published.

    Raises:
        HubError: there is no such repository or version, or Hearten did not publish it.
        SourceError: the corpus is missing or of another version.
        ConfigError: a build with that name exists.
    """
    revision = revision or _last(hub)
    text = hub.text(MANIFEST, revision)
    published = read_published(text)
    if text is None or published is None:
        raise HubError(
            f"{hub.repo} at {revision} was not published by Hearten", do="choose another --dataset"
        )
    manifest: PublishedManifest = orjson.loads(text)
    folder = BuildFolder(output / (name or hub.repo.split("/")[-1]))
    with folder.hold():
        if folder.manifest.exists():
            raise ConfigError(f"the build {folder.path} already exists", do="choose another --name")
        plan = _plan(manifest, source, folder.path, exclusions)
        work = folder.start()
        try:
            rows = PublishedRows(
                _fetch(hub, revision, work, KINDS),
                _fetch(hub, revision, work, (CLIPS,)),
                Restrictions(excluded_by(exclusions, plan.config.store_url)),
            )
            pairs = published_pairs(hub, revision, work)
            preferred = pairs_again.published(hub, revision, work)
            done = _Run(plan, manifest, rows, folder, hub.repo).run()
        finally:
            shutil.rmtree(folder.partial, ignore_errors=True)
    return _with_people(done, plan.config, pairs, preferred)


def _with_people(
    done: Hydrated, config: BuildConfig, pairs: Mapping[str, str], preferred: pairs_again.PairsFound
) -> Hydrated:
    """Restore pairs, and the replies that people gave, once the build is complete and open."""
    done.pairs, lost = pairs_again.restore(done.folder, preferred)
    done.human_replies, missing = restore(done.folder, config, pairs)
    done.missing += lost + missing
    return done


def _last(hub: Hub) -> str:
    state = hub.state()
    if state is None:
        raise HubError(
            f"there is no dataset {hub.repo} on the Hub that you can read",
            do="check the name; for a private dataset, set HF_TOKEN",
        )
    if not state.last:
        raise HubError(
            f"{hub.repo} has no version yet", do="choose another --dataset, or pass --revision"
        )
    return f"v{state.last}"


def _plan(manifest: PublishedManifest, source: Path, folder: Path, exclusions: Path) -> Plan:
    """Return the plan of the build, for this copy of the corpus."""
    built = manifest["result"]["config"]
    # The published records determine the targets and the drafting model.
    kept = (built.keys() & BuildConfig.model_fields.keys()) - _CHOICE
    if not _CHECKED & set(manifest["published"]["withheld"]):
        kept -= {"clip_checks"}
    config = make_config(
        **{key: built[key] for key in kept},
        source=source,
        name=folder.name,
        output=folder.parent,
        exclusions=exclusions,
    )
    plan = make_plan(config)
    expected, found = built["corpus_files"], plan.identity["corpus_files"]
    if found != expected:
        raise SourceError(
            f"the annotation files are of another version (digest {found[:12]})",
            where=source,
            expected=f"digest {expected[:12]}, the version it was built from",
            do="use the corpus release named in the dataset card",
        )
    origin = replace(
        plan.origin,
        provider=built["provider"],
        model=built["model"],
        prompt_version=built["prompt_version"],
        mapping_version=built["mapping_version"],
    )
    return replace(plan, origin=origin)


def _fetch(hub: Hub, revision: str, folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Download the files with rows of these kinds, in their order."""
    parts = [path.split("/") for path in hub.digests(revision) if path.endswith(".parquet")]
    held = [part for part in parts if part[1] in kinds]
    wanted = [
        "/".join(part) for part in sorted(held, key=lambda part: (kinds.index(part[1]), part))
    ]
    return [hub.download(path, revision, folder / "published") for path in wanted]


class _Chosen(Selection):
    """Selects exactly the published utterances."""

    def __init__(self, rows: PublishedRows) -> None:
        super().__init__(Wanted())
        object.__setattr__(self, "_rows", rows)

    def against(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        rows: PublishedRows = self._rows  # type: ignore[attr-defined]
        return None if utterance.id in rows else "not_published"


class _Run:
    """One run over the corpus."""

    def __init__(
        self,
        plan: Plan,
        manifest: PublishedManifest,
        rows: PublishedRows,
        folder: BuildFolder,
        repo: str,
    ) -> None:
        chosen = replace(plan.survey, chosen=len(rows), selection=_Chosen(rows))
        self._plan = replace(plan, survey=chosen)
        self._manifest, self._rows, self._folder = manifest, rows, folder
        self._writers: dict[tuple[str, str], SplitWriter] = {}
        self._done = Hydrated(folder.path, repo, len(rows))
        told = manifest["published"]
        self._withheld = [*told["withheld"], *told.get("banded", ())]
        self._again, self._unspoken = SpeaksAgain(), Counter[str]()

    def run(self) -> Hydrated:
        """Write everything and return the result."""
        seen = set()
        with (self._folder.partial / "hydrated.jsonl").open("wb") as items:
            for found, verdict in self._items():
                seen.add(found)
                self._done.clips[verdict.name] += 1
                self._done.first.setdefault(verdict.name, found)
                line = {"id": found, "clip": verdict.name, "detail": verdict.detail}
                items.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        for left in self._rows.keys() - seen:
            self._done.clips["missing"] += 1
            self._done.first.setdefault("missing", left)
        files = self._close()
        self._say_what_is_missing()
        self._finish(files)
        return self._done

    def _items(self) -> Iterator[tuple[str, Verdict]]:
        with self._plan.listening(self._folder.partial, quiet=True) as hearing:
            for item in self._plan.targets(Ledger(), hearing):
                if item.id not in self._rows:
                    continue
                if isinstance(item, Reject):
                    yield item.id, Verdict("missing", f"{item.reason}: {item.detail}")
                    continue
                yield item.id, self._take(item)

    def _take(self, target: Target) -> Verdict:
        row = self._rows[target.id]
        verdict = verdict_of(target.clip, row)
        if verdict.name == DIFFERENT:
            return verdict
        record, clip, reply = rebuild(row, target, self._plan.origin, self._withheld)
        clip = clip or self._spoken_again(record["audio_info"]["synthesis"], target.utterance.text)
        said = record["desired_response"]
        if said and not reply:
            reply = self._spoken_again(said["synthesis"], said["text"])
        record = named(record, clip, reply)
        kind = "data" if record["desired_response"] else "utterances"
        at = kind, target.split
        if at not in self._writers:
            place = self._folder.partial / kind
            place.mkdir(exist_ok=True)
            self._writers[at] = SplitWriter(place, target.split)
        self._writers[at].add(orjson.dumps(record), clip, reply)
        self._done.records += kind == "data"
        self._done.utterances += kind == "utterances"
        return verdict

    def _spoken_again(self, by: SpeechSynthesis | None, text: str) -> bytes | None:
        """Return withheld speech, recreated here, or None; count missing speech."""
        if by is None:
            return None
        flac = self._again.say(by, text)
        if flac is None:
            self._unspoken[f"spoken by {by['engine']}, which could not speak it again here"] += 1
        return flac

    def _close(self) -> list[ManifestFile]:
        """Finish the files, and compare those of `data/` with the build's."""
        shards = [path for writer in self._writers.values() for path in writer.close()]
        here = self._folder.partial
        digests = {path.relative_to(here).as_posix(): file_digest(path) for path in shards}
        built = {
            file["path"]: file["sha256"]
            for file in self._manifest["result"]["files"]
            if file["path"].startswith("data/")
        }
        now = versions()
        before = self._manifest["run"]["versions"]
        self._done.other_versions = [
            f"{name} {now.get(name)} instead of {version}"
            for name, version in before.items()
            if now.get(name) != version
        ]
        data = {path: digest for path, digest in digests.items() if path.startswith("data/")}
        self._done.same_bytes = data == built if data else None
        return [self._described(path, digest) for path, digest in digests.items()]

    def _described(self, path: str, digest: str) -> ManifestFile:
        import pyarrow.parquet as pq

        file = self._folder.partial / path
        rows = pq.read_metadata(file).num_rows
        return {"path": path, "bytes": file.stat().st_size, "rows": rows, "sha256": digest}

    def _say_what_is_missing(self) -> None:
        published, missing = self._manifest["published"], self._done.missing
        missing += [f"{n:,} clips ({why})" for why, n in self._unspoken.items()]
        missing += [f"{n:,} records ({why})" for why, n in published["left_out"].items()]
        missing += [f"{n:,} replies ({why})" for why, n in published["without_reply"].items()]
        if "derived" not in published["may"]:
            missing.append(
                "replies: draft them with build "
                f"--corpus {published['corpus']} --source {self._plan.config.source} --model MODEL"
            )

    def _finish(self, files: list[ManifestFile]) -> None:
        """Move everything into place; with records, a manifest makes it a build."""
        for name in ("data", "utterances", "hydrated.jsonl"):
            made, target = self._folder.partial / name, self._folder.path / name
            if made.is_dir() and not any(made.iterdir()):
                continue
            if made.exists():
                shutil.rmtree(target, ignore_errors=True)
                os.replace(made, target)
        if not self._done.records:
            return
        data = [file for file in files if file["path"].startswith("data/")]
        result = self._manifest["result"] | {"name": self._folder.path.name, "files": data}
        run = self._manifest["run"] | {"versions": versions()}
        whole = {"result": result, "run": run, "hydrated": self._done.as_json()}
        write_json(self._folder.manifest, whole)

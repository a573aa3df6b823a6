"""A build and its decisions in the formats of Label Studio and Potato: one folder each.

    label-studio   tasks.json (import it), config.xml (the labelling interface), audio/
    potato         data.jsonl, config.yaml, audio/, annotation_output/<annotator>/

Drafts become predictions, decisions become annotations, annotators appear as pseudonyms.
Clips are FLAC. Label Studio serves them itself if LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT is the
parent folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
import orjson

from builders.labels.strategies import strategies
from builders.record.dataset import Build
from builders.record.folder import writable
from builders.record.views import SampleRecord
from builders.release.eligibility import Extent, Purpose, Restrictions, eligibility
from builders.review.data.decisions import choices
from builders.review.data.events import VERDICTS, Decision, Event
from builders.review.data.items import reply_of
from builders.review.exchange.events_file import json_line, write_lines
from builders.review.outcome.merge import views
from builders.store.database import Store

_TEMPLATES = Path(__file__).parent / "templates"
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sample with its decisions; `audio` is the clip's path in the folder."""

    record: SampleRecord
    decisions: tuple[Event, ...]
    audio: str | None


def write(form: str, build: Build, store: Store, known: Restrictions, folder: Path) -> int:
    """Write a build in the format ``label-studio`` or ``potato``; return the number of samples.

    Raises:
        OutputError: the folder cannot be written.
    """
    decided = {v.item.item: v.decisions for v in views(store, build.manifest["result"]["name"])}
    with writable(folder, "--to"):
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        samples = _samples(build, folder, decided, known)
        count = (
            _label_studio(samples, folder) if form == "label-studio" else _potato(samples, folder)
        )
    return count


def _samples(
    build: Build, folder: Path, decided: Mapping[str, tuple[Event, ...]], known: Restrictions
) -> Iterator[_Sample]:
    """Yield the samples of a build that may be shown, after writing their clips to the folder."""
    for record in build.rows():
        clip = f"audio/{quote(record['id'], safe='')}.flac"
        if eligibility(record, Purpose.REVIEW, known).extent is Extent.NOTHING:
            (folder / clip).unlink(missing_ok=True)  # left from an earlier export
            continue
        audio = None
        if record["audio"] and record["audio"]["bytes"]:
            audio = clip
            (folder / audio).write_bytes(record["audio"]["bytes"])
        yield _Sample({**record, "audio": None}, decided.get(record["id"], ()), audio)


def _label_studio(samples: Iterator[_Sample], folder: Path) -> int:
    _write_config("label_studio.xml.j2", folder / "config.xml")
    count = 0
    with (folder / "tasks.json").open("wb") as stream:
        for sample in samples:
            stream.write(b",\n" if count else b"[\n")
            stream.write(orjson.dumps(_task(sample, folder)))
            count += 1
        stream.write(b"\n]\n" if count else b"[]\n")
    return count


def _task(sample: _Sample, folder: Path) -> Json:
    return {
        "data": _shown(sample) | {"audio": _served(folder, sample.audio)},
        "predictions": [
            {
                "model_version": sample.record["drafting"]["model"],
                "result": [
                    _choices("strategies", reply_of(sample.record)["strategies"]),
                    _text("reply", reply_of(sample.record)["text"]),
                ],
            }
        ],
        "annotations": [
            {"result": _results(event.decision), "ground_truth": False, "was_cancelled": False}
            | {"meta": {"annotator": event.annotator, "event": event.id}}
            for event in sample.decisions
        ],
    }


def _shown(sample: _Sample) -> Json:
    """Return the fields of a sample that both tools show."""
    record, reply = sample.record, reply_of(sample.record)
    turns = [
        f"{turn['speaker'] or turn['role']}: {turn['text']}" for turn in record["text_context"]
    ]
    return {
        "id": record["id"],
        "audio": sample.audio or "",
        "dialogue": "\n".join(turns),
        "text": record["target_utterance"]["text"],
        "emotion": record["target_utterance"]["emotions"]["primary"],
        "reply": reply["text"],
        "strategies": ", ".join(reply["strategies"]),
    }


def _served(folder: Path, audio: str | None) -> str:
    """Return the address under which Label Studio serves a local file."""
    return f"/data/local-files/?d={quote(f'{folder.name}/{audio}')}" if audio else ""


def _results(decision: Decision) -> list[Json]:
    found = [_choices("verdict", [decision.verdict])]
    if decision.reason:
        found.append(_choices("reason", [decision.reason]))
    if decision.strategies:
        found.append(_choices("strategies", decision.strategies))
    if decision.flags:
        found.append(_choices("flags", decision.flags))
    if decision.reply:
        found.append(_text("reply", decision.reply["text"]))
    if decision.comment:
        found.append(_text("comment", decision.comment))
    found += [
        {"from_name": scale, "to_name": "text", "type": "rating", "value": {"rating": value}}
        for scale, value in (decision.ratings or {}).items()
    ]
    return found


def _choices(name: str, chosen: Sequence[str]) -> Json:
    value = {"choices": list(chosen)}
    return {"from_name": name, "to_name": "text", "type": "choices", "value": value}


def _text(name: str, text: str) -> Json:
    return {"from_name": name, "to_name": "text", "type": "textarea", "value": {"text": [text]}}


def _potato(samples: Iterator[_Sample], folder: Path) -> int:
    _write_config("potato.yaml.j2", folder / "config.yaml")
    by_annotator: dict[str, list[Json]] = {}

    def lines() -> Iterator[bytes]:
        for sample in samples:
            shown = _shown(sample)
            for event in sample.decisions:
                by_annotator.setdefault(event.annotator, []).append(
                    {
                        "id": shown["id"],
                        "displayed_text": shown["text"],
                        "label_annotations": _labels(event.decision),
                        "span_annotations": {},
                    }
                )
            yield json_line(shown)

    count = write_lines(folder / "data.jsonl", lines())
    for annotator, rows in by_annotator.items():
        path = folder / "annotation_output" / annotator / "annotated_instances.jsonl"
        write_lines(path, map(json_line, rows))
    return count


def _labels(decision: Decision) -> Json:
    """Return a decision in Potato's format: by scheme, the chosen label with its value."""
    found: Json = {"verdict": {decision.verdict: decision.verdict}}
    if decision.reason:
        found["reason"] = {decision.reason: decision.reason}
    if decision.strategies:
        found["strategies"] = dict.fromkeys(decision.strategies, True)
    if decision.flags:
        found["flags"] = dict.fromkeys(decision.flags, True)
    if decision.reply:
        found["reply"] = {"text_box": decision.reply["text"]}
    if decision.comment:
        found["comment"] = {"text_box": decision.comment}
    return found | {scale: {str(v): str(v)} for scale, v in (decision.ratings or {}).items()}


def _write_config(template: str, path: Path) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=template.endswith(".xml.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    kinds = {kind: choices(kind) for kind in ("reject", "skip", "flag", "scale")}
    reasons = kinds["reject"] | kinds["skip"]
    rendered = environment.get_template(template).render(
        verdicts=VERDICTS,
        strategies=strategies(),
        reasons=reasons,
        scales=kinds["scale"],
        flags=kinds["flag"],
    )
    path.write_text(rendered, encoding="utf-8")

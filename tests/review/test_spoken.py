"""The spoken reply, where a build has one: over HTTP, and by key in a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import soundfile
from browsing import hear, sign_in, until
from builds import described
from invented import full_record
from pages import make_result, make_run, sample
from serving import Server, Visitor

from builders.record.folder import write_json
from builders.record.parquet import RejectWriter, SplitWriter

# Servers and a browser: with the slow ones.
pytestmark = pytest.mark.slow

SPOKEN, SILENT = "meld-train-1-0", "meld-train-1-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A build of two items; the reply to the first is spoken too."""
    folder = tmp_path_factory.mktemp("spoken") / "output" / "spoken"
    (folder / "data").mkdir(parents=True)
    writer = SplitWriter(folder / "data", "train")
    for number in range(2):
        record = sample(number, seconds=1.0)
        if number == 0:
            record["desired_response"]["synthesis"] = full_record()["desired_response"]["synthesis"]
            record["reply_audio"] = {"path": f"{record['id']}.reply.flac", "bytes": None}
        writer.add(orjson.dumps(record), tone(180, 1.0), None if number else tone(300, 0.5))
    files = [path.relative_to(folder).as_posix() for path in writer.close()]
    RejectWriter(folder / "rejected.parquet").close()
    counts = {"read": 2, "kept": 2, "rejected": {}, "not_selected": {}}
    result = make_result({"train": counts}, files) | {"name": "spoken"}
    write_json(folder / "manifest.json", described(folder, {"result": result, "run": make_run()}))
    return folder


@pytest.fixture(scope="module")
def server(folder) -> Iterator[Server]:
    with Server(folder, "--overlap", 9) as running:
        yield running


def tone(hertz: float, seconds: float) -> bytes:
    times = np.arange(int(seconds * 16000)) / 16000
    stream = io.BytesIO()
    soundfile.write(stream, 0.3 * np.sin(2 * np.pi * hertz * times), 16000, format="FLAC")
    return stream.getvalue()


def by_id(visitor: Visitor) -> dict[str, dict[str, Any]]:
    return {item["item"]: item for item in visitor.items(2)}


def test_a_spoken_reply_is_played_where_there_is_one(server):
    ann = Visitor(server, "Ann")
    items = by_id(ann)
    assert items[SPOKEN]["spoken"] == f"/spoken?item={SPOKEN}" and items[SILENT]["spoken"] is None
    status, headers, wav = ann.ask("GET", items[SPOKEN]["spoken"])
    assert (status, headers["content-type"]) == (200, "audio/wav")
    assert soundfile.info(io.BytesIO(wav)).duration == pytest.approx(0.5)
    assert ann.ask("GET", f"/spoken?item={SILENT}")[0] == 404
    assert Visitor(server).ask("GET", f"/spoken?item={SPOKEN}")[0] == 401


@pytest.mark.parametrize("option", ["--text-only", "--hidden-share"])
def test_no_reply_is_heard_that_is_hidden_or_in_a_text_only_review(folder, tmp_path, option):
    options = [option, 1] if option == "--hidden-share" else [option]
    store = f"sqlite:///{tmp_path / 'own.sqlite'}"
    with Server(folder, *options, "--store", store) as running:
        ann = Visitor(running, "Ann")
        assert by_id(ann)[SPOKEN]["spoken"] is None
        assert ann.ask("GET", f"/spoken?item={SPOKEN}")[0] == 404


def test_the_spoken_reply_is_played_by_key_and_is_not_the_speaker(browser, server):
    page = sign_in(browser, server, "Bob")
    page.evaluate("() => document.querySelector('#sound').addEventListener("
                  "'ended', () => (window.over = (window.over ?? 0) + 1))")  # fmt: skip
    assert page.is_visible("#say")
    page.keyboard.press("v")
    until(page, "window.over === 1")
    assert page.is_disabled("#accept"), "the speaker was not heard"
    hear(page)
    page.keyboard.press("a")
    until(page, "document.querySelector('#say').hidden")
    page.keyboard.press("v")
    assert page.inner_text("#notice") == "There is no spoken reply to this item."
    assert page.wrong == []

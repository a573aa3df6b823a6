"""Makes what release 0.1 leaves on disk: output.tar.xz and what.json beside this script.

    python tests/net/release_0_1/make.py FOLDER

FOLDER must not exist; builds tell where their store lay, so take one that says nothing of you, such
as /srv/hearten. It was run with the code of 0.1.0, and with other code would make something else:
it stays to say how the archive came about. All corpus text is that of the invented samples.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "review"), str(HERE.parents[2])]

from builds import command, environment  # noqa: E402 - needs the path
from endpoints import TestEndpoint  # noqa: E402
from serving import Server, Visitor, decision  # noqa: E402
from speaking.speech_server import SpeechServer  # noqa: E402

VOTERS = [part for name in ("ant", "bee", "cat") for part in ("--vote-model", f"{name}-1")]
# Each build as it is made, and made again: {url} is the endpoint's address.
_ASKING = ["--model", "test-model", "--base-url", "{url}", "--show", "0"]
_MELD = ["build", "--corpus", "meld", "--sample", "--output", "output", *_ASKING]
BUILDS = {
    "meld": [*_MELD, "--name", "meld", "--limit", "12", *VOTERS],
    "crema_d": [
        *("build", "--corpus", "crema_d", "--sample", "--output", "output", "--name", "crema_d"),
        *(*_ASKING, "--hear", "--caption-model", "ear-1", *VOTERS),
    ],
    "unfinished": [*_MELD, "--name", "unfinished", "--temperature", "0.5", "--limit", "12"],
}
ANSWERED_BEFORE_THE_KILL = 5
# What a person or a voter said; the rest is answered by the endpoint's own choice.
RULES = [
    {"match": f"{name}-1", "answer": {"emotion": said}, "share": share}
    for name, said, share in (("ant", "joy", 0.5), ("bee", "neutral", 0.5), ("cat", "anger", 0.5))
]


# What two people decide about the first items. They disagree about the first; it is settled then.
ANN: list[tuple[str, dict[str, Any]]] = [
    ("accept", {"ratings": {"fit": 4, "naturalness": 5}}),
    ("edit", {"comment": "warmer"}),
    ("reject", {"reason": "generic"}),
    ("reject", {"reason": "too_much", "comment": "too cheerful", "flags": ["text_mismatch"]}),
    ("edit", {"ratings": {"restraint": 3}}),
    ("accept", {"emotion": "anxiety"}),
    ("skip", {"reason": "unclear"}),
    ("accept", {}),
]
BOB: list[tuple[str, dict[str, Any]]] = [
    ("reject", {"reason": "generic"}),
    ("edit", {}),
    ("reject", {"reason": "generic"}),
    ("reject", {"reason": "too_much"}),
    ("edit", {}),
    ("accept", {"emotion": "anxiety"}),
]


def run(folder: Path, arguments: list[Any], url: str = "") -> None:
    """Run a command that must succeed."""
    told = [str(part).replace("{url}", url) for part in arguments]
    subprocess.run(command(*told), cwd=folder, env=environment(), check=True, capture_output=True)


def make(folder: Path) -> None:
    """Fill a new folder with builds, and their store with what is asked, decided and judged."""
    folder.mkdir()
    with TestEndpoint(any_model=True) as endpoint:
        leave_unfinished(folder, endpoint)
        for name in ("meld", "crema_d"):
            run(folder, BUILDS[name], endpoint.base_url)
        ids = review(folder / "output" / "meld")
        run(folder, [*BUILDS["meld"], "--redraft", ids], endpoint.base_url)
        compare(folder / "output" / "meld", folder / "output" / "meld@2")
        where = ("--model", "judge-1", "--base-url", endpoint.base_url, "--limit", "6")
        run(folder, ["judge", "output/crema_d", *where])
    with SpeechServer() as server:
        voice = ("--speak", "--tts", "loud-1", "--tts-base-url", server.base_url)
        corpus = ("--corpus", "emowoz", "--sample", "--name", "spoken", "--output", "output")
        run(folder, ["build", *corpus, *voice, "--no-read-back", "--limit", "2"])
    run(folder, ["report", "output/meld"])


def leave_unfinished(folder: Path, endpoint: TestEndpoint) -> None:
    """Kill a build when some of its answers are committed."""
    endpoint.control(latency=0.3, rules=RULES)
    told = [part.replace("{url}", endpoint.base_url) for part in BUILDS["unfinished"]]
    build = subprocess.Popen(
        command(*told, "--max-concurrency", "1"), cwd=folder, env=environment()
    )
    store = folder / "output" / "hearten.sqlite"
    while not store.exists() or rows(store).get("answers", 0) < ANSWERED_BEFORE_THE_KILL:
        time.sleep(0.05)
    build.send_signal(signal.SIGKILL)
    build.wait()
    endpoint.control(latency=0.0, rules=RULES)


def review(build: Path) -> str:
    """Let people decide about a build; return the ids of the first five."""
    with Server(build, "--overlap", 2, "--hidden-share", 0.2) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        kept = [decide(ann, verdict, **more) for verdict, more in ANN]
        ann.post("/undo", {})
        for verdict, more in BOB:
            decide(bob, verdict, **more)
    with Server(build, "--overlap", 2) as server:
        lea = Visitor(server, "Lea")
        settle(lea, kept)
        given = lea.items()[0]
        assert lea.post("/gold", decision(given, "reject", reason="generic"))[0] == 200
    return ",".join(kept[:5])


def shown(visitor: Visitor) -> dict[str, Any]:
    """Return somebody's next item, after a first answer where its draft is hidden."""
    item = visitor.items()[0]
    if not item["hidden"]:
        return item
    about = {name: item[name] for name in ("item", "seen", "version")}
    first = {"strategies": ["validation"], "emotion": "anxiety"}
    status, item = visitor.post("/first-answer", about | first)
    assert status == 200, item
    return item


def decide(visitor: Visitor, verdict: str, **more: Any) -> str:
    """Decide about the next item; return its id."""
    item = shown(visitor)
    if verdict == "edit":
        text = f"{item['draft']['text']} I am here and I listen."
        more["reply"] = {**item["draft"], "text": text}
    status, answered = visitor.decide(item, verdict, **more)
    assert status == 200, (verdict, answered)
    return str(item["item"])


def settle(lea: Visitor, items: list[str]) -> None:
    """Settle the first item on which Ann and Bob disagree."""
    for item in items:
        status, _, page = lea.ask("GET", f"/disputed?item={item}")
        if status == 200:
            lea.page = page.decode()
            (one,) = lea.start()["items"]
            assert lea.post("/adjudicate", decision(one, comment="it fits"))[0] == 200
            return
    raise AssertionError("nothing is disputed")


def compare(first: Path, second: Path) -> None:
    """Let Ann and Bob compare the drafts of two builds; Ann takes her last comparison back."""
    with Server(first, "--against", second, "--overlap", 2) as server:
        for name, choice in (("Ann", "a"), ("Bob", "b")):
            visitor = Visitor(server, name)
            for pair in visitor.get("/pairs?count=2")["items"]:
                heard = {"choice": choice, "seconds_heard": pair["duration"] or 0}
                sent = {k: v for k, v in decision(pair).items() if k != "verdict"} | heard
                status, answered = visitor.post("/compare", sent)
                assert status == 200, answered
            if name == "Ann":
                visitor.post("/compare/undo", {})


def rows(store: Path) -> dict[str, int]:
    """Return how many rows each table of a store has."""
    with sqlite3.connect(store) as connection:
        query = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        names = [name for (name,) in connection.execute(query)]
        return {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in names
        }


def what_is_held(folder: Path) -> dict[str, Any]:
    """Return what the store holds, and what it costs to make each build again from it."""
    store = folder / "output" / "hearten.sqlite"
    with sqlite3.connect(store) as connection:
        keys = [key for (key,) in connection.execute("select key from answers order by key")]
    return {
        "rows": rows(store),
        "builds": BUILDS,
        "made_again": {name: made_again(folder, name) for name in BUILDS},
        "answers": keys,
    }


def made_again(folder: Path, name: str) -> dict[str, int]:
    """Return what a build's own command costs on a copy; a finished one is built by a new name.

    `sent` are requests, with those that find out what the endpoint understands; `answers` are new.
    """
    told = list(BUILDS[name])
    if (folder / "output" / name / "manifest.json").exists():
        told[told.index("--name") + 1] = "again"
    with tempfile.TemporaryDirectory() as copy, TestEndpoint(any_model=True) as endpoint:
        store = shutil.copytree(folder / "output", Path(copy) / "output") / "hearten.sqlite"
        before = rows(store)["answers"]
        run(Path(copy), told, endpoint.base_url)
        return {"sent": endpoint.log()["count"], "answers": rows(store)["answers"] - before}


def main() -> None:
    """Make everything, and pack it."""
    folder = Path(sys.argv[1])
    make(folder)
    with tarfile.open(HERE / "output.tar.xz", "w:xz", preset=9) as archive:
        archive.add(folder / "output", "output")
    held = json.dumps(what_is_held(folder), indent=1)
    (HERE / "what.json").write_text(held + "\n", "utf-8")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

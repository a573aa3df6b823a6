"""A small build with clips, built once; a store in each database; a few people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builds import hearten
from sites import Site

from builders.record.dataset import Build
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.data.people import People
from builders.review.data.queue import Queue
from builders.store.database import Store


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build of MELD's invented sample, called ``meld``; only to be read."""
    output = tmp_path_factory.mktemp("built")
    ended = hearten("build", "--corpus", "meld", "--sample", "--name", "meld", "--output", output)
    assert ended.code == 0, ended.err
    return output / "meld"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of that build and its store, to be changed."""
    shutil.copytree(built.parent, tmp_path / "output")
    return tmp_path / "output" / "meld"


@pytest.fixture
def site(folder: Path, url: str) -> Site:
    """A build of one's own and a store without anything, in SQLite and in PostgreSQL."""
    return Site(folder, url)


@pytest.fixture
def review(store: Store, built: Path) -> SimpleNamespace:
    """The build, registered in the store, and three annotators: ann, bob, cem; lea is the lead."""
    items, people = Items(store), People(store)
    build = Build(built)
    list(items.register(build))
    return SimpleNamespace(
        store=store,
        build=build,
        name="meld",
        items=items,
        people=people,
        reviews=Reviews(store),
        queue=Queue(store),
        ann=people.named("Ann"),
        bob=people.named("Bob"),
        cem=people.named("Cem"),
        lea=people.named("Lea", "lead"),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser, for the tests of one file."""
    from browsing import chromium  # here, as few tests need one

    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build whose clips last about a second each; only to be read."""
    output = tmp_path_factory.mktemp("short")
    wanted = ("--corpus", "iemocap", "--sample", "--name", "scenes", "--output", output)
    ended = hearten("build", *wanted)
    assert ended.code == 0, ended.err
    return output / "scenes"


@pytest.fixture
def scenes(short: Path, tmp_path: Path) -> Path:
    """A copy of that build and its store, to be changed."""
    shutil.copytree(short.parent, tmp_path / "output")
    return tmp_path / "output" / "scenes"


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of items that are hard to show, in an order that is known."""
    from hard import hard_build
    from serving import Server

    folder = hard_build(tmp_path_factory.mktemp("hard") / "output" / "hard")
    with Server(folder, "--overlap", 20) as running:
        yield running

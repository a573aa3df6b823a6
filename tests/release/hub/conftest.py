"""A loopback Hub for each test, corpora with other terms, and waits too short to notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import huggingface_hub.file_download
import pytest
from hub.client import client_of
from hub.server import LoopbackHub
from publishable import OPEN

from builders.corpora import Card, Rights, SpeakersConsent, load_card
from builders.release import rights
from builders.release.hub.client import Hub
from builders.release.hub.release import Published, PublishOptions, publish
from builders.release.rules import PublishRules


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub on this machine, with a namespace `org` that the token hf_test may write to."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with LoopbackHub(tmp_path / "hub") as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's own waits between tries pass at once."""
    import huggingface_hub.utils._http as http

    quick = SimpleNamespace(**vars(http.time))
    quick.sleep = lambda seconds: None
    monkeypatch.setattr(http, "time", quick)


@pytest.fixture
def terms(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Card]:
    """Give MELD's card other rights, as another corpus has them; all yes under ODbL by default."""

    def give(**changed: Any) -> Card:
        voices = SpeakersConsent(consent=changed.pop("consent", "yes"))
        held = {"rights": Rights(**{**OPEN, **changed}), "voices": voices}
        card = load_card("meld").model_copy(update=held)
        monkeypatch.setattr(rights, "load_card", lambda slug: card)
        return card

    return give


@pytest.fixture
def client(hub: LoopbackHub) -> Hub:
    """The client of one repository on the loopback Hub."""
    return client_of(hub)


@pytest.fixture
def release(client: Hub) -> Callable[..., Published]:
    """Publish a build to the loopback Hub."""

    def run(
        folder: Path, *, to: Hub = client, rules: PublishRules | None = None, **how: Any
    ) -> Published:
        asked = PublishOptions(folder, to.repo, **how)
        return publish(asked, rules or PublishRules(), to, lambda line: None)

    return run

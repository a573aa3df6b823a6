"""A client of the loopback Hub."""

from hub.server import LoopbackHub

from builders.release.hub.client import Hub

REPO = "org/dataset"


def client_of(hub: LoopbackHub, token: str | None = "hf_test", repo: str = REPO) -> Hub:
    """The client of one repository there, which hardly waits between tries."""
    return Hub(repo, endpoint=hub.url, token=token, pause=0.01)

"""Addresses of stores, looked at without what opens one: that takes a quarter of a second."""

from __future__ import annotations

from pathlib import Path


def store_exists(url: str) -> bool:
    """Return whether a store exists; a database server is assumed to exist."""
    path = url.removeprefix("sqlite:///")
    return "://" in path or Path(path).is_file()

"""The versions of a build by name: meld is the first, meld@2 and meld@3 follow."""

from __future__ import annotations


def version_of(name: str) -> tuple[str, int]:
    """Return the common name of all versions of a build, and the number of this one."""
    stem, _, number = name.rpartition("@")
    return (stem, int(number)) if stem and number.isdecimal() else (name, 1)


def named(stem: str, number: int) -> str:
    """Return the name of a version."""
    return stem if number == 1 else f"{stem}@{number}"


def next_name(name: str) -> str:
    """Return the name of the next version of a build: meld, meld@2, meld@3."""
    stem, number = version_of(name)
    return named(stem, number + 1)

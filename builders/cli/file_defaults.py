"""What `hearten.toml` and its profiles say for the options of a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PROFILE_VARIABLE = "HEARTEN_PROFILE"
# Commands that look into the store, or leave out what is excluded.
_READING = ("store", "exclusions")
_OF_STORE = ("store", "output", "clips")
# It lists all that is wrong with the file, so the file is not in force.
_VALIDATE = "validate"
# What a prompt is printed for is said on the command line alone.
_NOT_OF_PROMPT = ("corpus", "limit", "sample", "name", "show", "redraft")


def file_defaults(command: str, profile: str | None) -> dict[str, Any]:
    """Return the options of a command that the file sets, by name of the parameter.

    Args:
        command: its name, such as ``store upgrade``.
        profile: the profile that was asked for; None for that of the environment, if there is one.

    Raises:
        ConfigError: the file is wrong, or has no such profile.
    """
    return {name: value for name, (value, _) in file_values(command, profile).items()}


def file_values(command: str, profile: str | None) -> dict[str, tuple[Any, str]]:
    """Return the same, each value with where it stands: ``profile NAME`` or ``hearten.toml``."""
    path = Path("hearten.toml")
    if command == _VALIDATE:
        return {}
    profile = profile or os.environ.get(PROFILE_VARIABLE) or None
    if not path.is_file() and profile is None:
        return {}
    from builders.settings.file import load_settings
    from builders.settings.named import check_profile

    settings = load_settings(path)
    profiles = settings.get("profiles", {})
    check_profile(profile, [*profiles], path)
    found = {n: (_listed(n, v), str(path)) for n, v in settings.get("build", {}).items()}
    if profile is not None:
        of = f"profile {profile}"
        found |= {n: (_listed(n, v), of) for n, v in profiles[profile].items()}
    if os.environ.get("OPENAI_BASE_URL"):
        found.pop("base_url", None)  # the environment goes before the file
    return {n: found[n] for n in found if _takes(command, n)}


def _listed(name: str, value: object) -> object:
    """Return a value; one value stands for a list of one."""
    from builders.settings import LISTED

    return [value] if name in LISTED and isinstance(value, str) else value


def _takes(command: str, name: str) -> bool:
    """Return whether a command takes this setting from the file."""
    if command == "build":
        return True
    if command == "prompt":
        return name not in _NOT_OF_PROMPT
    return name in (_OF_STORE if command.startswith("store ") else _READING)

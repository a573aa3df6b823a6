"""`hearten.toml` as the commands take it: corpora under their slugs, prices of all models."""

from __future__ import annotations

from pathlib import Path

from builders.corpora import resolve_slug
from builders.errors import ConfigError, UsageError
from builders.settings.file import SETTINGS_FILE, SettingsFile, load_settings
from builders.settings.named import prices_of


def read_settings() -> SettingsFile:
    """Return `hearten.toml`; ConfigError where it names a corpus that there is not."""
    path = Path(SETTINGS_FILE)
    settings = load_settings(path)
    try:
        corpora = {resolve_slug(name): of for name, of in settings.get("corpora", {}).items()}
    except UsageError as error:
        raise ConfigError(f"[corpora]: {error}", where=path, do="correct that table") from error
    prices = settings.get("prices", {}) | prices_of(settings.get("models", {}))
    return {**settings, "corpora": corpora, "prices": prices}

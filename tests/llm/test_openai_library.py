"""`--client openai`: the versions of the library that will do, and what is said without one."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from builders.errors import ConfigError
from builders.llm.providers.openai_http import OpenAITransport

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]
ADDRESS = "http://127.0.0.1:1/v1"


def test_the_lowest_version_that_we_allow_sends_with_what_we_import():
    lowest = next(one for one in PROJECT["dependencies"] if one.startswith("openai"))
    # Version 2 had httpx; 3.0.0 is the first whose metadata requires httpx2.
    assert lowest == "openai>=3"
    required = [re.split(r"[^\w-]", one)[0] for one in metadata.requires("openai") or ()]
    assert "httpx2" in required


@pytest.mark.parametrize("missing", ["httpx2", "openai"])
def test_a_missing_package_is_named_in_one_line(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError) as caught:
        OpenAITransport(ADDRESS, "none", 1.0)
    said = str(caught.value)
    assert said.startswith("--client openai cannot be used: ") and "\n" not in said
    assert f"{missing} is missing" in said
    assert "expected openai 3 or later" in said and "pip install 'openai>=3'" in said


def test_a_library_that_is_not_installed_is_said_to_be_so(monkeypatch):
    def none(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.setattr(metadata, "version", none)
    with pytest.raises(ConfigError, match="openai is not installed"):
        OpenAITransport(ADDRESS, "none", 1.0)

"""Prompt templates: read from ``prompts/``, checked, and rendered strictly.

A template begins with a Jinja comment of three lines: ``id:``, ``version:`` (a whole number) and
``parts:`` (names with commas between). Header, body and call must name the same parts; anything
else is a `ConfigError`, at loading where the file alone shows it, otherwise at rendering.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import jinja2
from jinja2 import meta

from builders import resources
from builders.errors import ConfigError, nearest
from builders.labels.tables import read_rows
from builders.llm.settings import DRAFT_VERSION

_FOLDERS = {1: "draft/1", DRAFT_VERSION: "draft"}
_DRAFTING = ("system.j2", "user.j2", "choices.j2", "correction.j2")
DRAFT_TEMPLATES = tuple(f"draft/{name}" for name in _DRAFTING)
# Apart from those, so that an edited word of them makes no draft stale that does not have it.
REDRAFT_TEMPLATE = "draft/redraft.j2"
FLAGGED_TEMPLATE = "draft/flagged.j2"
HEAR_TEMPLATE = "draft/hear.j2"
SEE_TEMPLATE = "draft/see.j2"
LANGUAGE_TEMPLATE = "draft/language.j2"
VOICE_TEMPLATE = "draft/voice.j2"
DEMONSTRATIONS_TEMPLATE = "draft/demonstrations.j2"
SUMMARY_TEMPLATE = "background/ask.j2"
PLAN_TEMPLATE = "draft/plan.j2"
CAPTION_TEMPLATE = "caption/ask.j2"

_HEADER = re.compile(r"\A\{#\n(.*?)\n#\}\n", re.DOTALL)
_KEYS = ["id", "version", "parts"]


class Rendered(str):
    """What a template of ours has rendered; another template writes it as it is."""

    __slots__ = ()


def _written(value: object) -> str:
    """Return what a template writes: text, on one line, so that a corpus cannot start a section."""
    if not isinstance(value, str):
        raise TypeError(f"{value!s} stands where text is expected")
    if isinstance(value, Rendered) or (value.isprintable() and "  " not in value):
        return value
    return " ".join(value.split())


_ENVIRONMENT = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    finalize=_written,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,
)


class Template:
    """One template file.

    Attributes:
        id: the name in the header, such as ``draft/user``.
        number: the whole number after ``version:``.
        version: ``<id> <number>+<first 12 hex digits of the file's SHA-256>``.
        parts: the names that `render` must be given, no more and no fewer.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the file at `path`; raises `ConfigError` naming file and part."""
        source = _read(path)
        header = _header(source, path)
        self.path = path
        self.id = header["id"]
        self.number = header["version"]
        self.version = f"{self.id} {self.number}+{sha256(source.encode()).hexdigest()[:12]}"
        self.parts = frozenset(part.strip() for part in header["parts"].split(","))
        self._body = _compile(source, path)
        self._check_body(source)

    def render(self, **parts: object) -> Rendered:
        """Return the prompt. None or an empty list leaves the part's section out.

        Raises:
            ConfigError: a part is missing or is not in the header, or holds what cannot be written.
        """
        if parts.keys() != self.parts:
            raise self._parts_error(set(parts))
        try:
            return Rendered(self._body.render(parts))
        except (jinja2.UndefinedError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the template cannot be rendered: {error}",
                where=self.path,
                expected="every part to hold what the template writes",
                do="correct the template or the part",
            ) from error

    def _parts_error(self, given: set[str]) -> ConfigError:
        missing, unknown = sorted(self.parts - given), sorted(given - self.parts)
        faults = [f"part {name} is missing" for name in missing]
        faults += [f"part {name} is given but not in the header" for name in unknown]
        return ConfigError(
            ", ".join(faults),
            where=self.path,
            expected=f"exactly {', '.join(sorted(self.parts))}",
            do="give these parts, or change the line 'parts:' of the template",
        )

    def _check_body(self, source: str) -> None:
        used = meta.find_undeclared_variables(_ENVIRONMENT.parse(source))
        unused, undeclared = sorted(self.parts - used), sorted(used - self.parts)
        faults = [f"part {name} is in the header but never used" for name in unused]
        faults += [f"{name} is used but is no part in the header" for name in undeclared]
        if faults:
            raise ConfigError(
                ", ".join(faults),
                where=self.path,
                expected="the line 'parts:' and the body to name the same parts",
                do="correct that line or the body",
            )


def template_faults(path: Path) -> Iterator[ConfigError]:
    """Yield all that is wrong with a template, also what only `render` would find.

    Which parts a prompt is given stands in ``prompts/_parts.tsv``.
    """
    source = _read(path)
    header = _header(source, path)
    declared = {part.strip() for part in header["parts"].split(",")}
    _compile(source, path)
    given = _given(path, header["id"]) or frozenset(declared)
    expected = f"exactly {', '.join(sorted(given))}"
    for name, line in _used(source).items():
        if name not in given:
            yield ConfigError(
                f"there is no part {name}",
                where=f"{path}:{line}",
                expected=expected,
                do=_nearest_part(name, given),
            )
        elif name not in declared:
            yield ConfigError(
                f"part {name} is used and is not in the header",
                where=f"{path}:{line}",
                do="add it to the line 'parts:'",
            )
    for name in sorted(given - _used(source).keys()):
        yield ConfigError(
            f"part {name} is never used", where=path, expected=expected, do="write it"
        )
    for name in sorted(declared - given - _used(source).keys()):
        yield ConfigError(
            f"part {name} is in the header, and nothing gives it",
            where=path,
            expected=expected,
            do="correct the line 'parts:'",
        )


def _nearest_part(name: str, given: Collection[str]) -> str:
    near = nearest(name, given)
    return f"did you mean {near}?" if near else "leave it out"


def _used(source: str) -> dict[str, int]:
    """Return the parts that a template's body uses, each with its first line."""
    parsed = _ENVIRONMENT.parse(source)
    undeclared = meta.find_undeclared_variables(parsed)
    found: dict[str, int] = {}
    for name in parsed.find_all(jinja2.nodes.Name):
        if name.name in undeclared:
            found.setdefault(name.name, name.lineno)
    return found


@cache
def given_parts() -> Mapping[str, frozenset[str]]:
    """Return the parts that each template is given, by its place below ``prompts/``."""
    rows = read_rows(resources.prompts() / "_parts.tsv", ("template", "parts"), key=("template",))
    return {row.text("template"): frozenset(row.text("parts").split(" ")) for row in rows}


def _given(path: Path, name: str) -> frozenset[str] | None:
    """Return the parts of the template that a file is an edit of: by its place, or else its id."""
    parts = path.absolute().with_suffix("").parts
    places = ("/".join(parts[at:]) for at in range(len(parts)))
    return next((given_parts()[one] for one in (*places, name) if one in given_parts()), None)


@cache
def load(relative: str) -> Template:
    """Return the template at `relative` (such as ``draft/user.j2``) below ``prompts/``."""
    return Template(resources.prompts() / relative)


def drafting(name: str, number: int = DRAFT_VERSION) -> Template:
    """Return a template of one version of the prompt for replies, such as ``user``."""
    return load(f"{_FOLDERS[number]}/{name}.j2")


@cache
def draft_version(number: int = DRAFT_VERSION) -> str:
    """Return one version for all that is sent to draft a reply: ``draft <numbers>+<12 hex>``.

    The numbers are those of its templates with dots between; the digest is over their versions.
    """
    templates = [load(f"{_FOLDERS[number]}/{name}") for name in _DRAFTING]
    digest = sha256("\n".join(template.version for template in templates).encode())
    numbers = ".".join(template.number for template in templates)
    return f"draft {numbers}+{digest.hexdigest()[:12]}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the template cannot be read ({error})",
            where=path,
            expected="a UTF-8 text file",
            do="restore it from the installed version",
        ) from error


def _header(source: str, path: Path) -> dict[str, str]:
    found = _HEADER.match(source)
    lines = found[1].splitlines() if found else []
    pairs = [(key.strip(), value.strip()) for key, _, value in (x.partition(":") for x in lines)]
    header = dict(pairs)
    if [key for key, _ in pairs] != _KEYS or not all(header.values()):
        raise ConfigError(
            "the template's header is missing or incomplete",
            where=path,
            expected="a leading comment {# … #} with the lines id:, version: and parts:",
            do="write these three lines, in this order, before the body",
        )
    if not header["version"].isdecimal():
        raise ConfigError(
            f"version {header['version']!r} is not a number",
            where=path,
            expected="a whole number",
            do="correct the line 'version:'",
        )
    return header


def _compile(source: str, path: Path) -> jinja2.Template:
    try:
        compiled = _ENVIRONMENT.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(
            f"the template is not valid Jinja: {error.message}",
            where=f"{path}:{error.lineno}",
            expected="closed tags and known filters",
            do="correct that line",
        ) from error
    # Every call copies them: from one dictionary faster than from the library's chain of two.
    compiled.globals = dict(compiled.globals)
    return compiled

"""The terms of what models wrote: a public repository needs all of them known, and allowing it.

    [models.NAME]
    output_terms = "Provider's terms of use"
    terms_link = "https://example.org/terms"
    terms_read = "2026-11-30"      # when somebody read them
    may_train = true               # other models may be trained on the output
    may_publish = true             # the output may be published

The tables are in `hearten.toml`, the name of the terms also in each record, from the time of the
build; two names that differ are unknown terms. Unknown counts as no. The phrasebook's phrases are
ours, under the licence of Hearten, Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from builders.errors import ConfigError
from builders.llm.settings import PHRASEBOOK
from builders.record.data_file import DataFile
from builders.settings.named import ModelTable, served_name


@dataclass(frozen=True)
class OutputTerms:
    """The terms of one model's output; None is not known, for `may_train` and `may_publish` too."""

    model: str
    name: str | None = None
    link: str | None = None
    read: str | None = None
    may_train: bool | None = None
    may_publish: bool | None = None

    @property
    def fault(self) -> str | None:
        """Return why the output may not be public, None if it may."""
        if missing := [field for field, value in asdict(self).items() if value is None]:
            return f"not known ({', '.join(missing)})"
        said = {"training": self.may_train, "publishing": self.may_publish}
        against = [what for what, may in said.items() if not may]
        return f"against {' and '.join(against)}" if against else None

    @property
    def sentence(self) -> str:
        """Return the terms as the card, Croissant and the terminal say them."""
        start = f"terms of the output of {self.model}: "
        if self.name is None:
            return f"{start}not known"
        may = {"training": self.may_train, "publishing": self.may_publish}
        said = {True: "allowed", False: "not allowed", None: "not known"}
        told = ", ".join(f"{what} {said[value]}" for what, value in may.items())
        where = f" ({self.link})" if self.link else ""
        return f"{start}{self.name}{where}, read {self.read or 'at an unknown date'}: {told}"


def output_terms_of(shards: Iterable[Path], models: Mapping[str, ModelTable]) -> list[OutputTerms]:
    """Return the terms of each model that drafted replies or other drafts, by name.

    Args:
        shards: the files of a build.
        models: the tables `[models.NAME]` of `hearten.toml`.
    """
    drafted: dict[str, set[str | None]] = {}
    for model, name in _drafted(shards):
        drafted.setdefault(model, set()).add(name)
    return [_stated(model, names - {None}, models) for model, names in sorted(drafted.items())]


def _drafted(shards: Iterable[Path]) -> Iterator[tuple[str, str | None]]:
    """Yield each model that drafted in a record, with the name of its terms there, if known."""
    for shard in shards:
        with DataFile(shard) as file:
            for batch in file.batches(["drafting"]):
                for row in batch.to_pylist():
                    drafting = row["drafting"]
                    if drafting["provider"] == PHRASEBOOK:
                        continue
                    yield drafting["model"], drafting["output_terms"]
                    for other in drafting["candidates"] or ():
                        yield other["model"], None


def _stated(model: str, recorded: set[str | None], models: Mapping[str, ModelTable]) -> OutputTerms:
    """Return the terms of a model; of several tables that fit, those that allow least."""
    found = [
        OutputTerms(
            model,
            table.get("output_terms"),
            table.get("terms_link"),
            table.get("terms_read"),
            table.get("may_train"),
            table.get("may_publish"),
        )
        for name, table in models.items()
        if served_name(name, models) == model
    ]
    found = [one for one in found if recorded <= {one.name}]
    if not found:
        return OutputTerms(model, next(iter(recorded)) if len(recorded) == 1 else None)
    return next((one for one in found if one.fault), found[0])


def check_output_terms(terms: Iterable[OutputTerms]) -> None:
    """Raise ConfigError with the first model whose output may not be public."""
    for one in terms:
        if one.fault:
            raise ConfigError(
                f"the terms of the output of {one.model} are {one.fault}",
                where="hearten.toml",
                expected="known terms that allow training and publishing, or a private repository",
                do="state output_terms, terms_link, terms_read, may_train and may_publish in its "
                "table [models.NAME], or publish without --public to a private repository",
            )

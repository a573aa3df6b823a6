"""What `manifest.json` holds, as types; it is checked against them when it is read."""

from __future__ import annotations

from typing import Any, NotRequired

# typing.TypedDict cannot be validated by pydantic before Python 3.12.
from typing_extensions import TypedDict


class ManifestFile(TypedDict):
    """A Parquet file of a build: its path below the folder, its size, its rows, its digest."""

    path: str
    bytes: NotRequired[int]
    rows: int
    sha256: str


class TotalCounts(TypedDict):
    """Utterances: read = kept + rejected + held for people + not selected.

    Builds of earlier releases held none.
    """

    read: int
    kept: int
    rejected: int
    not_selected: int
    held: NotRequired[int]


class SplitCounts(TypedDict):
    """The same of one split, by reason."""

    read: int
    kept: int
    rejected: dict[str, int]
    not_selected: dict[str, int]
    held: NotRequired[dict[str, int]]


class CaptionCounts(TypedDict):
    """How many captions, or summaries, were kept, and how many were not, by reason."""

    kept: int
    dropped: dict[str, int]


class RunCost(TypedDict):
    """What the responses cost; `usd` is None if no price is known."""

    prompt_tokens: int
    completion_tokens: int
    usd: float | None


class LearntEstimate(TypedDict):
    """What was expected of a run after its first samples, all runs before it included.

    `usd` is None where no price is known. Errors are shares: 0.05 is a twentieth too much;
    `cost_error` is that of tokens where nothing is paid.
    """

    after: int
    usd: float | None
    tokens: int
    seconds: float
    cost_error: float | None
    time_error: float | None


class PriceUsed(TypedDict):
    """US dollars for a million tokens, and who says so, with the date of a list."""

    prompt: float
    completion: float
    source: str


class ReaderNote(TypedDict):
    """A choice the reader made while reading the corpus, and how often."""

    note: str
    split: str
    count: int


class SetCheck(TypedDict):
    """A measure of all replies, beside that of what people said next; None where none did.

    `low` to `high` is the 95 % interval of people's; `texts` of each side were compared, and
    `tokens` words of them where different words are counted. `example` is what was found most
    often, where that can be named; `any_length` is true where people say too little that is as
    long as the replies.
    """

    code: str
    value: float
    people: float | None
    low: float | None
    high: float | None
    texts: int
    tokens: int
    out: bool
    example: NotRequired[str]
    any_length: NotRequired[bool]


class QualificationPart(TypedDict):
    """How much of one part a model got right: `low` to `high` is the 95 % interval."""

    part: str
    right: int
    of: int
    share: float
    low: float
    high: float
    least: float


class QualificationResult(TypedDict):
    """What a model was found to be able to do, before it votes or describes clips."""

    model: str
    purpose: str
    qualified: bool
    parts: list[QualificationPart]


class ManifestResult(TypedDict):
    """The part that is the same whenever the responses are; `config` has the settings by name."""

    name: str
    limit: int | None
    config: dict[str, Any]
    counts: TotalCounts
    rejected: dict[str, int]
    splits: dict[str, SplitCounts]
    notes: list[ReaderNote]
    files: list[ManifestFile]
    voice: NotRequired[dict[str, Any] | None]
    captions: NotRequired[CaptionCounts | None]
    # Of what a model told of the turns before the window, where that was asked for.
    summaries: NotRequired[CaptionCounts]
    speech: NotRequired[dict[str, Any] | None]
    contribution: NotRequired[dict[str, Any] | None]
    set_checks: NotRequired[list[SetCheck]]
    # Of models that vote or describe clips; of builds before 0.2 there is none.
    qualification: NotRequired[list[QualificationResult]]
    # The SHA-256 of each file below `fits/`, by its name.
    fits: NotRequired[dict[str, str]]
    # Of a set of several builds.
    combined: NotRequired[list[dict[str, Any]]]
    leaks: NotRequired[list[dict[str, Any]]]
    # Of a build as reviewers see it.
    agreement: NotRequired[dict[str, Any]]
    audit: NotRequired[dict[str, Any]]


class ManifestRun(TypedDict):
    """The part that varies from run to run; times in seconds since 1970.

    A build restored from the Hub has only versions and cost.
    """

    cost: RunCost
    versions: dict[str, str]
    started: NotRequired[float]
    finished: NotRequired[float]
    seconds: NotRequired[float]
    host: NotRequired[str]
    store: NotRequired[str]
    endpoints: NotRequired[list[str]]
    requests: NotRequired[int]
    # The cost of all runs of this build, which is `cost` to earlier releases; and the cost of the
    # responses in it, whichever build paid for them.
    spent: NotRequired[RunCost]
    cost_of_answers: NotRequired[RunCost]
    # By model; null where no price is known. The estimate is null where few were asked about.
    prices: NotRequired[dict[str, PriceUsed | None]]
    estimate: NotRequired[LearntEstimate | None]
    # The stored messages of HTTP requests: how many, their bytes, and their stored bytes.
    messages: NotRequired[dict[str, int]]
    report_seconds: NotRequired[float]
    report_cpu_seconds: NotRequired[float]
    # The decisions and judgements in a reviewed copy.
    reviewed: NotRequired[str]
    # Of a build upgraded to a newer record version: the name of the original.
    upgraded_from: NotRequired[str]


class Manifest(TypedDict):
    """The content of `manifest.json`."""

    result: ManifestResult
    run: ManifestRun
    hydrated: NotRequired[dict[str, Any]]

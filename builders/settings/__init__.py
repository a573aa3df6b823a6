"""Settings of a build: flags, then environment, then `hearten.toml`; unknown keys are refused.

The command line library resolves the order; this module says what there is, what identifies a build
and what may differ between two runs of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from builders.errors import ConfigError, Suggested, suggested
from builders.llm.settings import (
    DEFAULT_BASE_URL,
    DRAFT_VERSION,
    KEY_VARIABLES,
    PATIENCE,
    PHRASEBOOK,
    REPLY_TOKENS,
    TEMPERATURE,
    TIMEOUT,
    TOP_P,
    AnswerTokens,
    AtLeastOne,
    Client,
    Limits,
    ModelSettings,
    Part,
    Positive,
    PositiveCount,
    Sampling,
    SamplingValue,
    Temperature,
    TopP,
)
from builders.record.redraft import Redraft

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# An API key is only sent where it belongs: captions from another address have another key.
MODEL_KEY = "HEARTEN_MODEL_API_KEY"
CAPTION_KEY = "HEARTEN_CAPTION_API_KEY"
VOTE_KEY = "HEARTEN_VOTE_API_KEY"
MODERATION_KEY = "HEARTEN_MODERATION_API_KEY"
JUDGE_KEY = "HEARTEN_JUDGE_API_KEY"
SPEECH_KEY = "HEARTEN_TTS_API_KEY"
STORE_FILE = "hearten.sqlite"
CLIPS_FOLDER = "clips"
HIBARI = "hibari"

Resume = Literal["if-possible", "always", "never"]
ClipCheckName = Literal["vad", "dnsmos", "asr", "pitch"]
BackgroundFrom = Literal["model", "corpus", "none"]


class Voting(NamedTuple):
    """A model that votes or drafts, and its own address or None."""

    model: str
    address: str | None


def voting(written: str) -> Voting:
    """Return what ``MODEL`` or ``MODEL@URL`` names; a model's own name may hold an @."""
    model, _, address = written.rpartition("@")
    return Voting(model, address) if "://" in address and model else Voting(written, None)


def clips_folder(store: str | None, output: Path, clips: Path | None = None) -> Path:
    """Return the folder of encoded clips and synthetic speech; by default beside the store."""
    beside = output if store is None or "://" in store else Path(store).parent
    return clips or beside / CLIPS_FOLDER


# What --demonstrations may name beside a folder.
OURS, NO_CASES = "ours", "none"
PlanBy = Literal["hash", "model", "none"]


class BuildConfig(BaseModel):
    """All settings of one run of `build`. Units are seconds, tokens and US dollars."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    corpus: str
    source: Path
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")
    output: Path = Path("output")
    splits: tuple[str, ...] = ()
    text_only: bool = False
    follow_links: bool = False
    context_turns: int = Field(8, ge=0)
    emotions: tuple[str, ...] = ()
    min_words: int = Field(0, ge=0)
    max_per_emotion: int | None = Field(None, ge=1)
    exclude_emotions: tuple[str, ...] = ()
    min_agreement: float | None = Field(None, ge=0, le=1)
    known_agreement: bool = False
    no_ambiguous: bool = False
    balance: Literal["emotion", "strategy"] | None = None
    reply_worthy: bool = False
    replace_names: bool = False
    limit: int | None = Field(None, ge=1)
    persona: Literal["assistant", "addressee"] = "assistant"
    model: str | None = None
    drafters: tuple[str, ...] = ()
    drafts: int = Field(1, ge=1)
    base_urls: tuple[str, ...] = ()
    vote_models: tuple[str, ...] = ()
    client: Client = "aiohttp"
    temperature: Temperature = TEMPERATURE
    top_p: TopP = TOP_P
    reply_tokens: AnswerTokens = REPLY_TOKENS
    left_out: tuple[SamplingValue, ...] = ()
    max_concurrency: AtLeastOne | None = None
    timeout: Positive = TIMEOUT
    patience: Positive = PATIENCE
    max_usd: Positive | None = None
    max_tokens: PositiveCount | None = None
    workers: int | None = Field(None, ge=1)
    store: str | None = None
    clips: Path | None = None
    resume: Resume = "if-possible"
    retry_failed: bool = False
    retry_kinds: tuple[str, ...] = ()
    label_view: str | None = None
    on_error: Literal["quarantine", "stop"] | None = None
    clip_checks: tuple[ClipCheckName, ...] = ()
    min_speech: float | None = Field(None, ge=0, le=1)
    min_dnsmos: float | None = Field(None, ge=1, le=5)
    reject_findings: tuple[str, ...] = ()
    exclusions: Path = Path("exclusions.tsv")
    speak: bool = False
    speak_replies: bool = False
    tts: str = HIBARI
    tts_voice: str | None = None
    tts_base_urls: tuple[str, ...] = ()
    read_back: bool = True
    misheard_words: float = Field(0.3, ge=0, le=1)
    estimate: bool = False
    redraft: Redraft | None = None
    enforce_set_gates: bool = False
    demonstrations: str | None = None
    background: BackgroundFrom = "corpus"
    real_names: bool = False
    draft_prompt: int = Field(DRAFT_VERSION, ge=1, le=DRAFT_VERSION)
    plan: PlanBy | None = None
    tag_model: str | None = None
    route_model: str | None = None
    moderation: str | None = None
    demonstrations_by: Literal["words", "meaning"] = "words"
    hear: bool = False
    hear_seconds: float = Field(30.0, gt=0)
    see: bool = False
    may_send: tuple[str, ...] = ()
    caption_model: str | None = None
    caption_base_urls: tuple[str, ...] = ()
    # Of models with a table of their own: model, address and variable of the key; model and terms.
    model_keys: tuple[tuple[str, str, str], ...] = ()
    output_terms: tuple[tuple[str, str], ...] = ()

    @field_validator("name")
    @classmethod
    def _leaves_the_store_alone(cls, name: str) -> str:
        if name.startswith(STORE_FILE):
            raise ValueError(f"{STORE_FILE} is the name of the store")
        if name.lower() == CLIPS_FOLDER:
            raise ValueError(f"{CLIPS_FOLDER} is the name of the clips folder")
        return name

    @field_validator("clip_checks")
    @classmethod
    def _in_order(cls, names: tuple[ClipCheckName, ...]) -> tuple[ClipCheckName, ...]:
        return tuple(sorted(set(names)))

    @model_validator(mode="before")
    @classmethod
    def _first_drafter(cls, given: dict[str, Any]) -> dict[str, Any]:
        drafters = given.get("drafters")
        return given | {"model": voting(drafters[0]).model} if drafters else given

    @field_validator("vote_models", "drafters")
    @classmethod
    def _listed_once(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        models = [voting(one).model for one in written]
        if twice := next((model for model in models if models.count(model) > 1), None):
            raise ValueError(f"{twice} is listed more than once")
        return written

    @property
    def voters(self) -> tuple[str, ...]:
        """Return the models that vote, by name."""
        return tuple(voting(one).model for one in self.vote_models)

    @property
    def drafting(self) -> tuple[Voting, ...]:
        """Return the models that draft, each with its own address or None; none: the phrasebook."""
        alone = (Voting(self.model, None),) if self.model else ()
        return tuple(map(voting, self.drafters)) or alone

    @property
    def plans(self) -> PlanBy:
        """Return who plans; the phrasebook and version 1 of the prompt know no plans."""
        return (self.plan or "none") if self.model and self.draft_prompt > 1 else "none"

    @property
    def tagger(self) -> str | None:
        """Return the model that says what replies do, by name; None where cues do, or nobody."""
        return voting(self.tag_model).model if self.tag_model else None

    @property
    def router(self) -> str | None:
        """Return the model that routes beside the patterns, by name; None without one."""
        return voting(self.route_model).model if self.route_model else None

    @property
    def moderation_model(self) -> ModelSettings:
        """Return the moderation endpoint; with its own address it has its own API key."""
        model, address = voting(self.moderation or "")
        keys = (MODERATION_KEY,) if address else KEY_VARIABLES
        where = (address,) if address else self.base_urls
        return self._settings_of(model, where, keys, reads=True)

    @property
    def folder(self) -> Path:
        """Return the folder of the build's results."""
        return self.output / self.name

    @property
    def provider(self) -> str:
        """Return the provider of drafts: an endpoint, or the phrasebook if no model was chosen."""
        return "openai-compatible" if self.model else PHRASEBOOK

    @property
    def models(self) -> tuple[ModelSettings, ...]:
        """Return the models called over HTTP; a model with several purposes is listed once.

        A model with its own address has its own API key, so that no key is sent elsewhere.
        """
        found: dict[str, ModelSettings] = {}
        for model, address in self.drafting:
            keys = (MODEL_KEY,) if address else KEY_VARIABLES
            where = (address,) if address else self.base_urls
            found[model] = self._settings_of(model, where, keys)
        describes, own = self.caption_model, self.caption_base_urls
        if describes and describes not in found:
            keys = (CAPTION_KEY,) if own else KEY_VARIABLES
            found[describes] = self._settings_of(describes, own or self.base_urls, keys)
        for model, address in map(
            voting, (*self.vote_models, *filter(None, [self.tag_model, self.route_model]))
        ):
            keys = (VOTE_KEY,) if address else KEY_VARIABLES
            where = (address,) if address else self.base_urls
            found.setdefault(model, self._settings_of(model, where, keys))
        return tuple(found.values())

    def _settings_of(
        self,
        model: str,
        addresses: tuple[str, ...],
        keys: tuple[str, ...],
        reads: bool = False,
    ) -> ModelSettings:
        own = (key for *of, key in self.model_keys if of == [model, *addresses])
        drafts = model in {drafter.model for drafter in self.drafting}
        reads = reads or drafts or model in (self.tagger, self.router, *self.voters)
        reads = reads or (self.speaks and model == self.tts)
        hears = model == self.caption_model or (self.hear and drafts)
        sees = self.see and drafts
        sent: dict[Part, bool] = {"text": reads, "audio": hears, "video": sees}
        return ModelSettings(
            model=model,
            base_urls=addresses,
            sent=frozenset(part for part, wanted in sent.items() if wanted),
            keys=tuple(own) or keys,
            client=self.client,
            temperature=self.temperature,
            top_p=self.top_p,
            reply_tokens=self.reply_tokens,
            leave_out=self.left_out,
        )

    @property
    def limits(self) -> Limits:
        """Return the limits on concurrency, waiting and spending."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    @property
    def sampling(self) -> Sampling:
        """Return the sampling parameters of the drafting model."""
        return Sampling(self.temperature, self.top_p, self.reply_tokens)

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of all models, each once."""
        return list(dict.fromkeys(url for model in self.models for url in model.base_urls))

    @property
    def speaks(self) -> bool:
        """Return whether the build synthesises any speech."""
        return self.speak or self.speak_replies

    @property
    def speech_model(self) -> ModelSettings:
        """Return the speech model; with its own address it has its own API key."""
        known = {*self.base_urls, os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL}
        keys = KEY_VARIABLES if known.issuperset(self.tts_base_urls) else (SPEECH_KEY,)
        return self._settings_of(self.tts, self.tts_base_urls, keys)

    @property
    def clips_folder(self) -> Path:
        """Return the folder of encoded clips and synthetic speech; by default beside the store."""
        return clips_folder(self.store, self.output, self.clips)

    @property
    def store_url(self) -> str:
        """Return the address of the store; by default a file in the output folder."""
        return self.store or str(self.output / STORE_FILE)


# Options that may be repeated, and the settings that collect their values.
LISTED = {
    "model": "drafters",
    "base_url": "base_urls",
    "vote_model": "vote_models",
    "split": "splits",
    "emotion": "emotions",
    "exclude_emotion": "exclude_emotions",
    "retry_kind": "retry_kinds",
    "reject_finding": "reject_findings",
    "caption_base_url": "caption_base_urls",
    "tts_base_url": "tts_base_urls",
    "check": "clip_checks",
    "i_may_send": "may_send",
    "leave_out": "left_out",
}
# Settings that may differ between two runs of a build: extent, speed and route, never content.
MAY_CHANGE = frozenset(
    "limit max_concurrency workers timeout patience base_urls client max_usd max_tokens resume "
    "retry_failed retry_kinds estimate source output name on_error exclusions "
    "caption_base_urls tts_base_urls clips left_out enforce_set_gates demonstrations "
    "model_keys".split()
)

Settings = TypeVar("Settings", bound=BaseModel)

_NAME_HAS = "letters, digits and . _ @ -, with a letter or digit first"


def make_config(**settings: Any) -> BuildConfig:
    """Return a config; see `checked`."""
    return checked(BuildConfig, **settings)


def checked(kind: type[Settings], **settings: Any) -> Settings:
    """Return validated settings of a kind; pydantic's errors become one line."""
    try:
        return kind(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        # Users know the option, not the list that collects its values.
        field = next((option for option, gathered in LISTED.items() if gathered == field), field)
        wanted = _wanted(first)
        raise ConfigError(
            f"setting {field} is {first.get('input')!r}"
            + ("" if wanted["expected"] else f": {first['msg']}"),
            **wanted,
        ) from error


def _wanted(found: ErrorDetails) -> Suggested:
    """Return what was expected of a setting that pydantic refuses."""
    do = "change it on the command line, in HEARTEN_* or in hearten.toml"
    if found["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", found["ctx"]["expected"])
        return suggested(str(found["input"]), choices, do)
    # Only the name has a pattern, and a regular expression does not tell users what to type.
    return {"expected": _NAME_HAS if found["type"] == "string_pattern_mismatch" else None, "do": do}

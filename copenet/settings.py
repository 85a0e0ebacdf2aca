"""The settings of a study: every key of study.toml, what it means, and what it is when nobody says.

An unknown key is an error that names the nearest one. A flag or `--set section.key=value` overrides a setting.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from copenet.foundation.disclosure import SUPPRESS_BELOW
from copenet.foundation.errors import UsageError
from copenet.foundation.files import digest_of
from gnn.strategies import strategy

Store = Literal["ladybug", "neo4j"]
Exposure = Literal[
    "any_peer",
    "threshold",
    "proportion",
    "count",
    "recency_weighted",
    "similarity_weighted",
    "closed_triad",
    "isolated_peers",
    "structural_diversity",
]
Channel = Literal["replied_to", "received_reply", "co_thread"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudySection(_Section):
    """What is asked, and the seed of everything left to chance."""

    title: str = Field(default="", description="The name of the study, as the report prints it.")
    question: str = Field(default="", description="The question in one sentence.")
    seed: int = Field(default=7, ge=0, description="Same data, settings and seed give the same numbers.")


class IngestSection(_Section):
    """Which dumps are read, and who is not a person."""

    sources: tuple[str, ...] = Field(default=(), description="Files or folders to read; relative to this folder.")
    key_file: str = Field(default="", description='The key of the pseudonyms; "" means restricted/key.')
    bots: tuple[str, ...] = Field(default=(), description="Further usernames to treat as declared bots.")
    columns: dict[str, str] = Field(
        default={}, description='For tables no format recognises: role = "column" (id, author, parent, time, text, …).'
    )
    columns_platform: str = Field(default="table", description='What platform such a table is from, such as "x".')


class GraphSection(_Section):
    """The network, and the store that answers Cypher."""

    store: Store = Field(default="ladybug", description='"ladybug" (a file in this folder) or "neo4j" (a server).')
    uri: str = Field(default="bolt://127.0.0.1:7687", description="Where Neo4j listens.")
    user: str = Field(default="neo4j", description="The Neo4j user.")
    password_file: str = Field(default="", description='File with the password; "" means $COPENET_NEO4J_PASSWORD.')
    database: str = Field(default="neo4j", description="The Neo4j database.")
    store_text: bool = Field(default=False, description="Send scrubbed text to a Neo4j server, too.")
    window_days: int = Field(default=7, ge=1, le=366, description="Ties are counted in windows of this many days.")
    max_thread_people: int = Field(
        default=30, ge=2, description="Only so many first people of a thread are tied by co_thread."
    )
    resolution: float = Field(default=1.0, gt=0, description="Leiden's resolution: larger finds smaller communities.")


class TextSection(_Section):
    """How texts become vectors and labels."""

    encoder: str = Field(
        default="minilm",
        min_length=1,
        description='"minilm" (bundled, offline), a Hugging Face folder, or a name in the local cache.',
    )
    max_tokens: int = Field(default=128, ge=16, le=512, description="Tokens read of each message.")
    gold: str = Field(default="", description='CSV of gold labels (message_id, strategy, label); "" means none.')


class EffectSection(_Section):
    """The estimand. Declare it before you look at the outcome: the journal keeps the order."""

    design: Literal["panel", "replies"] = Field(
        default="panel", description='"panel": people by period. "replies": posts, by what others answered.'
    )
    outcome: str = Field(default="positive_reframing", description="One of the 14 Brief-COPE strategies.")
    exposure: Exposure = Field(default="any_peer", description=", ".join(f'"{name}"' for name in get_args(Exposure)))
    threshold: float = Field(default=0.5, gt=0, le=1, description='The share of peers that "threshold" asks for.')
    half_life: float = Field(
        default=1.0, gt=0, description='Periods in which a tie fades by half ("recency_weighted").'
    )
    channel: Channel = Field(default="received_reply", description='"replied_to", "received_reply" or "co_thread".')
    reply_hours: int = Field(
        default=72, ge=1, le=8_760, description="replies: an answer counts this long after a post."
    )
    helper_hours: int = Field(default=12, ge=1, le=8_760, description="replies: who is around this long may answer.")
    period_weeks: int = Field(
        default=2, ge=1, le=52, description="The length of a period; replies: of the outcome window, too."
    )
    lookback_weeks: int = Field(default=8, ge=1, le=520, description="Ties this long before a period make peers.")
    risk_periods: int = Field(default=4, ge=1, description="At risk: active in one of this many periods before.")
    burn_in_periods: int = Field(default=4, ge=1, description="Periods before the first row of the panel.")
    text_dimensions: int = Field(default=8, ge=0, description="Principal components of prior text to adjust for.")
    representation_dimensions: int = Field(
        default=8, ge=0, description="GraphSAGE outputs of prior text and ties to adjust for."
    )
    estimator: Literal["auto", "aipw", "plm", "shift"] = Field(
        default="auto", description='"auto": AIPW if binary, else plm. "shift": of a count or proportion.'
    )
    shift_peers: int = Field(default=1, ge=1, description='How many more exposing peers "shift" asks about.')
    missing_ties: float = Field(
        default=0.0, ge=0, lt=1, description="Share of ties known to be missing at random; 0: none, or not known."
    )
    unrelated: str = Field(
        default="", description='A strategy with no part in this outcome, as a negative control; "" means none.'
    )


class ReportSection(_Section):
    """The report and its figures."""

    suppress_below: int = Field(
        default=SUPPRESS_BELOW, ge=2, description="Counts of fewer people than this are not shown."
    )


_PRIVATE: dict[str, Any] = {"ingest": True, "text": {"gold"}, "graph": {"uri", "user", "password_file"}}


class Settings(_Section):
    """All settings of one study."""

    study: StudySection = StudySection()
    ingest: IngestSection = IngestSection()
    graph: GraphSection = GraphSection()
    text: TextSection = TextSection()
    effect: EffectSection = EffectSection()
    report: ReportSection = ReportSection()

    def public(self) -> dict[str, Any]:
        """Return the settings that may be shown: no usernames ([ingest]), and not where files and servers are."""
        return self.model_dump(mode="json", exclude=_PRIVATE)

    def digest(self) -> str:
        """Return the SHA-256 of the settings that may be shown; nobody can try usernames against it."""
        return digest_of(self.public())


def parse(text: str, where: str = "study.toml") -> Settings:
    """Return the settings written in TOML `text`.

    Raises:
        UsageError: It is not TOML, a key is unknown, or a value is not allowed; each fault is named with its key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not valid TOML: {error}.", remedy=f"Correct that line of {where}.") from error
    return validate(document, where)


def validate(document: Mapping[str, Any], where: str = "study.toml") -> Settings:
    """Return `document` as settings.

    Raises:
        UsageError: A key is unknown or a value is not allowed.
    """
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _explain(first, error.error_count() - 1, where) from error
    for name in filter(None, (settings.effect.outcome, settings.effect.unrelated)):
        strategy(name)  # one that nobody defined should not be found out after the embedding
    if settings.effect.unrelated == settings.effect.outcome:
        raise UsageError(
            f"{where}: effect.unrelated is the outcome itself.", remedy="Name another strategy there, or none."
        )
    return settings


def load(path: Path) -> Settings:
    """Read `path` as settings.

    Raises:
        UsageError: See `parse`.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8 text.", remedy="Save it as UTF-8.") from error


def override(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return `settings` with `changes` ({"effect.outcome": "acceptance"}), as a flag does it.

    Raises:
        UsageError: A key is unknown or a value is not allowed.
    """
    document = settings.model_dump(mode="json")
    for dotted, value in changes.items():
        section, _, key = dotted.partition(".")
        document.setdefault(section, {})
        if not key or not isinstance(document[section], dict):
            raise UsageError(f"{dotted} is not a setting.", remedy="Write it as section.key=value.")
        document[section][key] = value
    return validate(document, "the command line")


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Return `section.key=value` strings as a mapping; values are read as TOML, else as plain text.

    >>> parse_assignments(["effect.outcome=acceptance", "study.seed=3"])
    {'effect.outcome': 'acceptance', 'study.seed': 3}
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or "." not in key:
            raise UsageError(
                f"--set takes section.key=value, not {assignment!r}.",
                remedy="For example --set effect.outcome=acceptance",
            )
        changes[key.strip()] = toml_value(value.strip())
    return changes


def toml_value(text: str) -> Any:
    """Return `text` as the TOML value it is, else as the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def template(settings: Settings | None = None) -> str:
    """Return a commented study.toml that reads back to `settings` (the defaults when None).

    >>> parse(template()) == Settings()
    True
    """
    settings = Settings() if settings is None else settings
    lines = ["# The settings of this study. `copenet run` redoes whatever a change here makes stale."]
    for name in Settings.model_fields:
        section = getattr(settings, name)
        about = (type(section).__doc__ or "").strip()
        lines += ["", f"[{name}]  # {about}"]
        lines += [
            f"{key} = {_toml(getattr(section, key))}  # {info.description}"
            for key, info in type(section).model_fields.items()
        ]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return '"' + "".join(_escape(character) for character in value) + '"'
    return repr(value)


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if ord(character) < 0x20 or ord(character) == 0x7F:
        return f"\\u{ord(character):04x}"
    return character


def known_keys() -> list[str]:
    """Return every setting as `section.key`."""
    return [
        f"{name}.{key}"
        for name, field in Settings.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {})
    ]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the entry of `known` that `word` most likely means, or None.

    >>> nearest("outcom", ["outcome", "exposure"])
    'outcome'
    """
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _explain(fault: ErrorDetails, more: int, where: str) -> UsageError:
    place = [str(part) for part in fault["loc"]]
    dotted = ".".join(place[:2])
    rest = f" ({more} more fault{'s' if more > 1 else ''} after it.)" if more else ""
    if fault["type"] == "extra_forbidden":
        return UsageError(f"{where} has no setting {dotted}.{rest}", remedy=_suggest(place))
    reason = fault["msg"].removeprefix("Value error, ")
    return UsageError(f"{where}: {dotted} is not allowed: {reason}.{rest}", remedy=_describe(place))


def _suggest(place: list[str]) -> str:
    sections = list(Settings.model_fields)
    if len(place) == 1:
        guess = nearest(place[0], sections)
        owners = [known for known in known_keys() if known.split(".")[1] == place[0]]
        hint = owners[0] if owners else guess and f"[{guess}]"
        return f"Did you mean {hint}?" if hint else f"The sections are {', '.join(sections)}."
    keys = [known.split(".")[1] for known in known_keys() if known.startswith(place[0] + ".")]
    guess = nearest(place[1], keys)
    elsewhere = [known for known in known_keys() if known.endswith("." + place[1])]
    if guess or elsewhere:
        return f"Did you mean {elsewhere[0] if elsewhere else f'{place[0]}.{guess}'}?"
    return f"[{place[0]}] has {', '.join(keys)}."


def _describe(place: list[str]) -> str:
    section = Settings.model_fields.get(place[0])
    fields = getattr(section.annotation, "model_fields", {}) if section else {}
    info = fields.get(place[1]) if len(place) > 1 else None
    if info is None:
        return "Write it as a table of keys."
    choices = get_args(info.annotation)
    listed = f" One of: {', '.join(map(str, choices))}." if choices and isinstance(choices[0], str) else ""
    return f"{place[1]}: {info.description}{listed}"

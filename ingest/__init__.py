"""Dumps of conversations to the tables messages and texts."""

from ingest.forgotten import state_digest
from ingest.preview import preview, recognise
from ingest.pseudonyms import load_key, pseudonym
from ingest.quality_figures import quality
from ingest.removal import check_forget, check_withhold, forget, platform_of, withheld_ids, withhold
from ingest.rotation import check_rotation, rotate
from ingest.scrub import strip_quotes
from ingest.settings import How, IngestSettings, IngestSummary
from ingest.study_tables import ingest, read_messages, read_texts

__all__ = [
    "How",
    "IngestSettings",
    "IngestSummary",
    "check_forget",
    "check_rotation",
    "check_withhold",
    "forget",
    "ingest",
    "load_key",
    "platform_of",
    "preview",
    "pseudonym",
    "quality",
    "read_messages",
    "read_texts",
    "recognise",
    "rotate",
    "state_digest",
    "strip_quotes",
    "withheld_ids",
    "withhold",
]

"""Dumps of conversations to the tables messages and texts."""

from ingest.forgotten import state_digest
from ingest.formats import recognise
from ingest.pseudonyms import load_key, pseudonym
from ingest.quality_figures import quality
from ingest.scrub import strip_quotes
from ingest.settings import IngestSettings, IngestSummary
from ingest.study_tables import check_forget, forget, ingest, read_messages, read_texts

__all__ = [
    "IngestSettings",
    "IngestSummary",
    "check_forget",
    "forget",
    "ingest",
    "load_key",
    "pseudonym",
    "quality",
    "read_messages",
    "read_texts",
    "recognise",
    "state_digest",
    "strip_quotes",
]

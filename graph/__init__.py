"""The reply network: ties, communities, stores, figures and exports."""

from graph.model import GraphTables
from graph.partition import CommunityResult, Stability, communities, stability
from graph.saved_queries import SAVED_QUERIES, SavedQuery
from graph.store import GraphStore, QueryResult, StoreSpec, open_store, saved_query
from graph.ties import TieBuild, adjacency, build_ties, people, user_ties

__all__ = [
    "SAVED_QUERIES",
    "CommunityResult",
    "GraphStore",
    "GraphTables",
    "QueryResult",
    "SavedQuery",
    "Stability",
    "StoreSpec",
    "TieBuild",
    "adjacency",
    "build_ties",
    "communities",
    "open_store",
    "people",
    "saved_query",
    "stability",
    "user_ties",
]

"""The reply network: ties, communities, stores, figures and exports."""

from graph.exports import export, export_gexf, to_networkx, to_scipy
from graph.figure_quotient import FigureFiles, quotient_figure
from graph.model import GraphTables
from graph.partition import CommunityResult, Stability, communities, stability
from graph.quotient import strategy_counts
from graph.saved_queries import SAVED_QUERIES, SavedQuery
from graph.store import GraphStore, QueryResult, StoreSpec, open_store, saved_query
from graph.ties import TieBuild, adjacency, arrivals, build_ties, people, user_ties

__all__ = [
    "SAVED_QUERIES",
    "CommunityResult",
    "FigureFiles",
    "GraphStore",
    "GraphTables",
    "QueryResult",
    "SavedQuery",
    "Stability",
    "StoreSpec",
    "TieBuild",
    "adjacency",
    "arrivals",
    "build_ties",
    "communities",
    "export",
    "export_gexf",
    "open_store",
    "people",
    "quotient_figure",
    "saved_query",
    "stability",
    "strategy_counts",
    "to_networkx",
    "to_scipy",
    "user_ties",
]

"""The reply network: ties, communities, stores, figures and exports."""

from graph.partition import CommunityResult, Stability, communities, stability
from graph.ties import TieBuild, adjacency, build_ties, people, user_ties

__all__ = [
    "CommunityResult",
    "Stability",
    "TieBuild",
    "adjacency",
    "build_ties",
    "communities",
    "people",
    "stability",
    "user_ties",
]

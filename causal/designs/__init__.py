"""Simulation designs with known truth. Each design documents its data-generating process and its truth."""

from causal.designs.s6 import S6, S6World
from causal.designs.s7 import S7
from causal.designs.s7_world import World

__all__ = ["S6", "S7", "S6World", "World"]

"""Simulation designs with known truth. Each design documents its data-generating process and its truth.

S1 to S6 are functions of settings and a seed; S1 to S5, `s3.simulate(S3(n=500), seed=1)`, return `Simulated` studies, which
the estimators on arrays take as they are. S7 simulates people, threads and texts over time.
"""

from causal.designs import s1, s2, s3, s4, s5
from causal.designs.s1 import S1
from causal.designs.s2 import S2
from causal.designs.s3 import S3
from causal.designs.s4 import S4
from causal.designs.s5 import S5
from causal.designs.s6 import S6, S6World
from causal.designs.s7 import S7
from causal.designs.s7_world import World
from causal.designs.simulated import Simulated

__all__ = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S6World", "Simulated", "World", "s1", "s2", "s3", "s4", "s5"]

"""From how many people on a count, or a figure about them, may leave the restricted folder."""

from __future__ import annotations

SUPPRESS_BELOW = 8

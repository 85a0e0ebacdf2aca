"""copenet: from a dump of conversations to a peer-effect estimate you can defend.

```python
import copenet

study = copenet.Study.open("anxiety")
result = study.estimate(outcome="acceptance", exposure=copenet.Proportion("received_reply", weeks=2))
result.summary()
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from copenet import _rooms

__version__ = "0.1.0"

_HOMES = {
    "Study": "copenet.study",
    "Settings": "copenet.settings",
    "AIPW": "causal",
    "AnyPeer": "causal.exposure",
    "ClosedTriad": "causal.exposure",
    "Count": "causal.exposure",
    "IsolatedPeers": "causal.exposure",
    "Proportion": "causal.exposure",
    "RecencyWeighted": "causal.exposure",
    "SimilarityWeighted": "causal.exposure",
    "StructuralDiversity": "causal.exposure",
    "Threshold": "causal.exposure",
}
__all__ = [
    "AIPW",
    "AnyPeer",
    "ClosedTriad",
    "Count",
    "IsolatedPeers",
    "Proportion",
    "RecencyWeighted",
    "Settings",
    "SimilarityWeighted",
    "StructuralDiversity",
    "Study",
    "Threshold",
    "__version__",
]

if TYPE_CHECKING:
    from copenet.settings import Settings
    from copenet.study import Study

if _wrong := _rooms.misplaced():
    raise ImportError(_rooms.explanation(_wrong))


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that `import copenet` stays light (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'copenet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""What plain Python finds in dumps, without any code of ours: the measure of every reader on real files."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ByHand:
    """Messages counted by hand.

    Attributes:
        authors: Who wrote each message, by its id; None where nobody knows, or a declared bot did.
        parents: What each reply answers, by the reply's id.
    """

    authors: dict[str, str | None] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: ByHand) -> ByHand:
        return ByHand(self.authors | other.authors, self.parents | other.parents)

    def figures(self) -> dict[str, int]:
        """Return the counts under the names that ingest gives them."""
        return {
            "messages": len(self.authors),
            "authors": len({author.casefold() for author in self.authors.values() if author is not None}),
            "replies": len(self.parents),
            "replies_resolved": sum(parent in self.authors for parent in self.parents.values()),
            "parents_missing": len(set(self.parents.values()) - set(self.authors)),
        }

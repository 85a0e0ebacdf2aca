"""Questions most people ask first, ready to run on either store.

Each is one text where the two dialects of Cypher agree, and two side by side where they do not. All are ordered
completely, so that both stores give the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A named question.

    Attributes:
        title: What it answers, in a line.
        cypher: The portable text, or ladybug's.
        neo4j: Neo4j's text where it has to differ.
        parameters: Name to meaning, of every $name.
        defaults: Values of the parameters that have one.
    """

    title: str
    cypher: str
    neo4j: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def cypher_for(self, kind: str) -> str:
        """Return the text for a kind of store (`ladybug` or `neo4j`)."""
        return self.neo4j if kind == "neo4j" and self.neo4j is not None else self.cypher


_LIMIT = {"limit": "rows at most"}
_METHOD = {"method": "leiden or map_equation"}
_STRATEGY = {"strategy": "id of a coping strategy, for example positive_reframing"}

_ACTIVITY = """
MATCH (m:Message)-[:IN_THREAD]->(:Thread)-[:IN_FORUM]->(f:Forum)
WHERE m.created_at IS NOT NULL
RETURN f.id AS forum, {month} AS month, count(m) AS messages,
       sum(CASE WHEN m.kind = 'post' THEN 1 ELSE 0 END) AS posts
ORDER BY forum, month"""

SAVED_QUERIES: dict[str, SavedQuery] = {
    "top_repliers": SavedQuery(
        "Who answers most",
        """
MATCH (u:User)-[r:REPLIED_TO]->(v:User)
RETURN u.id AS person, count(v) AS people_answered, sum(r.n) AS replies
ORDER BY replies DESC, person LIMIT $limit""",
        parameters=_LIMIT,
        defaults={"limit": 25},
    ),
    "most_answered_threads": SavedQuery(
        "Threads with most replies",
        """
MATCH (m:Message)-[:REPLIES_TO]->(:Message), (m)-[:IN_THREAD]->(t:Thread)
RETURN t.id AS thread, count(m) AS replies, min(m.created_at) AS first_at, max(m.created_at) AS last_at
ORDER BY replies DESC, thread LIMIT $limit""",
        parameters=_LIMIT,
        defaults={"limit": 25},
    ),
    "community_sizes": SavedQuery(
        "Communities and how many people they have",
        """
MATCH (c:Community) WHERE c.method = $method
RETURN c.id AS community, c.size AS people ORDER BY people DESC, community""",
        parameters=_METHOD,
        defaults={"method": "leiden"},
    ),
    "strategy_share_by_community": SavedQuery(
        "Share of messages that show a strategy, by community",
        """
MATCH (c:Community)<-[:MEMBER_OF]-(u:User)-[:WROTE]->(m:Message) WHERE c.method = $method
WITH c.id AS community, count(m) AS messages,
     sum(CASE WHEN $strategy IN m.strategies THEN 1 ELSE 0 END) AS showing
RETURN community, messages, showing, 1.0 * showing / messages AS share
ORDER BY share DESC, community""",
        parameters=_METHOD | _STRATEGY,
        defaults={"method": "leiden"},
    ),
    "strategies": SavedQuery(
        "How often each strategy is shown",
        """
MATCH (m:Message) UNWIND m.strategies AS strategy
RETURN strategy, count(m) AS messages ORDER BY messages DESC, strategy""",
    ),
    "answers_to_strategy": SavedQuery(
        "Which strategies the answers to a strategy show",
        """
MATCH (r:Message)-[:REPLIES_TO]->(m:Message) WHERE $strategy IN m.strategies
UNWIND r.strategies AS answer
RETURN answer, count(r) AS replies ORDER BY replies DESC, answer""",
        parameters=_STRATEGY,
    ),
    "reciprocity": SavedQuery(
        "Ties, and how many of them are answered by a tie back",
        """
MATCH (a:User)-[:REPLIED_TO]->(b:User) OPTIONAL MATCH (b)-[r:REPLIED_TO]->(a)
RETURN count(*) AS ties, count(r) AS returned""",
    ),
    "reply_depth": SavedQuery(
        "How many replies stand how deep in their chain (to 30 deep)",
        """
MATCH p = (m:Message)-[:REPLIES_TO*1..30]->(r:Message)
WHERE NOT EXISTS { MATCH (r)-[:REPLIES_TO]->(:Message) }
RETURN length(p) AS depth, count(m) AS messages ORDER BY depth""",
    ),
    "missing_parents": SavedQuery(
        "Replies whose parent is not in the data, by forum",
        """
MATCH (m:Message)-[:REPLIES_TO]->(p:Message), (m)-[:IN_THREAD]->(:Thread)-[:IN_FORUM]->(f:Forum)
WHERE p.status = 'missing'
RETURN f.id AS forum, count(m) AS replies, count(DISTINCT p.id) AS parents ORDER BY replies DESC, forum""",
    ),
    "unanswered_posts": SavedQuery(
        "Posts, and how many got no reply, by forum",
        """
MATCH (m:Message)-[:IN_THREAD]->(:Thread)-[:IN_FORUM]->(f:Forum) WHERE m.kind = 'post'
RETURN f.id AS forum, count(m) AS posts,
       sum(CASE WHEN EXISTS { MATCH (m)<-[:REPLIES_TO]-(:Message) } THEN 0 ELSE 1 END) AS unanswered
ORDER BY forum""",
    ),
    "forum_activity": SavedQuery(
        "Messages and posts by forum and month",
        _ACTIVITY.format(month="left(cast(m.created_at AS STRING), 7)"),
        neo4j=_ACTIVITY.format(month="left(toString(m.created_at), 7)"),
    ),
    "neighbourhood": SavedQuery(
        "The ties of one person",
        """
MATCH (a:User)-[r:REPLIED_TO]->(b:User) WHERE a.id = $person OR b.id = $person
RETURN a.id AS replier, b.id AS answered, r.n AS replies, r.first_at AS first_at, r.last_at AS last_at
ORDER BY replies DESC, replier, answered LIMIT $limit""",
        parameters={"person": "id of a user", **_LIMIT},
        defaults={"limit": 200},
    ),
    "thread": SavedQuery(
        "The messages of one thread in order of time",
        """
MATCH (m:Message)-[:IN_THREAD]->(t:Thread) WHERE t.id = $thread
OPTIONAL MATCH (m)-[:REPLIES_TO]->(p:Message)
RETURN m.id AS message, p.id AS parent, m.status AS status, m.created_at AS created_at, m.strategies AS strategies
ORDER BY created_at IS NULL, created_at, message""",
        parameters={"thread": "id of a thread: the message id of its root"},
    ),
    "cross_community_replies": SavedQuery(
        "Replies within and between communities",
        """
MATCH (c:Community)<-[:MEMBER_OF]-(a:User)-[r:REPLIED_TO]->(b:User)-[:MEMBER_OF]->(d:Community)
WHERE c.method = $method AND d.method = $method
RETURN c.id AS from_community, d.id AS to_community, sum(r.n) AS replies, count(r) AS ties
ORDER BY replies DESC, from_community, to_community""",
        parameters=_METHOD,
        defaults={"method": "leiden"},
    ),
}

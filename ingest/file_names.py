"""Names of dumps as they may be shown: a dump of one person's messages is often named after that person."""

from __future__ import annotations

import re

_OF_A_PERSON = re.compile(
    r"((?:r_)?(?:user|u)[_-]).+?"
    r"((?:[_-](?:posts|comments|submissions))?(?:\.(?:ndjson|jsonl|json|txt|csv|zst|gz|xz|bz2|zip))*)",
    re.I,
)


def shown(name: str) -> str:
    """Return a file's name as it may leave `restricted`, with the username in it masked.

    >>> shown("u_Some_One_posts.jsonl"), shown("RC_2019-01.zst")
    ('u_*_posts.jsonl', 'RC_2019-01.zst')
    """
    match = _OF_A_PERSON.fullmatch(name)
    return f"{match[1]}*{match[2]}" if match else name

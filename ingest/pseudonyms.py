"""Keyed pseudonyms: the same person always reads the same, and nobody without the key can tell who it is."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Set
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from copenet.foundation.errors import InputError
from copenet.foundation.files import PRIVATE_FILE, digest_of, private_directory, write_text

KEY_BYTES = 32
_BLOCK = 64  # bytes that SHA-256 takes in at a time
FORGOTTEN = "forgotten"  # the name of the list in `restricted`
FORMER_KEY = "key.old"  # the name of the key that a change of key is to destroy
_CACHED_NAMES = 200_000


def load_key(restricted: Path, key_file: Path | None = None) -> bytes:
    """Return the study's key, made on first use at `restricted/key` (mode 0600), or read from `key_file`.

    Raises:
        InputError: `key_file` is not there, a key file does not hold 64 hexadecimal digits, or the key is lost though
            dumps were read or people forgotten under it.
    """
    path = key_file or restricted / "key"
    if not path.is_file():
        if key_file is not None:
            raise InputError(f"{path}: no such key file.", remedy=f"Make one: openssl rand -hex {KEY_BYTES} > {path}")
        if _in_use(restricted):
            raise InputError(
                f"{path} is lost, and this study was read under it.",
                remedy="Bring the key back from a backup. If there is none, make another "
                f"(openssl rand -hex {KEY_BYTES} > {path}) and give every dump of the study to one ingest.",
            )
        private_directory(restricted)
        write_text(path, secrets.token_hex(KEY_BYTES) + "\n", mode=PRIVATE_FILE)
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{path} holds no key.", remedy="A key is 64 hexadecimal digits on one line.")
    return key


def _in_use(restricted: Path) -> bool:
    """Return whether a key was used: a new one would make other people of everybody, and bring the forgotten back."""
    return (restricted / FORGOTTEN).is_file() or any(restricted.glob("ingest/*/cursor.json"))


def pseudonym(key: bytes, platform: str, raw: str) -> str:
    """Return `platform:u_<16 hex>`, HMAC-SHA256 of the casefolded name (RFC 2104).

    >>> pseudonym(bytes(32), "reddit", "Ada") == pseudonym(bytes(32), "reddit", "ADA")
    True
    """
    raw = raw if raw.isascii() else unicodedata.normalize("NFC", raw)
    inner, outer = (half.copy() for half in _halves(key))
    inner.update(f"{platform}\x00{raw.strip().casefold()}".encode("utf-8", "replace"))
    outer.update(inner.digest())
    return f"{platform}:u_{outer.hexdigest()[:16]}"


@lru_cache(maxsize=4)
def _halves(key: bytes) -> tuple[Any, Any]:
    """Return the inner and outer hash of HMAC once they have read a key of at most 64 bytes: half of the work."""
    padded = key.ljust(_BLOCK, b"\x00")
    return hashlib.sha256(bytes(b ^ 0x36 for b in padded)), hashlib.sha256(bytes(b ^ 0x5C for b in padded))


def fingerprint(key: bytes) -> str:
    """Return 16 hex that tell two keys apart and reveal neither."""
    return hashlib.sha256(b"copenet key fingerprint\x00" + key).hexdigest()[:16]


class Former(NamedTuple):
    """Who is to be forgotten under the key that a study had before: `Pseudonyms` recognises them by it.

    Attributes:
        key: 32 bytes.
        people: As `Pseudonyms.forgotten`.
        named: As `Pseudonyms.named`.
    """

    key: bytes
    people: frozenset[str]
    named: frozenset[str]


class Pseudonyms:
    """`pseudonym` with a bounded memory of names already seen, and who is to be forgotten.

    Args:
        key: 32 bytes.
        forgotten: Pseudonyms that may not come in.
        withheld: Ids of messages of which no copy may come in, whoever it names as author.
        named: Pseudonyms of names that the forgotten showed: whoever shows one may stay, but no text may hold it.
        former: Who else is to be forgotten, from the moment one of their names is met.

    Attributes:
        hidden: `forgotten` and `named`, which no text may hold.
        recognised: Pseudonyms of `former` that were met.
    """

    def __init__(
        self,
        key: bytes,
        forgotten: frozenset[str] = frozenset(),
        withheld: frozenset[str] = frozenset(),
        named: frozenset[str] = frozenset(),
        former: Former | None = None,
    ) -> None:
        self.key, self.withheld = key, withheld
        self._known: dict[tuple[str, str], str] = {}
        self._given, self._former = (forgotten, withheld, named), former
        self.forgotten, self.hidden = forgotten, forgotten | named
        self.recognised: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared, (self.key, *self._given, self._former)

    def of(self, platform: str, raw: str) -> str:
        """Return the pseudonym of `raw`."""
        found = self._known.get((platform, raw))
        if found is None:
            if len(self._known) >= _CACHED_NAMES:
                self._known.clear()
            found = self._known[platform, raw] = pseudonym(self.key, platform, raw)
            if self._former is not None:
                self._recognise(pseudonym(self._former.key, platform, raw), found, self._former)
        return found

    def added(self, people: Set[str], named: Set[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Return `people` and `named`, with those recognised by the former key, without those given."""
        forgotten, _, shown = self._given
        gone = (self.forgotten | people) - forgotten
        return gone, (self.hidden | named) - forgotten - shown - gone

    def mark(self) -> str:
        """Return a short digest of who and what is to stay out."""
        return digest_of([sorted(given) for given in self._given])[:16]

    def _recognise(self, before: str, now: str, former: Former) -> None:
        """Take over who was to be forgotten: every name comes through here before anybody asks whether it may stay."""
        if before in former.people:
            self.forgotten |= {now}
        elif before not in former.named:
            return
        self.hidden |= {now}
        self.recognised.add(before)


@lru_cache(maxsize=2)
def _shared(
    key: bytes, forgotten: frozenset[str], withheld: frozenset[str], named: frozenset[str], former: Former | None
) -> Pseudonyms:
    """Return the pseudonyms of a process that was handed them, with what it remembers from task to task."""
    return Pseudonyms(key, forgotten, withheld, named, former)

"""Keyed pseudonyms: the same person always reads the same, and nobody without the key can tell who it is."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from copenet.foundation.errors import InputError
from copenet.foundation.files import PRIVATE_FILE, private_directory, write_text

KEY_BYTES = 32
FORGOTTEN = "forgotten"  # the name of the list in `restricted`
_CACHED_NAMES = 500_000


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
    message = f"{platform}\x00{raw.strip().casefold()}".encode("utf-8", "replace")
    return f"{platform}:u_{hmac.digest(key, message, 'sha256').hex()[:16]}"


def fingerprint(key: bytes) -> str:
    """Return 16 hex that tell two keys apart and reveal neither."""
    return hashlib.sha256(b"copenet key fingerprint\x00" + key).hexdigest()[:16]


class Pseudonyms:
    """`pseudonym` with a bounded memory of names already seen, and who is to be forgotten.

    Args:
        key: 32 bytes.
        forgotten: Pseudonyms that may not come in.
        withheld: Ids of messages of which no copy may come in, whoever it names as author.
    """

    def __init__(
        self, key: bytes, forgotten: frozenset[str] = frozenset(), withheld: frozenset[str] = frozenset()
    ) -> None:
        self.key = key
        self._known: dict[tuple[str, str], str] = {}
        self.forgotten, self.withheld = forgotten, withheld

    def of(self, platform: str, raw: str) -> str:
        """Return the pseudonym of `raw`."""
        found = self._known.get((platform, raw))
        if found is None:
            if len(self._known) >= _CACHED_NAMES:
                self._known.clear()
            found = self._known[platform, raw] = pseudonym(self.key, platform, raw)
        return found

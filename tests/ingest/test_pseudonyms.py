"""One key per study; the same person is the same under it and somebody else under another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest
from copenet.foundation.errors import InputError
from ingest.pseudonyms import Pseudonyms, fingerprint

KEYS = st.binary(min_size=32, max_size=32)
NAMES = st.text(min_size=1, max_size=30)


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = ingest.load_key(tmp_path / "restricted")
    path = tmp_path / "restricted" / "key"
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert ingest.load_key(tmp_path / "restricted") == key
    assert ingest.load_key(tmp_path / "other") != key


def test_a_key_file_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "my.key"
    with pytest.raises(InputError, match="no such key file"):
        ingest.load_key(tmp_path / "restricted", path)
    path.write_text("zz")
    with pytest.raises(InputError, match="holds no key") as caught:
        ingest.load_key(tmp_path / "restricted", path)
    assert "64 hex" in caught.value.remedy
    path.write_text("0f" * 32)
    assert ingest.load_key(tmp_path / "restricted", path) == b"\x0f" * 32
    assert not (tmp_path / "restricted").exists()


@given(KEYS, KEYS, NAMES)
def test_a_new_key_changes_every_pseudonym(one: bytes, other: bytes, raw: str) -> None:
    assert (ingest.pseudonym(one, "reddit", raw) == ingest.pseudonym(other, "reddit", raw)) == (one == other)


@given(KEYS, NAMES)
def test_shape_case_and_memory(key: bytes, raw: str) -> None:
    name = ingest.pseudonym(key, "reddit", raw)
    assert re.fullmatch(r"reddit:u_[0-9a-f]{16}", name)
    assert name != ingest.pseudonym(key, "x", raw).replace("x:", "reddit:")
    names = Pseudonyms(key)
    assert names.of("reddit", raw) == names.of("reddit", raw) == name


def test_case_does_not_matter() -> None:
    assert ingest.pseudonym(bytes(32), "reddit", "AnnLEE") == ingest.pseudonym(bytes(32), "reddit", "annlee")


def test_known_answer() -> None:
    """HMAC-SHA256 (RFC 2104) written out: H((K ^ opad) || H((K ^ ipad) || m))."""
    from hashlib import sha256

    key, message = bytes(range(32)), b"reddit\x00ann"
    padded = key + bytes(32)
    inner = sha256(bytes(b ^ 0x36 for b in padded) + message).digest()
    expected = sha256(bytes(b ^ 0x5C for b in padded) + inner).hexdigest()[:16]
    assert ingest.pseudonym(key, "reddit", "Ann") == f"reddit:u_{expected}"


def test_a_fingerprint_tells_keys_apart() -> None:
    assert fingerprint(bytes(32)) != fingerprint(b"\x01" * 32)
    assert bytes(32).hex()[:16] not in fingerprint(bytes(32))

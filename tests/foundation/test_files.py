import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.foundation import files

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(st.text(max_size=5), DOCUMENTS, max_size=5))
def test_a_digest_ignores_the_order_of_keys_and_nothing_else(document):
    reordered = dict(reversed(document.items()))
    assert files.digest_of(document) == files.digest_of(reordered)
    assert files.digest_of(document) != files.digest_of({**document, "one more key": 1})


def test_json_round_trips_and_understands_numpy(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": np.float64(0.5), "a": np.arange(3)})
    assert files.read_json(tmp_path / "a.json") == {"a": [0, 1, 2], "b": 0.5}


def fail_half_way(target):
    with files.replacing(target) as partial:
        partial.write_text("half")
        raise RuntimeError("disk full")


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path):
    target = tmp_path / "kept.txt"
    files.write_text(target, "old")
    with pytest.raises(RuntimeError, match="disk full"):
        fail_half_way(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_private_directory_is_for_its_owner_alone(tmp_path):
    folder = files.private_directory(tmp_path / "restricted" / "texts")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_private_file_is_never_readable_by_others(tmp_path):
    files.write_bytes(tmp_path / "key", b"secret", mode=files.PRIVATE_FILE)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.digest_file(tmp_path / "a").startswith("ba7816bf8f01cfea")

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from copenet.foundation.seeds import generator, integer_seed


@given(seed=st.integers(0, 2**63), name=st.text(max_size=20))
def test_the_same_name_gives_the_same_stream(seed, name):
    assert np.array_equal(generator(seed, name).random(4), generator(seed, name).random(4))


@given(seed=st.integers(0, 2**31), names=st.lists(st.text(max_size=8), min_size=2, max_size=2, unique=True))
def test_streams_of_different_names_differ(seed, names):
    assert not np.array_equal(generator(seed, names[0]).random(4), generator(seed, names[1]).random(4))


def test_integer_seeds_fit_libraries_that_take_31_bits():
    assert all(0 <= integer_seed(s, "x") < 2**31 for s in range(200))


def test_a_stream_does_not_touch_the_global_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generator(1, "a").random(10)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_stream_is_the_same_in_another_process_whatever_the_hash_seed():
    code = "from copenet.foundation.seeds import integer_seed; print(integer_seed(7, 'folds', 3))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": h},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for h in ("0", "1")
    }
    assert answers == {f"{integer_seed(7, 'folds', 3)}\n"}

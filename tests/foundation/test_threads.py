import numpy as np
from threadpoolctl import threadpool_info

from copenet.foundation.threads import one_thread


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info()}


def test_numerical_libraries_use_one_thread_inside_and_what_they_did_before_outside():
    assert np.ones((2, 2)).sum() == 4
    before = threads()
    with one_thread():
        assert threads() == {1}
    assert threads() == before


def test_a_library_loaded_later_is_found_too():
    with one_thread():
        pass
    import sklearn.ensemble

    assert sklearn.ensemble
    with one_thread():
        assert threads() == {1}

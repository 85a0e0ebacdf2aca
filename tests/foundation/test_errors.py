import pickle

import pytest

from copenet.foundation import errors

KINDS = [
    (errors.UsageError, 2),
    (errors.InputError, 3),
    (errors.RefusedError, 4),
    (errors.ResourceError, 5),
    (errors.DefectError, 1),
]


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_every_fault_has_its_exit_code_and_keeps_its_remedy(kind, code):
    error = kind("what happened", remedy="what to do")
    assert (error.exit_code, str(error), error.remedy) == (code, "what happened", "what to do")
    assert isinstance(error, errors.CopenetError)


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_a_fault_crosses_a_process_boundary_whole(kind, code):
    error = pickle.loads(pickle.dumps(kind("what happened", remedy="what to do")))
    assert (type(error), error.message, error.remedy, error.exit_code) == (
        kind,
        "what happened",
        "what to do",
        code,
    )

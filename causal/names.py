"""What estimators and groups of covariates are called in tables, figures and sentences."""

from __future__ import annotations

ESTIMATORS = {
    "naive": "Naive difference",
    "ols": "OLS + covariates",
    "aipw": "AIPW, network HAC",
    "plm": "Partially linear slope, network HAC",
    "helper_iv": "Helper instrument (2SLS)",
    "shift": "Shift of the exposure, network HAC",
}
COVARIATES = {
    "own": "own covariates",
    "own_treatment": "own treatment",
    "peers": "peers' history",
    "place_time": "forum and time",
    "since": "what happened since the period began",
    "post_label": "coping in the post",
    "post_time": "time of the post",
    "post_text": "text of the post",
    "since_text": "text since the period began",
    "peers_text": "peers' text",
    "text": "own text",
    "representation": "learned representation",
}
STATUS = {
    "pass": "passed",
    "warn": "look here",
    "fail": "failed",
    "not_informative": "cannot say here",
    "conditional": "holds on a condition",
    "refused": "refused",
}
CONDITIONAL = frozenset({"among_posters", "hidden_confounder", "identification"})
"""Checks that say "only if": "passed" would promise what nobody can check."""


def estimator(name: str) -> str:
    """Return an estimator's name in words.

    >>> estimator("ols"), estimator("own_method")
    ('OLS + covariates', 'own method')
    """
    return ESTIMATORS.get(name, name.replace("_", " "))


def covariates(group: str) -> str:
    """Return what a group of covariates stands for.

    >>> covariates("place_time"), covariates("own_history")
    ('forum and time', 'own history')
    """
    return COVARIATES.get(group, group.replace("_", " "))


def status(check: str, value: str) -> str:
    """Return how a check ended, in words.

    >>> status("overlap", "pass"), status("identification", "pass")
    ('passed', 'holds on a condition')
    """
    told = "conditional" if value == "pass" and check in CONDITIONAL else value
    return STATUS.get(told, told.replace("_", " "))

"""What each check can and cannot show, in plain words, matched by the check's name."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limit:
    """What a check can show, and what it cannot."""

    title: str
    can: str
    cannot: str


BY_GROUP = "Effects by group"  # a title that the check's own name replaces

_LIMITS: tuple[tuple[tuple[str, ...], Limit], ...] = (
    (
        ("effect_by_",),
        Limit(
            BY_GROUP,
            "Whether the effect differs between groups that were known before, with bands that hold all of them at once.",
            "Why groups differ; nor, where no difference is seen, that there is none: small groups hide it.",
        ),
    ),
    (
        ("nuisance_drivers",),
        Limit(
            "What moves exposure and outcome",
            "Which of what was known before predicts who is exposed and who shows the outcome.",
            "What causes them, and anything about traits that were not measured.",
        ),
    ),
    (
        ("influence",),
        Limit(
            "On whom the estimate rests",
            "How few people carry the estimate, and what is left of it without any one community.",
            "Who they are, or that they are in error: a real effect may be that of few.",
        ),
    ),
    (
        ("helper_first_stage",),
        Limit(
            "Helper instrument, first stage",
            "Whether who was around after a post moves what was answered to it, enough to estimate with.",
            "Whether those helpers reach the author in no other way (exclusion): no data can show that.",
        ),
    ),
    (
        ("helper_balance",),
        Limit(
            "Helper instrument, balance",
            "Whether posts after which such helpers were around are like others in what was known before.",
            "Whether they are alike in what was not measured, and whether exclusion holds.",
        ),
    ),
    (
        ("overlap", "positivity"),
        Limit(
            "Overlap",
            "Whether exposed and unexposed people with alike histories exist, so that the data and not the model "
            "make the comparison.",
            "Whether those who are compared are also alike in what was not measured.",
        ),
    ),
    (
        ("rewired", "rewir"),
        Limit(
            "Rewired network",
            "Whether the estimator finds an effect where there is none: ties are redrawn with degree, community and "
            "time kept, so peers are strangers.",
            "Whether communities are confounded: strangers of the same community still share it.",
        ),
    ),
    (
        ("future",),
        Limit(
            "Future exposure",
            "Whether later exposure, which cannot act backwards, appears to act: a sign of people choosing alike "
            "peers.",
            "Anything where peers can see the person: then the person may have moved the peers. It is only "
            "informative over peers who cannot.",
        ),
    ),
    (
        ("time_shuffle",),
        Limit(
            "Time shuffle",
            "Whether it matters when people used the strategy, and not only who did, how often, and how common it was in "
            "their forum at the time.",
            "Short-lived causes that only the tied share, and uses that run on from one period to the next: both look like "
            "influence here. It keeps who wrote when, so it is blind to an effect on writing at all.",
        ),
    ),
    (
        ("unrelated_behaviour",),
        Limit(
            "Unrelated behaviour",
            "Whether peers' use of a strategy that should do nothing to this outcome appears to act: then something "
            "drives both people.",
            "Causes of the declared strategy that do not drive the unrelated one. That it is unrelated is a judgement, "
            "made before the outcome was opened.",
        ),
    ),
    (
        ("past_outcome",),
        Limit(
            "Past outcome",
            "Whether new peers' behaviour now goes with what the person did while they were strangers, which they cannot "
            "have brought about.",
            "Causes that arose since, and older ties. People who meet because of what one of them did then fire it, too.",
        ),
    ),
    (
        ("double_negative",),
        Limit(
            "Double negative controls",
            "How the estimate moves when hidden causes are read off what both sides did while they were strangers.",
            "Whether those are valid controls and the bridge is linear. Where they hardly go together nothing is "
            "estimated, and that is no sign that nothing is hidden.",
        ),
    ),
    (
        ("suspected_bots",),
        Limit(
            "Suspected bots left out",
            "How the headline moves when suspected bots are neither peers nor subjects.",
            "Bots that nobody suspects, and whether the suspects are bots.",
        ),
    ),
    (
        ("deleted_messages",),
        Limit(
            "People with deleted messages left out",
            "How the headline moves without people whose messages were deleted or removed.",
            "What those messages said, and anything about accounts that are gone altogether.",
        ),
    ),
    (
        ("dowhy_placebo", "random_common_cause", "refuter", "refute"),
        Limit(
            "DoWhy refuter",
            "Whether the estimator finds an effect when the exposure is dealt out at random.",
            "Confounding, and whether the causal graph is right: it treats rows as independent. Passing is necessary, "
            "far from sufficient.",
        ),
    ),
    (
        ("dowhy", "identif", "causal_graph", "dag"),
        Limit(
            "Identification by the causal graph",
            "Whether the effect could be computed from what was measured if the drawn graph is right.",
            "Whether the graph is right. An arrow that is missing from it is an assumption, not a finding.",
        ),
    ),
    (
        ("hidden_confounder", "sensitiv", "homophily", "tipping", "robustness", "e_value"),
        Limit(
            "Hidden common causes",
            "How strong a cause nobody measured would have to be to bring the estimate to zero, with measured "
            "covariates as the yardstick.",
            "Whether such a cause exists. Latent homophily and influence cannot be told apart by data of this kind "
            "alone (Shalizi & Thomas 2011).",
        ),
    ),
    (
        ("dependence", "bandwidth", "hac", "network_inference"),
        Limit(
            "Dependence between people",
            "How far along the network the interval lets people depend on each other, and how many pairs that is.",
            "Dependence that follows no tie in the data, such as news that reaches everybody.",
        ),
    ),
    (
        ("balance",),
        Limit(
            "Balance",
            "Whether exposed and unexposed people look alike, after weighting, in what was known before.",
            "Balance in anything that was not measured.",
        ),
    ),
    (
        ("among_posters",),
        Limit(
            "Among those who posted",
            "What people would have written had all of them posted, if nothing hidden decides both; and bounds for those who "
            "would post either way.",
            "An effect among those who did post: posting follows exposure, so whoever posts is selected by it.",
        ),
    ),
    (
        ("label",),
        Limit(
            "Label error",
            "How often the labels agree with people who read the messages.",
            "What the errors do to the estimate: they are stated here and not yet carried into the interval.",
        ),
    ),
    (
        ("leak", "strictly_before", "order_of_time"),
        Limit(
            "Order of time",
            "Whether anything from the period of the exposure or later slipped into the covariates.",
            "Whether the covariates are the right ones.",
        ),
    ),
    (
        ("missing_ties",),
        Limit(
            "Ties missing at random",
            "What the estimate would be with all ties, or how it moves as more of them are taken away.",
            "What ties do that are missing for a reason, or a share of them that is wrong.",
        ),
    ),
    (
        ("missing", "deleted"),
        Limit(
            "Missing conversations",
            "How much of the network the data hold.",
            "What was said in messages that were gone before they were collected.",
        ),
    ),
    (
        ("linear",),
        Limit(
            "Linearity",
            "Whether a straight line describes how the outcome moves with exposure.",
            "Where the curve bends, beyond the range that was seen.",
        ),
    ),
    (
        ("mapping", "definition"),
        Limit(
            "Other definitions of exposure",
            "Whether the answer depends on how exposure was defined.",
            "Which definition is right.",
        ),
    ),
)


def limit_of(name: str) -> Limit:
    """Return what the check called `name` can and cannot show; a check unknown here keeps its own words."""
    for keys, limit in _LIMITS:
        if any(key in name.lower() for key in keys):
            return replace(limit, title=_plain(name)) if limit.title == BY_GROUP else limit
    return Limit(_plain(name), "", "")


def _plain(name: str) -> str:
    title = name.replace("_", " ")
    return title[:1].upper() + title[1:]

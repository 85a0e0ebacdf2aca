"""An estimate of a study, as users hold it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet.foundation.disclosure import SUPPRESS_BELOW
from copenet.foundation.errors import UsageError
from copenet.foundation.files import digest_of, read_json, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.freshness import lock
from copenet.ladder import interval, ladder, signed
from copenet.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from causal.figure_style import Drawing


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect with its checks.

    Attributes:
        document: What `effect estimate --json` prints.
        path: Where it is written.
        suppress_below: Groups of fewer people stay out of tables (`report.suppress_below` of the study).
    """

    document: dict[str, Any] = field(repr=False)
    path: Path
    suppress_below: int = SUPPRESS_BELOW

    def summary(self) -> str:
        """Return the answer as text: the question, the estimates side by side, the checks, what is missing."""
        document = self.document
        lines = [f"{document['exposure']} → {document['outcome']}   ({document['estimand']})"]
        lines += [f"  {line}" for line in ladder(document)]
        lines += [f"  {check['status']:<16} {check['name']}: {check['detail']}" for check in document["checks"]]
        lines += [] if document["labels_validated"] else ["  labels not validated"]
        lines += [f"REFUSED: {document['refused']}"] if document["refused"] else [self._assumption()]
        return "\n".join(lines)

    def _assumption(self) -> str:
        row = next(r for r in self.document["estimates"] if r["estimator"] == self.document["headline"])
        main = self.document["assumptions"][0] if self.document["assumptions"] else "none stated"
        return f"{signed(row['estimate'])} {interval(row)} if: {main}"

    def tidy(self) -> pd.DataFrame:
        """Return one row per estimate: estimator, estimand, estimate, se, ci_low, ci_high, p_value, n, n_peers, …"""
        import pandas as pd

        return pd.DataFrame([{k: v for k, v in row.items() if k != "detail"} for row in self.document["estimates"]])

    def to_latex(self) -> str:
        """Return estimates, steps, groups and checks as LaTeX tables (booktabs)."""
        from causal.tables import to_latex

        return to_latex(self.document, suppress_below=self.suppress_below)

    def to_markdown(self) -> str:
        """Return estimates, steps, groups and checks as Markdown tables."""
        from causal.tables import to_markdown

        return to_markdown(self.document, suppress_below=self.suppress_below)

    def to_html(self) -> str:
        """Return estimates, steps, groups and checks as one HTML page."""
        from causal.tables import to_html

        return to_html(self.document, suppress_below=self.suppress_below)

    def plot(self) -> Drawing:
        """Return the effect ladder as a drawing, which can be saved as SVG and PDF."""
        from causal.figures import effect_ladder
        from copenet.ladder import NAMES, main_rows

        headline = self.document["headline"]
        rows = [
            {**row, "label": NAMES.get(row["estimator"], row["estimator"]), "headline": row["estimator"] == headline}
            for row in main_rows(self.document)
        ]
        return effect_ladder(rows)


def estimate(study: Study, progress: Progress = SILENT, *, force: bool = False) -> Finding:
    """Estimate what the study's settings ask; see `Study.estimate`.

    Raises:
        UsageError: A setting outside [effect] is overridden.
        CopenetError: A stage it rests on failed.
    """
    from copenet.running import bring

    _only_the_effect(study)
    if study.settings == study.declared and study.effect_seed in (None, study.seed):
        bring(study, ["effect"], progress, force)
        path = study.results / "effects.json"
        return Finding(read_json(path), path, study.settings.report.suppress_below)
    return _beside(study, progress, force)


def _only_the_effect(study: Study) -> None:
    """Refuse changes that would redo, and overwrite, what the declared result rests on.

    Raises:
        UsageError: A setting outside [effect] is overridden.
    """
    asked, declared = (s.model_dump(mode="json", exclude={"effect"}) for s in (study.settings, study.declared))
    changed = [f"{part}.{key}" for part in asked for key in asked[part] if asked[part][key] != declared[part][key]]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} would change what the declared effect rests on.",
            remedy=f"Write it into study.toml, or: copenet run {study.path} --set {changed[0]}=VALUE",
        )


def _beside(study: Study, progress: Progress, force: bool) -> Finding:
    """Estimate something that study.toml does not declare, and leave the declared result alone."""
    from copenet.pipeline import BY_NAME
    from copenet.running import bring
    from copenet.stages.effect import compute

    bring(study, BY_NAME["effect"].after, progress)
    name = f"{study.settings.effect.outcome}-{study.settings.effect.exposure}-{_digest(study)[:8]}"
    path = study.results / "beside" / f"{name}.json"
    with lock(study.restricted / "stages" / "lock"):
        if force or not path.is_file() or read_json(path).get("digest") != _digest(study):
            study.declare()
            found = compute(study, progress)
            write_json(path, {**found.document, "digest": _digest(study)})
    return Finding(read_json(path), path, study.settings.report.suppress_below)


def _digest(study: Study) -> str:
    from copenet.pipeline import Pipeline

    return digest_of([study.estimand(), study.effect_seed, study.seed, Pipeline(study).key("effect")])

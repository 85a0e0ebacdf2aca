"""The works a report cites; only those that belong to what was done are printed."""

from __future__ import annotations

REFERENCES: dict[str, str] = {
    "anagnostopoulos2008": "Anagnostopoulos, A., Kumar, R., & Mahdian, M. (2008). Influence and correlation in social "
    "networks. Proceedings of the 14th ACM SIGKDD International Conference on Knowledge Discovery and Data Mining, 7–15.",
    "baumgartner2020": "Baumgartner, J., Zannettou, S., Keegan, B., Squire, M., & Blackburn, J. (2020). The Pushshift "
    "Reddit dataset. Proceedings of the International AAAI Conference on Web and Social Media, 14, 830–839.",
    "benton2017": "Benton, A., Coppersmith, G., & Dredze, M. (2017). Ethical research protocols for social media health "
    "research. Proceedings of the First ACL Workshop on Ethics in Natural Language Processing, 94–102.",
    "carver1997": "Carver, C. S. (1997). You want to measure coping but your protocol's too long: Consider the Brief "
    "COPE. International Journal of Behavioral Medicine, 4(1), 92–100.",
    "chernozhukov2018": "Chernozhukov, V., Chetverikov, D., Demirer, M., Duflo, E., Hansen, C., Newey, W., & Robins, J. "
    "(2018). Double/debiased machine learning for treatment and structural parameters. The Econometrics Journal, "
    "21(1), C1–C68.",
    "chernozhukov2022": "Chernozhukov, V., Cinelli, C., Newey, W., Sharma, A., & Syrgkanis, V. (2022). Long story short: "
    "Omitted variable bias in causal machine learning. NBER Working Paper 30302.",
    "diaz2023": "Díaz, I., Williams, N., Hoffman, K. L., & Schenck, E. J. (2023). Nonparametric causal effects based on "
    "longitudinal modified treatment policies. Journal of the American Statistical Association, 118(542), 846–857.",
    "egami2024": "Egami, N., & Tchetgen Tchetgen, E. J. (2024). Identification and estimation of causal peer effects "
    "using double negative controls for unmeasured network confounding. Journal of the Royal Statistical Society "
    "Series B, 86(2), 487–511.",
    "frandsen2023": "Frandsen, B., Lefgren, L., & Leslie, E. (2023). Judging judge fixed effects. American Economic "
    "Review, 113(1), 253–277.",
    "gaffney2018": "Gaffney, D., & Matias, J. N. (2018). Caveat emptor, computational social science: Large-scale "
    "missing data in a widely-published Reddit corpus. PLOS ONE, 13(7), e0200162.",
    "hamilton2017": "Hamilton, W. L., Ying, R., & Leskovec, J. (2017). Inductive representation learning on large "
    "graphs. Advances in Neural Information Processing Systems, 30.",
    "kojevnikov2021": "Kojevnikov, D., Marmer, V., & Song, K. (2021). Limit theorems for network dependent random "
    "variables. Journal of Econometrics, 222(2), 882–908.",
    "leung2022": "Leung, M. P. (2022). Causal inference under approximate neighborhood interference. Econometrica, "
    "90(1), 267–293.",
    "lipsitch2010": "Lipsitch, M., Tchetgen Tchetgen, E., & Cohen, T. (2010). Negative controls: A tool for detecting "
    "confounding and bias in observational studies. Epidemiology, 21(3), 383–388.",
    "montielolea2013": "Montiel Olea, J. L., & Pflueger, C. (2013). A robust test for weak instruments. Journal of "
    "Business & Economic Statistics, 31(3), 358–369.",
    "reagle2022": "Reagle, J. (2022). Disguising Reddit sources and the efficacy of ethical research. Ethics and "
    "Information Technology, 24, 41.",
    "robins1994": "Robins, J. M., Rotnitzky, A., & Zhao, L. P. (1994). Estimation of regression coefficients when some "
    "regressors are not always observed. Journal of the American Statistical Association, 89(427), 846–866.",
    "robinson1988": "Robinson, P. M. (1988). Root-N-consistent semiparametric regression. Econometrica, 56(4), 931–954.",
    "rosvall2008": "Rosvall, M., & Bergstrom, C. T. (2008). Maps of random walks on complex networks reveal community "
    "structure. Proceedings of the National Academy of Sciences, 105(4), 1118–1123.",
    "shalizi2011": "Shalizi, C. R., & Thomas, A. C. (2011). Homophily and contagion are generically confounded in "
    "observational social network studies. Sociological Methods & Research, 40(2), 211–239.",
    "sharma2020": "Sharma, A., & Kiciman, E. (2020). DoWhy: An end-to-end library for causal inference. "
    "arXiv:2011.04216.",
    "traag2019": "Traag, V. A., Waltman, L., & van Eck, N. J. (2019). From Louvain to Leiden: Guaranteeing "
    "well-connected communities. Scientific Reports, 9, 5233.",
    "wang2020": "Wang, W., Wei, F., Dong, L., Bao, H., Yang, N., & Zhou, M. (2020). MiniLM: Deep self-attention "
    "distillation for task-agnostic compression of pre-trained transformers. Advances in Neural Information "
    "Processing Systems, 33.",
}


def cited(keys: set[str]) -> list[str]:
    """Return the references for `keys`, in alphabetical order."""
    return [REFERENCES[key] for key in sorted(keys)]

"""Published results of the methods compared: means over 25 to 100 topics and five seeds (arXiv 2602.17907, 2026).

C_V of the top 15 words on Wikipedia, inverted RBO, purity, precision at 5 and 10. There the documents were lower-cased
and tokenised before the baselines read them. The rows of DSL are those of ERNIE-4.5-0.3B, the nearest in size to the
embedded language model.
"""

from softtopic.bench.sources import ALL_ROWS

_MEASURES = ("c_v", "inverted_rbo", "purity", "precision_at_5", "precision_at_10")

_ROWS: dict[str, dict[str, tuple[float, ...]]] = {
    "20newsgroups": {
        "lda": (0.341, 0.977, 0.301, 0.244, 0.230),
        "prodlda": (0.351, 0.992, 0.356, 0.346, 0.334),
        "zeroshottm": (0.353, 0.993, 0.397, 0.383, 0.373),
        "combinedtm": (0.351, 0.993, 0.391, 0.366, 0.357),
        "etm": (0.344, 0.934, 0.360, 0.312, 0.305),
        "bertopic": (0.359, 0.991, 0.352, 0.413, 0.402),
        "ecrtm": (0.360, 0.999, 0.364, 0.341, 0.329),
        "fastopic": (0.358, 0.999, 0.417, 0.421, 0.406),
        "dsl": (0.381, 0.991, 0.520, 0.509, 0.499),
        "dsl-ecrtm": (0.404, 0.985, 0.521, 0.559, 0.542),
        "dsl-fastopic": (0.343, 1.000, 0.510, 0.409, 0.407),
    },
    "tweettopic": {
        "lda": (0.350, 0.992, 0.441, 0.674, 0.500),
        "prodlda": (0.355, 0.994, 0.533, 0.767, 0.619),
        "zeroshottm": (0.356, 0.994, 0.573, 0.775, 0.647),
        "combinedtm": (0.359, 0.988, 0.587, 0.744, 0.637),
        "etm": (0.351, 0.935, 0.551, 0.786, 0.638),
        "bertopic": (0.364, 0.996, 0.562, 0.546, 0.519),
        "ecrtm": (0.356, 1.000, 0.398, 0.712, 0.530),
        "fastopic": (0.276, 0.626, 0.557, 0.811, 0.667),
        "dsl": (0.392, 0.989, 0.781, 0.900, 0.844),
        "dsl-ecrtm": (0.398, 0.983, 0.767, 0.923, 0.859),
        "dsl-fastopic": (0.359, 1.000, 0.702, 0.616, 0.611),
    },
    "stackoverflow": {
        "lda": (0.354, 0.976, 0.174, 0.113, 0.109),
        "prodlda": (0.352, 0.991, 0.265, 0.242, 0.231),
        "zeroshottm": (0.363, 0.992, 0.307, 0.280, 0.269),
        "combinedtm": (0.364, 0.986, 0.306, 0.260, 0.251),
        "etm": (0.348, 0.934, 0.151, 0.135, 0.125),
        "bertopic": (0.374, 0.996, 0.202, 0.306, 0.296),
        "ecrtm": (0.372, 1.000, 0.062, 0.114, 0.101),
        "fastopic": (0.363, 0.687, 0.171, 0.189, 0.178),
        "dsl": (0.397, 0.986, 0.737, 0.754, 0.746),
        "dsl-ecrtm": (0.410, 0.988, 0.742, 0.800, 0.789),
        "dsl-fastopic": (0.384, 1.000, 0.508, 0.395, 0.392),
    },
}

# Soft labels of the same language model without a topic model, temperature 1.
_SOFT_LABELS = {
    "20newsgroups": {"precision_at_1": 0.605, "precision_at_5": 0.551, "precision_at_10": 0.524},
    "tweettopic": {"precision_at_1": 1.000, "precision_at_5": 0.923, "precision_at_10": 0.853},
    "stackoverflow": {"precision_at_1": 0.786, "precision_at_5": 0.754, "precision_at_10": 0.735},
}

_ALIASES = {"bertopic-kmeans": "bertopic", "bertopic-hdbscan": "bertopic", "fastopic-package": "fastopic"}


def published(corpus: str, model: str) -> dict[str, float]:
    """Published results of a method on a corpus, by measure; empty where there are none."""
    corpus = corpus.removesuffix(ALL_ROWS)
    if model == "soft-labels":
        return _SOFT_LABELS.get(corpus, {})
    row = _ROWS.get(corpus, {}).get(_ALIASES.get(model, model))
    return {} if row is None else dict(zip(_MEASURES, row, strict=True))

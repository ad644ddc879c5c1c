"""Names and constants of version 1: its recipe was flat, and most tuned numbers stood in its code."""

from typing import Any, Literal

from softtopic.data.tokenizer import LONG_WORD
from softtopic.errors import InputError
from softtopic.persistence.values import check_names, from_plain

# Names in config.json.
CONFIG = {"softtopic", "n_topics", "backbone", "recipe", "teacher", "inputs", "language", "random_state"}
RECIPE = {
    *("name", "training", "backbone", "inputs", "target", "bow_share", "calibration", "strength", "standardise"),
    *("dropout", "prompts", "branches", "pieces", "demonstrations", "guide", "read_at_most", "learn_at_most", "order"),
}
PROMPT: dict[str, Any] = {
    "instruction": str,
    "demonstrations": tuple[tuple[str, ...], ...],
    "reasoning": str,
    "reasoning_tokens": int,
    "document_first": bool,
}

# Fields of the recipe with their place in today's.
TRAINING = {
    "least_batches": "min_batches_per_epoch",
    "most_batches": "max_batches",
    "weight": "distillation_weight",
    "guidance": "theta_weight",
}
BACKBONE = {
    "sharpness": "sinkhorn_alpha",
    "temperature_words": "beta_temperature",
    "clustering": "clustering_weight",
    "sharpness_documents": "doc_topic_alpha",
    "sharpness_words": "topic_word_alpha",
}
# What was in the code of the backbones.
BACKBONE_CONSTANTS: dict[str, dict[str, Any]] = {
    "prodlda": {"dirichlet_alpha": 1.0},
    "etm": {},
    "ecrtm": {"sinkhorn_tolerance": 5e-3, "sinkhorn_max_iterations": 1000, "dirichlet_alpha": 1.0},
    "fastopic": {"sinkhorn_tolerance": 1e-4, "sinkhorn_max_iterations": 1000},
    "plsa": {"tail_weight": 0.1, "tail_temperature": 3.0, "init_smoothing": 1e-6},
}
TENSORS = {
    "backbone.topics": "backbone.topic_embeddings",
    "backbone.words": "backbone.word_embeddings",
    "backbone.crowding": "backbone.log_normalizer",
    "words.rarity": "lsa.idf",
    "words.axes": "lsa.components",
}

ENCODER = {"name": "all-minilm-l6-v2", "max_tokens": 256}
STATIC = {
    "n_components": 256,
    "max_tokens": 256,
    "alpha": 1.0,
    "n_batches": 200,
    "batch_size": 128,
    "learning_rate": 0.01,
    "token_dropout": 0.1,
}
CONTENT_FREE = ["N/A", "[MASK]", "...", "-", "Text", "This is a document."]
TEACHER_CONSTANTS = {"max_windows": 8, "content_free": CONTENT_FREE}
READ = {
    "max_tokens": 160,
    "max_chunks_per_document": 8,
    "budget": None,
    "medoids": None,
    "content_free": CONTENT_FREE,
}
IMPUTATION = {"alpha": 0.3, "label_scale": 10.0, "words_weight": 0.25}
WORDS = {"n_lsa_components": 300, "max_lsa_documents": 50_000, "tf_idf_scale": 5.0}
# Tokens are found as they were.
VOCABULARY = {
    "min_df": 2,
    "max_df": 0.5,
    "token_pattern": LONG_WORD,
    "min_acronym_df": 5,
    "keep_markup": True,
    "max_unspaced_share": 0.3,
}
GRAPH: dict[str, Any] = {
    "agreement": None,
    "n_neighbors": 15,
    "inverse_temperature": 10.0,
    "n_steps": 3,
    "restart": 0.1,
    "embedding_weight": 1.0,
    "hidden_weight": 0.75,
    "words_weight": 0.75,
    "n_word_components": 100,
    "whitening": {"n_classes": 100, "min_class_size": 15, "min_documents": 500, "max_documents": 5000},
}
GUIDE = {"neighbours": "n_neighbors", "rounds": "n_steps", "restart": "restart"}
GROUPS = {
    "n_components": 100,
    "n_init": 3,
    "mean_max_share": 0.6,
    "min_inverse_temperature": 15.0,
    "max_inverse_temperature": 200.0,
    "calibration_size": 5000,
    "word_power": 2.5,
    "guides": {"seed_share": 0.25, "anchor_weight": 1.0, "words_weight": 1.0},
}
RANKING = {"inverse_temperature": 8.0, "n_center_words": 10, "document_power": 2.5}
DEMONSTRATIONS: dict[str, Any] = {
    "sizes": [4, 8],
    "draws": [3, 2],
    "max_words": 30,
    "max_tokens": 96,
    "reading_share": 0.5,
    "min_sample_tokens": 4000,
    "max_sample_tokens": 16000,
    "min_gain": 0.03,
    "pool_size": 20000,
    "n_components": 100,
    "min_document_count": 2,
    "max_document_frequency": 0.3,
    "n_neighbors": 3,
    "neighborhood": 0.005,
    "min_similarity": 0.1,
    "max_similarity": 0.95,
    "min_documents": 32,
    "n_random": 50,
    "min_pairs": 20,
}
# Parameters that were not stored have the defaults they had.
PARAMETERS: dict[str, Any] = {
    "backbone": None,
    "inputs": None,
    "target": None,
    "embedder": None,
    "word_vectors": None,
    "lm": "smollm2-135m",
    "sample": None,
    "demonstrations": None,
    "guides": None,
    "features": "auto",
    "progress": False,
}


def check(config: dict[str, Any], topics: Any) -> None:
    """Raise InputError unless all names are there, and values that stand twice are equal.

    What the current version stores too is checked there, after the migration.
    """
    check_names(config, CONFIG, "config.json")
    recipe, backbone, inputs = config["recipe"], config["backbone"], config["inputs"]
    check_names(recipe, RECIPE, "recipe")
    check_names(inputs, {"widths", "embedder"}, "inputs")
    check_names(topics, {"vocabulary", "topics"}, "topics.json")
    from_plain(str | None, recipe["name"], "recipe.name")
    from_plain(str | None, inputs["embedder"], "inputs.embedder")
    from_plain(Literal["none", "auto"], recipe["demonstrations"], "recipe.demonstrations")
    from_plain(float, recipe["training"]["temperature"], "training.temperature")
    if recipe["guide"] is not None:
        check_names(recipe["guide"], set(GUIDE), "recipe.guide")
    sizes = {
        "n_inputs": sum(inputs["widths"].values()),
        "n_topics": config["n_topics"],
        "n_words": len(topics["vocabulary"]),
    }
    stated = {"name": recipe["backbone"], "dropout": recipe["dropout"]} | sizes
    if "temperature" in backbone:
        stated["temperature"] = recipe["training"]["temperature"]
    for name, value in stated.items():
        found = backbone.get(name)
        # No dropout in the recipe left it to the backbone.
        if (name, value) != ("dropout", None) and (type(found), found) != (type(value), value):
            raise InputError(f"backbone.{name} is {found!r}; expected {value!r}")
    for topic in from_topics(topics["topics"]):
        from_plain(list[str], topic["words"], "words")


def check_prompt(prompt: Any) -> None:
    """Raise InputError unless all values of a prompt are there."""
    check_names(prompt, set(PROMPT), "prompt")
    for name, hint in PROMPT.items():
        from_plain(hint, prompt[name], f"prompt.{name}")


def from_topics(plain: Any) -> list[dict[str, Any]]:
    """The topics of topics.json."""
    for topic in plain if isinstance(plain, list) else [plain]:
        check_names(topic, {"words", "representative_documents"}, "topic")
    return plain


def is_used(tensor: str) -> bool:
    """Whether a tensor is still needed: BatchNorm's count of batches was stored and never read."""
    return not tensor.endswith(".num_batches_tracked")

"""BERTopic on precomputed vectors: UMAP with BERTopic's own settings, then KMeans or HDBSCAN."""

import numpy as np
from bertopic import BERTopic
from exchange import TOP_WORDS, Task
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity
from umap import UMAP

INVERSE_TEMPERATURE = 10.0


def main() -> None:
    task = Task.from_command_line()
    texts, vectors = task.texts, task.vectors
    hdbscan = task.method == "bertopic-hdbscan"
    with task.stages.stage("fit"):
        # BERTopic's own UMAP with a seed, without which no run can be repeated.
        reducer = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=task.seed)
        options = (
            # Topic -1, the outliers, is one of those counted.
            {"nr_topics": task.n_topics + 1, "calculate_probabilities": True}
            if hdbscan
            else {"hdbscan_model": KMeans(task.n_topics, n_init=10, random_state=task.seed)}
        )
        model = BERTopic(
            # With "english" BERTopic deletes punctuation first, which joins words: some of the vocabulary would never
            # occur, and have infinite weights.
            language="multilingual",
            umap_model=reducer,
            vectorizer_model=task.vectorizer(),
            top_n_words=TOP_WORDS,
            **options,
        )
        assigned, probabilities = model.fit_transform(texts, embeddings=vectors)
    topics = topics_of(model)
    packages = ["bertopic", "umap-learn", "hdbscan", "scikit-learn", "numpy"]
    if hdbscan:
        task.finish(probabilities, topics, packages)
        return
    with task.stages.stage("mixtures"):
        theta = similarity_mixtures(model, vectors)
    task.finish(theta, topics, packages, clusters=assigned)


def topics_of(model: BERTopic) -> list[list[str]]:
    """Words of each topic but the outliers, the most important first."""
    numbers = sorted(topic for topic in model.get_topics() if topic >= 0)
    return [[word for word, _ in model.get_topic(topic) or []] for topic in numbers]


def similarity_mixtures(model: BERTopic, vectors: np.ndarray) -> np.ndarray:
    """Weights of the topics in each document, not normalised, where KMeans has no mixtures.

    Similarity to the topics' vectors, by which a loaded model also assigns new documents, has a higher precision than
    BERTopic's approximate distribution.
    """
    return np.exp(INVERSE_TEMPERATURE * cosine_similarity(vectors, model.topic_embeddings_[-len(topics_of(model)) :]))


if __name__ == "__main__":
    main()

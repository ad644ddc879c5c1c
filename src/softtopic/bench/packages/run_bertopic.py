"""BERTopic on given vectors: UMAP with BERTopic's own settings, then KMeans or HDBSCAN."""

import numpy as np
from bertopic import BERTopic
from exchange import TOP_WORDS, Task
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity
from umap import UMAP

SHARPNESS = 10.0


def main() -> None:
    task = Task.given()
    texts, vectors = task.texts, task.vectors
    by_density = task.method == "bertopic-hdbscan"
    with task.stages.stage("fit"):
        # BERTopic's own UMAP with a seed, without which no run can be repeated.
        reducer = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=task.seed)
        chosen = (
            # Topic -1, the outliers, is one of those counted.
            {"nr_topics": task.n_topics + 1, "calculate_probabilities": True}
            if by_density
            else {"hdbscan_model": KMeans(task.n_topics, n_init=10, random_state=task.seed)}
        )
        model = BERTopic(
            # As English, texts would lose every sign first, which glues words together: some of the vocabulary would
            # never occur, and its weights be infinite.
            language="multilingual",
            umap_model=reducer,
            vectorizer_model=task.vectorizer(),
            top_n_words=TOP_WORDS,
            **chosen,
        )
        assigned, probabilities = model.fit_transform(texts, embeddings=vectors)
    found = sorted(topic for topic in model.get_topics() if topic >= 0)
    topics = [[word for word, _ in model.get_topic(topic) or []] for topic in found]
    packages = ["bertopic", "umap-learn", "hdbscan", "scikit-learn", "numpy"]
    if by_density:
        task.finish(probabilities, topics, packages)
        return
    with task.stages.stage("mixtures"):
        # KMeans has no mixtures. BERTopic's approximate distribution finds documents of the same label less often
        # than the clusters themselves do, so nearness to its topics' vectors is taken, by which it also places new
        # documents once a model is saved and loaded.
        likeness = cosine_similarity(vectors, model.topic_embeddings_[-len(topics) :])
        theta = np.exp(SHARPNESS * likeness)
    task.finish(theta, topics, packages, clusters=assigned)


main()

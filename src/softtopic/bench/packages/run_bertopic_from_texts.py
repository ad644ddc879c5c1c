"""BERTopic from raw texts as its users run it: vectors by sentence-transformers, UMAP as it comes, KMeans.

    python run_bertopic_from_texts.py FOLDER ENCODER

FOLDER holds the task; ENCODER is a folder that sentence-transformers opens.
"""

import sys

import numpy as np
from bertopic import BERTopic
from exchange import Task
from run_bertopic import similarity_mixtures, topics_of
from sentence_transformers import SentenceTransformer
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer


def main() -> None:
    task = Task.from_command_line()
    encoder = SentenceTransformer(sys.argv[2])
    encoded = keep_vectors(encoder)
    model = BERTopic(
        embedding_model=encoder,
        hdbscan_model=KMeans(n_clusters=task.n_topics),
        vectorizer_model=CountVectorizer(stop_words="english"),
    )
    assigned, _ = model.fit_transform(task.texts)
    packages = ["bertopic", "sentence-transformers", "umap-learn", "scikit-learn", "torch", "numpy"]
    task.finish(similarity_mixtures(model, encoded[0]), topics_of(model), packages, clusters=assigned)


def keep_vectors(encoder: SentenceTransformer) -> list[np.ndarray]:
    """A list to which the encoder adds the vectors of every call: BERTopic keeps none of the documents."""
    encode, encoded = encoder.encode, []

    def encode_and_keep(*arguments: object, **options: object) -> np.ndarray:
        encoded.append(encode(*arguments, **options))
        return encoded[-1]

    encoder.encode = encode_and_keep
    return encoded


if __name__ == "__main__":
    main()

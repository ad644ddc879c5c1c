"""KeyNMF of Turftopic on precomputed vectors."""

import numpy as np
from exchange import TOP_WORDS, Task
from turftopic import KeyNMF


class _WordVectors:
    """An encoder that looks up the vectors of the vocabulary; those of the texts are passed to `fit_transform`."""

    def __init__(self, task: Task) -> None:
        self.vectors = dict(zip(task.words, task.word_vectors, strict=True))

    def encode(self, words: list[str], **_: object) -> np.ndarray:
        return np.stack([self.vectors[str(word)] for word in words])


def main() -> None:
    task = Task.from_command_line()
    texts, vectors, encoder = task.texts, task.vectors, _WordVectors(task)
    with task.stages.stage("fit"):
        model = KeyNMF(task.n_topics, encoder=encoder, vectorizer=task.vectorizer(), random_state=task.seed)
        theta = model.fit_transform(texts, embeddings=vectors)
    vocabulary = model.get_vocab()
    topics = [[vocabulary[i] for i in np.argsort(-row)[:TOP_WORDS] if row[i] > 0] for row in model.components_]
    task.finish(theta, topics, ["turftopic", "sentence-transformers", "torch", "numpy"])


main()

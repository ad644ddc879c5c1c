"""LDA by collapsed Gibbs sampling: tomotopy, 1,000 iterations, its own priors."""

import numpy as np
import tomotopy
from exchange import TOP_WORDS, Task

ITERATIONS = 1000


def main() -> None:
    task = Task.from_command_line()
    documents = [task.tokens(text) for text in task.texts]
    with task.stages.stage("fit"):
        model = tomotopy.LDAModel(k=task.n_topics, seed=task.seed)
        kept = [place for place, words in enumerate(documents) if words]
        for place in kept:
            model.add_doc(documents[place])
        # With more workers the result depends on how they are scheduled.
        model.train(ITERATIONS, workers=1)
        # Documents without a word of the vocabulary have no weights.
        theta = np.zeros((len(documents), task.n_topics), dtype=np.float32)
        theta[kept] = [document.get_topic_dist() for document in model.docs]
    topics = [[word for word, _ in model.get_topic_words(topic, TOP_WORDS)] for topic in range(task.n_topics)]
    task.finish(theta, topics, ["tomotopy", "numpy"])


main()

"""FASTopic's own package on precomputed vectors, with the settings of its README."""

import numpy as np
import torch
from exchange import TOP_WORDS, Task
from fastopic import FASTopic


class _Preprocessing:
    """In place of the package's own preprocessing: counts the words of the task's vocabulary."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def preprocess(self, texts: list[str]) -> dict:
        return {"train_bow": self.task.vectorizer().transform(texts).tocsr(), "vocab": self.task.words}


def main() -> None:
    task = Task.from_command_line()
    texts, vectors = task.texts, task.vectors
    torch.manual_seed(task.seed)
    # The package shuffles with numpy's global state.
    np.random.seed(task.seed)  # noqa: NPY002
    with task.stages.stage("fit"):
        # The vectors exist already, so the encoder is never called.
        model = FASTopic(task.n_topics, _Preprocessing(task), num_top_words=TOP_WORDS, doc_embed_model=object())
        words, theta = model.fit_transform(texts, preset_doc_embeddings=vectors)
    task.finish(theta, [line.split() for line in words], ["fastopic", "torch", "numpy"])


main()

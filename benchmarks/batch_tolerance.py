"""How much topic mixtures depend on the documents beside them in a batch, by the number format of the encoder.

python benchmarks/batch_tolerance.py --data-dir FOLDER
"""

import numpy as np
from common import parser, print_head, print_row

from softtopic import TopicModel
from softtopic.data.datasets import load
from softtopic.lm.encoder import SentenceEncoder


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--documents", type=int, default=1000)
    options = command.parse_args()

    print_head("corpus", "format", "largest difference of a share", "documents with another topic, of 128")
    for data in ("stackoverflow", "20newsgroups"):
        texts = load(data, data_dir=options.data_dir).sample(options.documents).texts
        model = TopicModel(20, inputs="embedding+words+tf-idf", target="bow").fit(texts)
        for dtype in ("float32", "bfloat16"):
            model.set_params(embedder=SentenceEncoder(dtype=dtype))
            together = model.transform(texts[:128])
            alone = np.vstack([model.transform([text]) for text in texts[:128]])
            moved = (together.argmax(axis=1) != alone.argmax(axis=1)).sum()
            print_row(data, dtype, f"{np.abs(together - alone).max():.1e}", int(moved))


if __name__ == "__main__":
    main()

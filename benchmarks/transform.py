"""Topic mixtures of new documents: documents per second with sentence vectors and words, and with hidden states.

    python benchmarks/transform.py --data-dir FOLDER [--rounds 3] [--documents 2000]

Both recipes are fitted on --documents documents and transform others in turn; nothing is kept between rounds.
"""

import statistics
import time

from common import parser, print_head, print_row, sample, spread

from softtopic import TopicModel
from softtopic.data.corpus import Corpus, equidistant

NEW = {"stackoverflow": 1000, "20newsgroups": 300}
RECIPES = {"default": "sentence vectors and words", "light": "hidden states of the language model"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--documents", type=int, default=2000)
    options.add_argument("--topics", type=int, default=50)
    arguments = options.parse_args()
    print_head("corpus", "new documents", "recipe", "inputs", "documents/s (least to most)", "ratio")
    for name, count in NEW.items():
        whole, _ = sample(name, arguments.data_dir)
        known, _ = sample(name, arguments.data_dir, arguments.documents)
        others = sorted(set(whole.texts) - set(known.texts))
        new = Corpus.from_texts([others[place] for place in equidistant(len(others), count)])
        models = {recipe: TopicModel(arguments.topics, recipe=recipe).fit(known) for recipe in RECIPES}
        speeds: dict[str, list[float]] = {recipe: [] for recipe in RECIPES}
        for model in models.values():
            model.features = None
            model.transform(new.take(20))
        for _ in range(arguments.rounds):
            for recipe, model in models.items():
                start = time.perf_counter()
                model.transform(new)
                speeds[recipe].append(len(new) / (time.perf_counter() - start))
        base = statistics.median(speeds["light"])
        for recipe, values in speeds.items():
            median = statistics.median(values)
            print_row(name, len(new), recipe, RECIPES[recipe], spread(values), f"{median / base:.1f}")


if __name__ == "__main__":
    main()

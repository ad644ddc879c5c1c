"""Agreement of topics with labels nobody trained on: recipes and prompts, several seeds, mean and spread.

    python benchmarks/quality.py --data-dir FOLDER [--seeds 3] [--topics 50]

Same documents, same K for every row. Labels are read after training alone.
"""

import argparse
import json

from scoring import over_seeds, shown, spread

from softtopic import Teacher, TopicModel
from softtopic.data.datasets import load
from softtopic.teacher.prompts import PROMPTS

ROWS = (
    ("stackoverflow", "published", "paper", 0, 0.70),
    ("stackoverflow", "published", "light", 0, None),
    ("stackoverflow", "published", "light", 4, None),
    ("stackoverflow", "four-shot", "light", 0, 0.80),
    ("stackoverflow", "four-shot", "light", 4, None),
    ("20newsgroups", "published", "paper", 0, None),
    ("20newsgroups", "published", "light", 0, None),
    ("20newsgroups", "published", "light", 4, None),
    ("tweettopic", "published", "light", 0, None),
    ("tweettopic", "published", "light", 4, None),
    ("stackoverflow", "published", "default", 4, 0.89),
    ("20newsgroups", "published", "default", 4, 0.68),
    ("tweettopic", "published", "default", 4, 0.79),
    ("biomedical", "published", "default", 4, None),
    ("googlenews", "published", "default", 4, None),
    ("reuters-r52", "published", "default", 4, None),
    ("frenchnews", "published", "default", 4, None),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--topics", type=int, default=50)
    options.add_argument("--only", help="one corpus")
    options.add_argument("--recipe", help="one recipe")
    options.add_argument("--beam-width", type=int, help="one way of scoring")
    options.add_argument("--documents", type=int, help="size of a random sample of the distinct ones")
    given = options.parse_args()
    for data, prompt, recipe, beam_width, target in ROWS:
        wanted = {"only": data, "recipe": recipe, "beam_width": beam_width}
        if any(getattr(given, name) not in (None, value) for name, value in wanted.items()):
            continue
        corpus = load(data, data_dir=given.data_dir)
        if given.documents is not None:
            corpus = spread(corpus, given.documents)
        teacher = Teacher(prompt=PROMPTS[prompt], beam_width=beam_width)
        models = (
            TopicModel(given.topics, recipe=recipe, lm=teacher, random_state=seed).fit(corpus)
            for seed in range(given.seeds)
        )
        scores = over_seeds(models, corpus)
        measured_documents = int((corpus.distinct.rows >= 0).sum())
        print(json.dumps({
            "corpus": data, "documents": measured_documents, "topics": given.topics, "prompt": prompt,
            "recipe": recipe, "beam_width": beam_width, "seeds": given.seeds, "target_purity": target,
        } | shown(scores, tuple(scores))), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

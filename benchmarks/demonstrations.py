"""Demonstrations chosen without labels against the published prompt: agreement of topics with labels.

    python benchmarks/demonstrations.py --data-dir FOLDER [--only CORPUS] [--seeds 3]

The given prompt, the chosen one alone, and both together, as `--demonstrations auto` asks, read the same distinct
documents at equal distances, cut to 96 tokens, first tokens scored; the choice sees the whole corpus, without labels.
Labels are read after training alone.
"""

import argparse
import json

from scoring import over_seeds, shown, spread

from softtopic import Corpus, Prompt, Teacher, TopicModel
from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.teacher.demonstrations import rank_prompts

# Documents, topics, language. The last three were not looked at while the choice was made.
CORPORA = {
    "20newsgroups": (800, 30, "english"),
    "stackoverflow": (2000, 40, "english"),
    "tweettopic": (1500, 40, "english"),
    "reuters-r8": (600, 20, "english"),
    "reuters-r52": (800, 30, "english"),
    "biomedical": (2000, 40, "english"),
    "googlenews": (2000, 60, "english"),
    "frenchnews": (633, 15, "french"),
}


def score(asked: tuple[Prompt, ...], corpus: Corpus, vocabulary: Vocabulary, topics: int, seeds: int) -> dict[str, str]:
    teacher = Teacher(prompt=asked, max_tokens=96)
    models = (
        TopicModel(topics, recipe="light", lm=teacher, vocabulary=vocabulary, random_state=seed).fit(corpus)
        for seed in range(seeds)
    )
    return shown(over_seeds(models, corpus))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--only", help="one corpus", choices=list(CORPORA))
    options.add_argument("--seeds", type=int, default=3)
    given = options.parse_args()
    for name, (documents, topics, language) in CORPORA.items():
        if given.only not in (None, name):
            continue
        whole = load(name, data_dir=given.data_dir)
        corpus = spread(whole, documents)
        vocabulary = Vocabulary.build(2000, corpus.distinct.texts, language)
        ranked = rank_prompts(whole.distinct.texts, vocabulary, Teacher(max_tokens=96))
        (published,) = (tried for tried in ranked if tried.name == "given")
        chosen = ranked[0]
        for asked in dict.fromkeys(((published,), (chosen,), tuple(dict.fromkeys((published, chosen))))):
            print(json.dumps({
                "corpus": name, "documents": len(corpus), "topics": topics, "seeds": given.seeds,
                "prompts": {tried.name: round(tried.agreement, 3) for tried in asked},
            } | score(tuple(tried.prompt for tried in asked), corpus, vocabulary, topics, given.seeds)),
                flush=True)  # fmt: skip
        print(json.dumps({"examples": chosen.prompt.demonstrations}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()

"""What each part of the default recipe is worth: the recipe without it, on the same documents.

    python benchmarks/recipe.py --data-dir FOLDER [--only stackoverflow] [--documents 4000] [--seeds 2]

Labels are read after training alone.
"""

import json
from dataclasses import replace

from scoring import corpora, over_seeds, shown

from softtopic import GuideConfig, TopicModel
from softtopic.recipes import RECIPES, Recipe

CORPORA = ("stackoverflow", "20newsgroups", "tweettopic", "biomedical", "googlenews", "reuters-r52", "frenchnews")

DEFAULT = RECIPES["default"]
ROWS: dict[str, Recipe] = {
    "all of it": DEFAULT,
    "published prompt alone": replace(DEFAULT, prompts="published"),
    "sentence vectors in": replace(DEFAULT, inputs="embedding"),
    "no language model": replace(DEFAULT, inputs="embedding", target="bow"),
    "no sentence encoder": replace(DEFAULT, inputs="hidden"),
    "soft labels alone": replace(DEFAULT, target="soft"),
    "no spreading": replace(DEFAULT, guide=GuideConfig(rounds=0)),
    "no guide": replace(DEFAULT, guide=None, backbone="prodlda"),
    "light": RECIPES["light"],
}


def main() -> None:
    for given, data, corpus in corpora(__doc__ or "", CORPORA, documents=2500):
        language = "french" if data == "frenchnews" else "english"
        for part, recipe in ROWS.items():
            models = (
                TopicModel(given.topics, recipe=recipe, language=language, random_state=seed).fit(corpus)
                for seed in range(given.seeds)
            )
            row = {"corpus": data, "documents": len(corpus), "topics": given.topics, "part": part, "seeds": given.seeds}
            print(json.dumps(row | shown(over_seeds(models, corpus))), flush=True)


if __name__ == "__main__":
    main()

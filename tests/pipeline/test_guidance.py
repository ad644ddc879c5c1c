import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import InputError

GUIDES = {"baking": ["flour", "dough"], "astronomy": ["orbit", "telescope"]}


def lengths(texts):
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


def model(guides, **options):
    settings = {"target": "bow", "inputs": "words", "features": None} | options
    return TopicModel(4, guides=guides, **settings)


def test_guided_topics_are_the_first_in_their_order(texts):
    fitted = model(GUIDES).fit(texts * 3)
    words = fitted.topics.top_words(4)
    assert "flour" in words[0]
    assert {"orbit", "telescope"} & set(words[1])
    assert fitted.topics_[7] == 0  # knead the bread dough
    assert fitted.topics_[11] == 1  # astronauts in orbit


def test_the_report_says_what_each_guide_caught(texts):
    fitted = model(GUIDES).fit(texts * 3)
    report = fitted.get_guide_info()
    assert report["Guide"].tolist() == ["baking", "astronomy"]
    assert report["Count"].tolist() == [int((fitted.topics_ == topic).sum()) for topic in (0, 1)]
    assert report["Own_Words"].tolist() == [["flour", "dough"], ["orbit", "telescope"]]
    assert model(None).fit(texts).get_guide_info().empty


def test_the_order_of_guides_is_that_of_the_topics(texts):
    swapped = model(dict(reversed(GUIDES.items()))).fit(texts * 3)
    assert {"orbit", "telescope"} & set(swapped.topics.top_words(4)[0])


def test_examples_and_names_are_compared_by_sentence_vectors(texts):
    def encode(batch):
        return np.array([[text.lower().count(word) + 0.01 for word in ("sql", "orbit", "bread", "lens", "taxes")]
                         for text in batch], dtype=np.float32)  # fmt: skip

    fitted = model({"databases": ["How do I join tables in SQL with a query?"]}, inputs="embedding", embedder=encode)
    fitted.fit(texts)
    assert fitted.topics_[5] == 0
    assert fitted.topics_[7] != 0


def test_the_plan_names_guided_topics(texts):
    assert "4 topics, 2 of them guided, over" in "\n".join(model(GUIDES).plan(texts).lines())


@pytest.mark.parametrize(
    ("guides", "options", "message"),
    [
        ({"food": ["pizza"]}, {}, "no word of guide 'food' stands in the documents"),
        ({str(i): ["orbit"] for i in range(5)}, {}, "5 guides for 4 topics"),
        (GUIDES, {"recipe": "prodlda", "inputs": None, "target": None}, "guides= need initial groups"),
        ("food", {}, "guides are str"),
    ],
)
def test_impossible_guides_are_refused_before_anything_is_computed(texts, guides, options, message):
    with pytest.raises(InputError, match=message):
        model(guides, **options).plan(texts)


@pytest.mark.parametrize("guides", [GUIDES, ["orbit", "bread"], ("orbit", "bread"), {"baking": "bread"}])
def test_a_loaded_model_has_the_same_guides(texts, tmp_path, guides):
    model(guides).fit(texts).save(tmp_path / "model")
    assert TopicModel.load(tmp_path / "model").guides == guides


def test_examples_are_not_stored_without_excerpts(texts, tmp_path):
    guides = {"databases": [texts[0]]}
    fitted = model(guides, inputs="embedding", embedder=lengths).fit(texts)
    fitted.save(tmp_path / "model", excerpts=False)
    assert all(texts[0].encode() not in path.read_bytes() for path in (tmp_path / "model").iterdir())
    without = TopicModel.load(tmp_path / "model")
    assert "NotSaved" in repr(without.guides)
    with pytest.raises(InputError, match=r"guides was a dict with examples, which a model folder cannot hold"):
        without.get_guide_info()
    fitted.save(tmp_path / "with")
    assert TopicModel.load(tmp_path / "with").guides == guides


def test_guide_names_are_of_the_fit_and_follow_edits(texts, tmp_path):
    fitted = model(GUIDES).fit(texts * 3)
    assert fitted.topic_names_[:2] == ["baking", "astronomy"]
    assert fitted.edits_ == ()
    fitted.drop_topics([0]).renumber()
    assert fitted.get_guide_info()["Topic"].fillna(-1).tolist() == [-1, 0]
    fitted.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.topic_names_ == fitted.topic_names_
    assert loaded.reset().topic_names_[:2] == ["baking", "astronomy"]

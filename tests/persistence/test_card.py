from dataclasses import replace

from states import WORDS, bow_state, default_state

from softtopic.data.vocabulary import Vocabulary
from softtopic.persistence.card import model_card, model_facts


def rows(card):
    return [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("| ")]


def test_a_card_says_what_the_model_is_and_shows_its_topics(texts):
    state = default_state(texts)
    card = model_card(state)
    facts = {cells[0]: cells[1] for cells in rows(card) if len(cells) == 2}
    assert facts["Topic model"] == "plsa, 3 topics"
    assert facts["Inputs"] == "embedding (3 columns), words (2 columns), tf-idf (11 columns)"
    assert (facts["Language model"], facts["Sentence encoder"]) == ("tiny-lm", "all-minilm-l6-v2")
    topics = [cells for cells in rows(card) if len(cells) == 3][1:]
    counts = [int(cells[1]) for cells in topics]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == len(texts)
    assert sorted(int(cells[0]) for cells in topics) == [0, 1, 2]
    assert len(topics[0][2].split(", ")) == 10
    assert 'TopicModel.load("path/to/this/folder")' in card


def test_a_card_without_a_language_model(texts):
    card = model_card(bow_state(texts))
    assert "| Language model | none |" in card
    assert "| Sentence encoder | none |" in card
    assert "| Target | bag of words |" in card


def test_words_cannot_break_the_table(texts):
    vocabulary = Vocabulary(("a|b", "back\\slash", "two\nlines", *WORDS[3:]))
    card = model_card(replace(bow_state(texts), vocabulary=vocabulary))
    assert all(line.count("|") - line.count("\\|") in (0, 3, 4) for line in card.splitlines())


def test_the_multilingual_encoder_stands_with_source_and_licence(texts):
    teacher = {"lm": "encoder", "encoder": "multilingual-e5-small", "temperature": 0.02, "max_tokens": 256}
    facts = model_facts(replace(default_state(texts), encoder="multilingual-e5-small", teacher=teacher))
    assert facts["Language model"] == "none; the sentence encoder multilingual-e5-small teaches"
    assert facts["Target"] == "soft labels of the sentence encoder and bag of words"
    assert facts["Sentence encoder"].startswith("multilingual-e5-small by Microsoft")
    assert facts["Sentence encoder"].endswith("licence: MIT)")

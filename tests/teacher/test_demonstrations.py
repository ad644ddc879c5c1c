import re
from dataclasses import replace

import numpy as np
import pytest

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.teacher import demonstrations
from softtopic.teacher.base import Features
from softtopic.teacher.demonstrations import (
    Candidate,
    DemonstrationConfig,
    agreement,
    rank_prompts,
    select_demonstrations,
    tokens_per_candidate,
    with_demonstrations,
)
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS

WORDS = Vocabulary(("sql", "orbit", "bread", "tax", "lens", "goal"))
SUBJECTS = ("query table index", "rocket orbit moon", "flour bread oven", "senate tax vote")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    drawn = np.random.default_rng(0)
    rows = (" ".join(drawn.permutation(f"{SUBJECTS[i % 4]} word{i % 7} more{i % 5}".split())) for i in range(160))
    return Corpus.from_texts(sorted(set(rows)))


FEW = DemonstrationConfig(sizes=(2, 4), draws=(1, 1))


def sample(pairs, others, count=4):
    return demonstrations._Sample([f"text {place}" for place in range(count)], np.array(pairs), np.array(others))


def test_agreement_counts_random_documents_less_alike_than_the_neighbour():
    # Documents 0 and 1 are about one thing, 2 and 3 about another.
    log_probs = np.log([[0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7]]).astype(np.float32)
    assert agreement(log_probs, sample([[0, 1], [2, 3]], [[2, 3], [0, 1]])) == 1
    assert agreement(log_probs, sample([[0, 2], [2, 0]], [[1, 1], [3, 3]])) == 0
    # A tie counts one half: labels that say nothing are worth .5.
    assert agreement(log_probs[[0, 0, 0, 0]], sample([[0, 1], [2, 3]], [[2, 3], [0, 1]])) == 0.5


def test_examples_come_from_different_groups_with_the_word_of_the_group():
    drawn = np.random.default_rng(1)
    group = np.arange(40) % 4
    log_probs = drawn.normal(size=(40, 6), scale=0.1)
    log_probs[np.arange(40), group] += 3
    log_probs[:, 5] += 5  # what the language model likes whatever it has read
    hidden = np.eye(4)[group] + drawn.normal(size=(40, 4), scale=0.05)
    output = Features(log_probs.astype(np.float16), hidden.astype(np.float16))
    texts = [f"group {place} and " + "more " * 50 for place in group]
    shown = select_demonstrations(texts, output, WORDS, 4, seed=0, max_words=30)
    assert sorted(word for _, word in shown) == sorted(WORDS.words[:4])
    for text, word in shown:
        assert text.startswith(f"group {WORDS.words.index(word)}")
        assert len(text.split()) == 30
    assert select_demonstrations(texts, output, WORDS, 4, seed=0, max_words=30) == shown


def test_the_chosen_prompt_is_the_best_or_the_given(tiny_lm, corpus):
    ranked = rank_prompts(corpus.distinct.texts, WORDS, Teacher(tiny_lm), FEW)
    assert len(ranked) == len({one.prompt for one in ranked}) >= 4
    (given,) = (one for one in ranked if one.name == "given")
    assert given.prompt == PROMPTS["published"]
    best = max(one.agreement for one in ranked)
    if best < given.agreement + FEW.min_gain:
        assert ranked[0] is given
    else:
        assert ranked[0].agreement == best
    again = rank_prompts(corpus.distinct.texts, WORDS, Teacher(tiny_lm), FEW)
    assert [one.prompt for one in again] == [one.prompt for one in ranked]


def test_the_choice_is_cached(tiny_lm, corpus, monkeypatch, cache_folder):
    teacher = Teacher(tiny_lm, beam_width=4, truncation="windows", max_tokens=50)
    chosen = with_demonstrations(teacher, corpus, WORDS, FEW)
    assert chosen.config == replace(teacher.config, prompts=chosen.prompts)
    assert all(prompt.from_corpus == (prompt not in PROMPTS.values()) for prompt in chosen.prompts)
    with monkeypatch.context() as patched:
        patched.setattr(demonstrations, "rank_prompts", lambda *_, **__: pytest.fail("chosen twice"))
        again = with_demonstrations(teacher, corpus, WORDS, FEW)
        assert again == chosen
        assert [one.from_corpus for one in again.prompts] == [one.from_corpus for one in chosen.prompts]
    (file,) = (cache_folder / "prompts").glob("*.json")
    file.write_text("{")
    none = DemonstrationConfig(draws=(0, 0))
    assert with_demonstrations(teacher, corpus, WORDS, none).prompts[-1] in (PROMPTS["published"], PROMPTS["four-shot"])


def test_another_configuration_is_another_choice(tiny_lm, corpus):
    teacher = Teacher(tiny_lm)
    paths = {demonstrations._cache_path(teacher, corpus, WORDS, config) for config in (FEW, DemonstrationConfig())}
    assert len(paths) == 2


@pytest.mark.parametrize(
    "wrong",
    [{"sizes": ()}, {"sizes": (0,)}, {"draws": (-1,)}, {"max_words": 0}, {"max_sample_tokens": 10}, {"min_gain": -1.0},
     {"reading_share": 0.0}, {"neighborhood": 2.0}, {"max_similarity": 0.05}, {"max_document_frequency": 0.0}],
)  # fmt: skip
def test_settings_out_of_range(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=re.escape(f"{name} is {value}; give")):
        DemonstrationConfig(**wrong)


def test_the_choice_does_not_depend_on_the_order_of_documents(tiny_lm, corpus):
    shuffled = Corpus.from_texts(np.random.default_rng(1).permutation(corpus.texts).tolist())
    first, second = (rank_prompts(one.distinct.texts, WORDS, Teacher(tiny_lm), FEW) for one in (corpus, shuffled))
    assert [one.prompt for one in first] == [one.prompt for one in second]
    assert shuffled.fingerprint == corpus.fingerprint


@pytest.mark.parametrize("best", ["published", "tag"])
def test_the_choice_is_asked_beside_the_given_prompt(tiny_lm, corpus, monkeypatch, best):
    ranked = [Candidate(best, PROMPTS[best], 0.9), Candidate("four-shot", PROMPTS["four-shot"], 0.8)]
    monkeypatch.setattr(demonstrations, "rank_prompts", lambda *_, **__: ranked)
    teacher = Teacher(tiny_lm)
    wanted = tuple(dict.fromkeys((PROMPTS["published"], PROMPTS[best])))
    assert len(demonstrations.expected_teacher(teacher, corpus, WORDS).prompts) == 2
    for _ in ("chosen", "kept"):
        assert with_demonstrations(teacher, corpus, WORDS).prompts == wanted
        assert demonstrations.expected_teacher(teacher, corpus, WORDS).prompts == wanted


def test_of_several_given_prompts_all_stay_and_the_best_is_the_one_to_beat(tiny_lm, corpus, monkeypatch):
    given = (PROMPTS["published"], PROMPTS["four-shot"], PROMPTS["tag"])
    teacher = Teacher(tiny_lm, prompt=given)
    ranked = rank_prompts(corpus.distinct.texts, WORDS, teacher, FEW)
    best = max(one.agreement for one in ranked if one.prompt in given)
    assert ranked[0].agreement == best or ranked[0].agreement >= best + FEW.min_gain
    for chosen in (PROMPTS["tag"], PROMPTS["theme"]):
        monkeypatch.setattr(demonstrations, "rank_prompts", lambda *_, c=chosen, **__: [Candidate("one", c, 0.9)])
        monkeypatch.setattr(demonstrations, "_read_cached", lambda _: None)
        assert with_demonstrations(teacher, corpus, WORDS).prompts == tuple(dict.fromkeys((*given, chosen)))


@pytest.mark.parametrize("texts", [["one"], ["alpha beta", "gamma delta"], ["a b c"] * 3 + ["d"], ["?", "!"]])
def test_where_nothing_can_be_told_the_given_prompt_stays(tiny_lm, texts):
    (candidate,) = rank_prompts(texts, WORDS, Teacher(tiny_lm, prompt=PROMPTS["tag"]))
    assert candidate.prompt == PROMPTS["tag"]


def test_fewer_words_than_examples(tiny_lm, corpus):
    few = Vocabulary(WORDS.words[:5])
    shown = [one.prompt.demonstrations for one in rank_prompts(corpus.distinct.texts, few, Teacher(tiny_lm))]
    assert {len(pairs) for pairs in shown} == {0, 4}


def test_a_prompt_that_would_not_fit_is_not_tried(tiny_lm, corpus):
    """The tiny model reads 512 tokens; with 485 of a document only the given prompt fits."""
    ranked = rank_prompts(corpus.distinct.texts, WORDS, Teacher(tiny_lm, max_tokens=485), FEW)
    assert [one.name for one in ranked] == ["given"]


def test_what_the_choice_takes_is_estimated_and_nothing_once_it_is_made(tiny_lm, corpus):
    teacher = Teacher(tiny_lm)
    assert demonstrations.selection_seconds(teacher, corpus, WORDS, FEW) > 0
    with_demonstrations(teacher, corpus, WORDS, FEW)
    assert demonstrations.selection_seconds(teacher, corpus, WORDS, FEW) == 0


def test_half_of_what_the_corpus_takes_is_read_within_bounds(tiny_lm, corpus):
    teacher = Teacher(tiny_lm)
    texts = corpus.distinct.texts
    whole = sum(len(row) for row in teacher.token_ids(texts))
    config = DemonstrationConfig()
    assert tokens_per_candidate(texts, teacher, config) == config.min_sample_tokens
    assert tokens_per_candidate(texts * 10_000, teacher, config) == config.max_sample_tokens
    times = 60_000 * config.n_candidates * 2 // 6 // whole
    found = tokens_per_candidate(texts * times, teacher, config)
    assert found == pytest.approx(0.5 * whole * times / config.n_candidates, rel=0.1)

import numpy as np
import pytest

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.teacher import demonstrations
from softtopic.teacher.demonstrations import MARGIN, Tried, agreement, choose_prompt, examples, with_demonstrations
from softtopic.teacher.local import Teacher, TeacherOutput
from softtopic.teacher.prompts import PROMPTS

WORDS = Vocabulary(("sql", "orbit", "bread", "tax", "lens", "goal"))
SUBJECTS = ("query table index", "rocket orbit moon", "flour bread oven", "senate tax vote")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    drawn = np.random.default_rng(0)
    rows = (" ".join(drawn.permutation(f"{SUBJECTS[i % 4]} word{i % 7} more{i % 5}".split())) for i in range(160))
    return Corpus.from_texts(sorted(set(rows)))


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(demonstrations, "SIZES", (2, 4))
    monkeypatch.setattr(demonstrations, "DRAWINGS", (1, 1))


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
    output = TeacherOutput(log_probs.astype(np.float16), hidden.astype(np.float16))
    texts = [f"group {place} and " + "more " * 50 for place in group]
    shown = examples(texts, output, WORDS, 4, seed=0)
    assert sorted(word for _, word in shown) == sorted(WORDS.words[:4])
    for text, word in shown:
        assert text.startswith(f"group {WORDS.words.index(word)}")
        assert len(text.split()) == demonstrations.EXAMPLE_WORDS
    assert examples(texts, output, WORDS, 4, seed=0) == shown


def test_the_chosen_prompt_is_the_best_or_the_given(tiny_lm, corpus, few):
    ranked = choose_prompt(corpus.distinct.texts, WORDS, Teacher(tiny_lm))
    assert len(ranked) == len({one.prompt for one in ranked}) >= 4
    (given,) = (one for one in ranked if one.name == "given")
    assert given.prompt == PROMPTS["published"]
    best = max(one.agreement for one in ranked)
    if best < given.agreement + MARGIN:
        assert ranked[0] is given
    else:
        assert ranked[0].agreement == best
    again = choose_prompt(corpus.distinct.texts, WORDS, Teacher(tiny_lm))
    assert [one.prompt for one in again] == [one.prompt for one in ranked]


def test_the_choice_is_kept(tiny_lm, corpus, few, monkeypatch, cache_folder):
    teacher = Teacher(tiny_lm, branches=4, cut="windows", max_tokens=50)
    chosen = with_demonstrations(teacher, corpus, WORDS)
    assert (chosen.branches, chosen.cut, chosen.max_tokens) == (4, "windows", 50)
    with monkeypatch.context() as patched:
        patched.setattr(demonstrations, "choose_prompt", lambda *_, **__: pytest.fail("chosen twice"))
        assert with_demonstrations(teacher, corpus, WORDS).fingerprint == chosen.fingerprint
    (file,) = (cache_folder / "prompts").glob("*.json")
    file.write_text("{")
    monkeypatch.setattr(demonstrations, "DRAWINGS", (0, 0))
    assert with_demonstrations(teacher, corpus, WORDS).prompts[-1] in (PROMPTS["published"], PROMPTS["four-shot"])


@pytest.mark.parametrize("best", ["published", "tag"])
def test_the_choice_is_asked_beside_the_given_prompt(tiny_lm, corpus, monkeypatch, best):
    ranked = [Tried(best, PROMPTS[best], 0.9), Tried("four-shot", PROMPTS["four-shot"], 0.8)]
    monkeypatch.setattr(demonstrations, "choose_prompt", lambda *_, **__: ranked)
    teacher = Teacher(tiny_lm)
    wanted = tuple(dict.fromkeys((PROMPTS["published"], PROMPTS[best])))
    assert len(demonstrations.expected(teacher, corpus, WORDS).prompts) == 2
    for _ in ("chosen", "kept"):
        assert with_demonstrations(teacher, corpus, WORDS).prompts == wanted
        assert demonstrations.expected(teacher, corpus, WORDS).prompts == wanted


def test_of_several_given_prompts_all_stay_and_the_best_is_the_one_to_beat(tiny_lm, corpus, few, monkeypatch):
    given = (PROMPTS["published"], PROMPTS["four-shot"], PROMPTS["tag"])
    teacher = Teacher(tiny_lm, prompt=given)
    ranked = choose_prompt(corpus.distinct.texts, WORDS, teacher)
    best = max(one.agreement for one in ranked if one.prompt in given)
    assert ranked[0].agreement == best or ranked[0].agreement >= best + MARGIN
    for chosen in (PROMPTS["tag"], PROMPTS["theme"]):
        monkeypatch.setattr(demonstrations, "choose_prompt", lambda *_, c=chosen, **__: [Tried("one", c, 0.9)])
        monkeypatch.setattr(demonstrations, "_kept", lambda _: None)
        assert with_demonstrations(teacher, corpus, WORDS).prompts == tuple(dict.fromkeys((*given, chosen)))


@pytest.mark.parametrize("texts", [["one"], ["alpha beta", "gamma delta"], ["a b c"] * 3 + ["d"], ["?", "!"]])
def test_where_nothing_can_be_told_the_given_prompt_stays(tiny_lm, texts):
    (tried,) = choose_prompt(texts, WORDS, Teacher(tiny_lm, prompt=PROMPTS["tag"]))
    assert tried.prompt == PROMPTS["tag"]


def test_fewer_words_than_examples(tiny_lm, corpus):
    few = Vocabulary(WORDS.words[:5])
    shown = [one.prompt.demonstrations for one in choose_prompt(corpus.distinct.texts, few, Teacher(tiny_lm))]
    assert {len(examples) for examples in shown} == {0, 4}


def test_a_prompt_that_would_not_fit_is_not_tried(tiny_lm, corpus, few):
    """The tiny model reads 512 tokens; with 485 of a document only the given prompt fits."""
    ranked = choose_prompt(corpus.distinct.texts, WORDS, Teacher(tiny_lm, max_tokens=485))
    assert [one.name for one in ranked] == ["given"]


def test_what_the_choice_takes_is_estimated_and_nothing_once_it_is_made(tiny_lm, corpus, few):
    teacher = Teacher(tiny_lm)
    assert demonstrations.choice_seconds(teacher, corpus, WORDS) > 0
    with_demonstrations(teacher, corpus, WORDS)
    assert demonstrations.choice_seconds(teacher, corpus, WORDS) == 0


def test_half_of_what_the_corpus_takes_is_read_within_bounds(tiny_lm, corpus):
    teacher = Teacher(tiny_lm)
    texts = corpus.distinct.texts
    whole = sum(len(row) for row in teacher.rows(texts))
    least, most = demonstrations.TOKENS
    assert demonstrations.tokens_read(texts, teacher) == least
    assert demonstrations.tokens_read(texts * 10_000, teacher) == most
    times = 60_000 * demonstrations.CANDIDATES * 2 // 6 // whole
    found = demonstrations.tokens_read(texts * times, teacher)
    assert found == pytest.approx(0.5 * whole * times / demonstrations.CANDIDATES, rel=0.1)

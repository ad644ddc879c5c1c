import pytest

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.estimate import estimate
from softtopic.features.extraction import extract_into
from softtopic.teacher.demonstrations import selection_seconds
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import PROMPTS

WORDS = Vocabulary(tuple(f"{word}{number}" for word in ("sql", "orbit", "bread", "tax") for number in range(250)))


def test_counts_are_exact_and_bytes_are_near(tiny_lm, texts, tmp_path):
    many = [f"{text} {number} " * (1 + number % 5) for number in range(60) for text in texts]
    corpus = Corpus.from_texts([*many, *many[:7], " ", ""])
    teacher = Teacher(tiny_lm)
    found = estimate(corpus, WORDS, teacher, sample=3000)
    assert (found.documents, found.distinct) == (len(many) + 9, len(many))
    assert found.tokens == sum(len(row) for row in teacher.token_ids(many))
    assert found.seconds > 0
    store = extract_into(tmp_path / "features", corpus, WORDS, teacher)
    store.write_documents(corpus)
    truth = sum(file.stat().st_size for file in store.path.glob("*.parquet"))
    assert 0.8 < found.bytes / truth < 1.2


def test_a_corpus_smaller_than_the_sample_is_read_whole(tiny_lm, texts):
    for count in (1, 2, len(texts)):
        found = estimate(Corpus.from_texts(texts[:count]), WORDS, Teacher(tiny_lm))
        assert found.distinct == count
        assert min(found.seconds, found.bytes) > 0


def test_nothing_to_read(tiny_lm):
    with pytest.raises(InputError, match="every document is empty"):
        estimate(Corpus.from_texts(["", " "]), WORDS, Teacher(tiny_lm))


def test_until_examples_are_chosen_a_prompt_more_is_counted(tiny_lm, texts):
    corpus, teacher = (
        Corpus.from_texts([f"{text} {number}" for number in range(20) for text in texts]),
        Teacher(tiny_lm),
    )
    both = teacher.with_prompts(*teacher.prompts, PROMPTS["theme"])
    found = estimate(corpus, WORDS, teacher, demonstrations=True)
    assert found.tokens == sum(len(row) for row in both.token_ids(corpus.distinct.texts))
    assert found.tokens > 1.9 * estimate(corpus, WORDS, teacher).tokens
    assert selection_seconds(teacher, corpus, WORDS) > 0

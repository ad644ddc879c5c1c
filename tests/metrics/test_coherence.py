import gzip
import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.errors import InputError
from softtopic.metrics import coherence as measures
from softtopic.metrics.coherence import COHERENCE_MEASURES, CoherenceConfig, coherence, coherences
from softtopic.metrics.cooccurrence import Counts
from softtopic.metrics.reference import Reference

with gzip.open(Path(__file__).parents[1] / "golden" / "coherence_gensim.json.gz", "rt") as golden:
    GOLDEN = json.load(golden)
TOPICS, DOCUMENTS = GOLDEN["topics"], GOLDEN["documents"]
NAMES = {"c_v": "c_v", "npmi": "c_npmi", "uci": "c_uci"}
TEXTS = ["cat dog cat bird", "dog cat", "fish water fish", "water sand", "cat water"]
REFERENCE = Reference.from_texts(TEXTS, name="animals")


def counts_that_forget(words: list[str], size: int) -> Counts:
    """Windows as gensim 4.4 counts them: a word that leaves at the edge is forgotten, stand it inside as it may."""
    place = {word: i for i, word in enumerate(words)}
    joint, n_windows = np.zeros((len(words), len(words)), dtype=np.int64), 0
    for document in DOCUMENTS:
        present = set(document[:size])
        for end in range(size, max(size, len(document)) + 1):
            if end > size:
                present = (present - {document[end - size - 1]}) | {document[end - 1]}
            held = [place[word] for word in present if word in place]
            joint[np.ix_(held, held)] += 1
            n_windows += 1
    return Counts(joint, n_windows)


def test_umass_is_that_of_gensim():
    found = coherence(TOPICS, Reference.from_tokens(DOCUMENTS), "umass")
    assert found.per_topic == pytest.approx(GOLDEN["gensim"]["u_mass"]["per_topic"], abs=1e-12)


@pytest.mark.parametrize("measure", NAMES)
def test_windowed_measures_are_those_of_gensim_but_for_the_words_it_forgets(measure):
    given = GOLDEN["gensim"][NAMES[measure]]
    words = sorted({word for topic in TOPICS for word in topic})
    counts = counts_that_forget(words, given["window"])
    places = [[words.index(word) for word in topic] for topic in TOPICS]
    formula = getattr(measures, measure)
    forgetful = [formula(Counts(counts.joint[np.ix_(p, p)], counts.n_windows), 1e-12) for p in places]
    assert forgetful == pytest.approx(given["per_topic"], abs=1e-12)
    # Remembering them changes the figures by this much; tests/metrics/test_cooccurrence.py shows that we do.
    found = coherence(TOPICS, Reference.from_tokens(DOCUMENTS), measure, CoherenceConfig(window=given["window"]))
    apart = max(abs(a - b) for a, b in zip(found.per_topic, given["per_topic"], strict=True))
    assert apart == pytest.approx({"c_v": 0.0128, "npmi": 0.0195, "uci": 0.4206}[measure], abs=1e-4)


@pytest.mark.parametrize("measure", NAMES)
def test_where_no_document_repeats_a_word_nothing_is_forgotten(measure):
    once = [list(dict.fromkeys(document)) for document in DOCUMENTS]
    found = coherence(TOPICS, Reference.from_tokens(once), measure, CoherenceConfig(window=10))
    words = [[set(document[i : i + 10]) for i in range(max(len(document) - 9, 1))] for document in once]
    windows = [window for document in words for window in document]
    joint = [[sum({a, b} <= window for window in windows) for b in TOPICS[0]] for a in TOPICS[0]]
    expected = getattr(measures, measure)(Counts(np.array(joint), len(windows)), 1e-12)
    assert found.per_topic[0] == pytest.approx(expected, abs=1e-12)


def test_formulas_by_hand():
    # 8 windows: a in 4, b in 2, c in 4; a and b together in 2, a and c in 1, b and c in none.
    counts, e = Counts(np.array([[4, 2, 1], [2, 2, 0], [1, 0, 4]]), 8), 1e-3
    pmi = [math.log((2 / 8 + e) / (4 / 8 * 2 / 8)), math.log((1 / 8 + e) / (4 / 8 * 4 / 8)), math.log(e / (1 / 8))]
    scale = [-math.log(2 / 8 + e), -math.log(1 / 8 + e), -math.log(e)]
    assert measures.uci(counts, e) == pytest.approx(sum(pmi) / 3)
    assert measures.npmi(counts, e) == pytest.approx(sum(p / s for p, s in zip(pmi, scale, strict=True)) / 3)
    conditional = [(2 / 8 + e) / (4 / 8), (1 / 8 + e) / (4 / 8), e / (2 / 8)]
    assert measures.umass(counts, e) == pytest.approx(sum(map(math.log, conditional)) / 3)


def test_words_in_every_window_go_together_as_well_as_words_can():
    found = coherences([["cat", "dog"]], Reference.from_texts(["cat dog"]), ("npmi", "c_v"))
    assert [result.mean for result in found] == pytest.approx([1, 1])


def test_words_the_reference_lacks_are_counted_and_independent_of_all_others():
    whole = {r.measure: r for r in coherences([["cat", "dog"]], REFERENCE)}
    lacking = {r.measure: r for r in coherences([["cat", "dog", "xyz", "zyx"], ["xyz", "cat"]], REFERENCE)}
    for measure in ("npmi", "uci"):
        assert lacking[measure].per_topic == pytest.approx((whole[measure].mean / 6, 0))
    assert lacking["c_v"].per_topic == pytest.approx((whole["c_v"].mean / 2, 0.5))
    assert all(result.n_missing == (2, 1) for result in lacking.values())
    assert all(np.isfinite(result.per_topic).all() for result in lacking.values())
    # log P(cat | xyz) = log P(cat).
    assert lacking["umass"].per_topic[1] == pytest.approx(math.log(3 / 5))


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdez"), min_size=2, max_size=6, unique=True), min_size=1, max_size=3),
    st.lists(st.lists(st.sampled_from("abcde"), max_size=8), min_size=1, max_size=4),
    st.none() | st.integers(1, 6),
)
def test_values_are_finite_and_in_range(topics, documents, window):
    if not {word for topic in topics for word in topic} & {word for document in documents for word in document}:
        return
    found = {r.measure: r for r in coherences(topics, Reference.from_tokens(documents), COHERENCE_MEASURES,
                                              CoherenceConfig(window=window))}  # fmt: skip
    for measure in COHERENCE_MEASURES:
        assert np.isfinite(found[measure].per_topic).all()
        assert found[measure].mean == pytest.approx(np.mean(found[measure].per_topic))
    bounded = np.array([found["npmi"].per_topic, found["c_v"].per_topic])
    assert (np.abs(bounded) <= 1 + 1e-9).all()
    assert max(found["umass"].per_topic) <= 1e-9


@pytest.mark.parametrize("measure", ["npmi", "uci", "c_v"])
def test_order_and_case_of_words_do_not_matter(measure):
    one, other = ["cat", "dog", "water"], ["Water", "CAT", "dog", "cat"]
    found = coherence([one, other], REFERENCE, measure)
    assert found.per_topic[0] == pytest.approx(found.per_topic[1])


def test_a_result_says_what_was_counted():
    found = coherence([["cat", "dog", "xyz"], ["fish", "water"]], REFERENCE, "npmi", CoherenceConfig(top_n=3, window=2))
    assert str(found) == (
        f"npmi {found.mean:.3f} ± {found.std:.3f} over 2 topics, top 3 words, windows of 2 words in animals "
        "(5 documents, 13 words; 1 topic words are not in it)"
    )
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["per_topic"] == list(found.per_topic)
    assert {plain[k] for k in ("measure", "reference")} == {"npmi", "animals"}
    assert (plain["n_documents"], plain["n_tokens"], plain["top_n"], plain["window"]) == (5, 13, 3, 2)
    assert "whole documents in animals" in str(coherence([["cat", "dog"]], REFERENCE, "umass"))


def test_only_the_first_words_are_measured():
    found = coherence([["cat", "dog", "sand"]], REFERENCE, config=CoherenceConfig(top_n=2))
    assert found.mean == coherence([["cat", "dog"]], REFERENCE).mean


@pytest.mark.parametrize(
    ("topics", "measure", "said"),
    [([["cat", "dog"]], "c_a", "'c_a' is not known; choose of c_v, npmi, uci, umass"),
     ([["cat", "dog"], ["cat", "Cat"]], "npmi", "topic 1 has 1 distinct words"),
     (["cat"], "npmi", "topic 0 is one string"),
     ([["chat", "chien"]], "npmi", "animals holds none of the topics' words")],
)  # fmt: skip
def test_what_cannot_be_measured(topics, measure, said):
    with pytest.raises(InputError, match=said):
        coherence(topics, REFERENCE, measure)


@pytest.mark.parametrize(("settings", "said"), [({"top_n": 1}, "top_n is 1"), ({"epsilon": 0.0}, "epsilon is 0.0")])
def test_settings_are_checked(settings, said):
    with pytest.raises(InputError, match=said):
        CoherenceConfig(**settings)


def test_pairs_are_the_mean_of_pairs():
    words = ["cat", "dog", "water", "fish"]
    pairs = coherence([list(pair) for pair in combinations(words, 2)], REFERENCE, "uci")
    assert coherence([words], REFERENCE, "uci").mean == pytest.approx(pairs.mean)


def test_words_with_capitals_are_found_among_tokens():
    nouns = [["Haus", "Garten"], ["Haus", "Garten", "Tor"], ["Auto", "Tor"]]
    lower = [[word.lower() for word in document] for document in nouns]
    found = coherence([["Haus", "Garten"]], Reference.from_tokens(nouns), "npmi")
    assert found == coherence([["haus", "garten"]], Reference.from_tokens(lower), "npmi")

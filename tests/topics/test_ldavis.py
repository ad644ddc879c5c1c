import sys
from types import SimpleNamespace

import numpy as np
import pytest
from topic_states import edited_state

from softtopic.errors import InputError
from softtopic.topics.ldavis import ldavis_data, prepare_ldavis

TEXTS = ["sql table query", "no word of it", *["bread flour lens"] * 28]


def test_what_is_given_to_pyldavis_is_what_it_takes():
    state = edited_state()
    given = ldavis_data(state, TEXTS)
    assert given["vocab"] == ["sql", "table", "query", "bread", "flour", "lens"]
    assert given["term_frequency"].tolist() == [1, 1, 1, 28, 28, 28]
    assert given["doc_lengths"].tolist() == [3] * 29
    np.testing.assert_allclose(given["doc_topic_dists"], state.theta[[0, *range(2, 30)]], atol=1e-6)
    for rows in (given["topic_term_dists"], given["doc_topic_dists"]):
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-12)


def test_it_is_called_where_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyLDAvis", None)
    with pytest.raises(InputError, match="pyLDAvis is not installed; pip install pyLDAvis, or leave out prepare=True"):
        prepare_ldavis(edited_state(), TEXTS)
    monkeypatch.setitem(sys.modules, "pyLDAvis", SimpleNamespace(prepare=lambda **given: given))
    given = prepare_ldavis(edited_state(), TEXTS)
    assert (given["sort_topics"], given["start_index"], len(given["vocab"])) == (False, 0, 6)


def test_other_texts_are_refused():
    with pytest.raises(InputError, match="2 texts for a model of 30 documents; give those of the fit"):
        ldavis_data(edited_state(), TEXTS[:2])
    with pytest.raises(InputError, match="the texts hold no word of the vocabulary; give the training documents"):
        ldavis_data(edited_state())

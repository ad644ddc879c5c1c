import re

import pytest
from fitted_states import HOSTILE, fitted_state

from softtopic import TopicModel
from softtopic.report.notebook import topics_html


def shown(model) -> str:
    page = model._repr_mimebundle_()["text/html"]
    assert model._repr_html_() == page
    return page


def test_a_fitted_model_is_a_table_of_its_topics():
    model = TopicModel(6)
    state = fitted_state(names=["sql", "", "", "", "", ""])
    model._set_state(state, None)
    page = shown(model)
    assert page.count("<tr>") == 7
    assert "6 topics of 60 documents" in page
    assert ">sql<" in page
    model.rename({0: "queries"}).merge_topics([1, 2])
    assert ">queries<" in shown(model)
    assert shown(model).count("<tr>") == 6
    assert "text/plain" in model._repr_mimebundle_()


def test_an_unfitted_model_is_shown_as_scikit_learn_does():
    assert "sk-container" in TopicModel(7)._repr_mimebundle_()["text/html"]
    assert "sk-container" in TopicModel(7)._repr_html_()


def test_only_the_largest_topics_are_shown():
    assert "… and 15 more" in topics_html(fitted_state(80, 40))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_is_markup(name):
    page = topics_html(fitted_state(names=[name] * 6, words=[f"{name}{n}" for n in range(24)]))
    assert set(re.findall(r"<(/?\w+)", page)) == {
        f"{slash}{tag}" for tag in ("table", "caption", "thead", "tbody", "tr", "th", "td") for slash in ("", "/")
    }

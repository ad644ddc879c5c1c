import sys
from types import SimpleNamespace

import pytest

from softtopic.data import segmentation, vocabulary
from softtopic.data.segmentation import words_of
from softtopic.data.vocabulary import Vocabulary


@pytest.fixture
def budoux(monkeypatch):
    """A stand-in for the package: phrases of texts in which a bar is a border."""
    parser = SimpleNamespace(parse=lambda run: run.split("々"))
    names = ("japanese", "thai", "simplified_chinese")
    monkeypatch.setitem(
        sys.modules, "budoux", SimpleNamespace(**{f"load_default_{name}_parser": lambda: parser for name in names})
    )
    segmentation._parser.cache_clear()
    monkeypatch.setattr(vocabulary, "has_segmenter", lambda: True)
    yield
    segmentation._parser.cache_clear()


def test_words_of_scripts_without_spaces(budoux):
    assert words_of("今日は々機械学習の々です Deep learning AI") == ["今日", "機械学習", "deep", "learning"]
    assert words_of("机器々学习々的") == ["机器", "学习"]
    assert words_of("ประเทศ々และ") == ["ประเทศ"]


def test_texts_are_segmented_where_the_package_is_installed(budoux, caplog):
    texts = ["机器々学习々的々方法", "机器々学习々方法", "天气々很々好"] * 2
    caplog.set_level("INFO", "softtopic")
    found = Vocabulary.from_texts(texts, language="none", min_df=2, max_df=1.0)
    assert found.words == ("学习", "方法", "机器", "天气")
    assert "segmented by budoux" in caplog.text
    assert Vocabulary.from_texts(texts, language="chinese", min_df=2, max_df=1.0).words
    # Counted by longest match, without the package.
    assert found.bag_of_words(["机器学习的方法"]).toarray().tolist() == [[1, 1, 1, 0]]


def test_words_of_the_real_segmenter():
    pytest.importorskip("budoux")
    assert words_of("機械学習の研究で手法を提案") == ["機械学習", "研究", "手法", "提案"]

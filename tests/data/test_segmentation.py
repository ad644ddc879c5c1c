import pytest

from softtopic.data import segmentation
from softtopic.data.segmentation import SEGMENTERS, Segmenter, require_segmenters, segmented_words, unspaced_languages
from softtopic.data.stop_words import stop_words
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError

CHINESE = ["机器々学习々的々方法", "机器々学习々方法", "天气々很々好"] * 2


@pytest.fixture
def segmenter(monkeypatch):
    """Stand-ins for the packages: an iteration mark is a border."""
    segmentation._parser.cache_clear()
    for code, own in SEGMENTERS.items():
        stand_in = Segmenter("json", lambda: lambda run: run.split("々"), own.min_length)
        monkeypatch.setitem(SEGMENTERS, code, stand_in)
    yield
    segmentation._parser.cache_clear()


@pytest.fixture
def no_segmenter(monkeypatch):
    segmentation._parser.cache_clear()
    for code in list(SEGMENTERS):
        monkeypatch.setitem(SEGMENTERS, code, Segmenter("no_such_package", lambda: str.split))
    yield
    segmentation._parser.cache_clear()


def test_the_script_of_a_text_tells_its_language():
    texts = ["机器学习", "機械学習の研究", "ประเทศไทย", "ភាសាខ្មែរ", "ພາສາລາວ", "မြန်မာ", "deep learning"]
    assert set(unspaced_languages(texts, 0.02)) == {"zh", "ja", "th", "km", "lo", "my"}
    assert unspaced_languages(["机器学习" * 100, "ไทย"], 0.02) == ("zh",)
    assert unspaced_languages(["learning"], 0.02) == ()


def test_words_of_scripts_without_spaces(segmenter):
    assert segmented_words("机器々学习々的 Deep learning", ["zh"]) == ["机器", "学习"]
    assert segmented_words("研究々の ประเทศ", ["ja"]) == ["研究", "の"]
    assert segmented_words("机器々学习", ["th"]) == []
    # Without kana, in a Japanese corpus, and the other way round.
    assert segmented_words("機械々学習", ["ja"]) == ["機械", "学習"]
    assert segmented_words("机器々の学习", ["zh"]) == ["机器", "の学习"]
    assert segmented_words("机器々学习", ["ja", "zh"]) == ["机器", "学习"]


def test_texts_are_segmented_where_the_package_is_installed(segmenter, caplog):
    caplog.set_level("INFO", "softtopic")
    found = Vocabulary.from_texts(CHINESE, language="none", min_df=2, max_df=1.0)
    assert found.words == ("学习", "方法", "机器", "天气")
    assert found.segmented == ("zh",)
    assert "it is segmented by json" in caplog.text
    assert Vocabulary.from_texts(CHINESE, language="chinese", min_df=2, max_df=1.0).words
    # As when the words were found: the same border, not the longest match.
    assert found.bag_of_words(["机器々学习的々方法"]).toarray().tolist() == [[0, 1, 1, 0]]


def test_titles_in_chinese_characters_alone_are_in_the_language_of_the_corpus(segmenter):
    texts = ["機械々学習の研究", "機械々学習", "学習の方法"] * 4
    assert Vocabulary.from_texts(texts, language="ja", min_df=1, max_df=1.0).segmented == ("ja",)
    assert set(Vocabulary.from_texts(texts, language="none", min_df=1, max_df=1.0).segmented) == {"ja", "zh"}


def test_words_with_spaces_are_found_beside_those_without(segmenter):
    texts = [f"{text} rocket GPU" for text in CHINESE]
    found = Vocabulary.from_texts(texts, language=["zh", "en"], min_df=2, max_df=1.0)
    assert {"rocket", "gpu", "机器"} <= set(found.words)
    assert found.bag_of_words(["GPU 机器々学习"])[0].sum() == 3


def test_a_few_words_in_another_script_change_nothing(segmenter):
    texts = ["The rocket left its pad in the morning.", "A rocket and its pad 机器々学习 stood there."] * 30
    assert Vocabulary.from_texts(texts, min_df=1, max_df=1.0).segmented == ()


def test_a_missing_package_is_one_line_with_the_next_step(no_segmenter, caplog):
    found = Vocabulary.from_texts(CHINESE * 2, language="none", min_df=2, max_df=1.0)
    assert found.segmented == ()
    assert "pip install 'softtopic[segment]'" in caplog.text
    assert "--vocabulary FILE" in caplog.text
    with pytest.raises(InputError, match=r"words of Chinese are segmented by no_such_package.*softtopic\[segment\]"):
        Vocabulary(("机器",), segmented=("zh",)).bag_of_words(["机器"])


def test_a_language_without_a_segmenter():
    with pytest.raises(InputError, match="German has no segmenter"):
        require_segmenters(["de"])
    with pytest.raises(InputError, match="choose from zh, ja"):
        Vocabulary(("a",), segmented=("de",))


def test_burmese_without_its_segmenter(no_segmenter, caplog):
    Vocabulary.from_texts(["မြန်မာ စာ", "မြန်မာ ဘာသာ"] * 3, language="none", min_df=1, max_df=1.0)
    assert "Burmese has no spaces between words" in caplog.text


def test_chinese_words_without_function_words():
    pytest.importorskip(SEGMENTERS["zh"].package)
    assert segmented_words("这项研究的三个目标之间和他们没有关系", ["zh"]) == ["研究", "目标", "没有", "关系"]
    assert segmented_words("这座城市有公里", ["zh"]) == ["城市", "公里"]
    assert {"没有", "可能", "非常", "目前", "居然", "互相"} <= set(stop_words("zh"))


def test_burmese_words_without_particles():
    pytest.importorskip(SEGMENTERS["my"].package)
    texts = ["ကျောင်းသားများသည် တက္ကသိုလ်တွင် ကွန်ပျူတာသိပ္ပံကို လေ့လာနေကြသည်။", "အစိုးရက အခွန်အကြောင်း ဆွေးနွေးခဲ့သည်။"]
    found = Vocabulary.from_texts(texts * 2, language="my", min_df=1, max_df=1.0)
    assert found.segmented == ("my",)
    assert {"ကျောင်းသား", "တက္ကသိုလ်", "ကွန်ပျူတာ", "အစိုးရ", "အခွန်"} <= set(found.words)
    assert not {"များ", "သည်", "တွင်", "ကို", "က", "ခဲ့"} & set(found.words)


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("zh", "机器学习的研究方法", ["机器", "学习", "研究", "方法"]),
        ("ja", "機械学習の研究で新しい手法を提案した", ["機械", "学習", "研究", "新しい", "手法", "提案"]),
        ("th", "ประเทศไทยมีภูเขาหิมะ", ["ประเทศ", "ไทย", "มี", "ภูเขา", "หิมะ"]),
        ("km", "ភាសាខ្មែរ", ["ភាសា", "ខ្មែរ"]),
        ("lo", "ປະຊາຊົນລາວ", ["ປະຊາຊົນ", "ລາວ"]),
        ("my", "ရန်ကုန်မြို့တွင် မိုး", ["ရန်ကုန်", "မြို့", "မိုး"]),
    ],
)
def test_words_of_the_real_segmenters(code, text, words):
    pytest.importorskip(SEGMENTERS[code].package)
    assert set(words) <= set(segmented_words(text, [code]))

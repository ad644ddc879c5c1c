"""The language of a corpus, and the words of topics in ten languages.

    python benchmarks/languages.py --data-dir FOLDER [--topics 20] [--lists FOLDER]

Detection of single documents of 100 characters and of whole corpora, with the time and the memory it takes; then topics
of words alone (`TopicModel.preview` without sentence vectors): the share of their first ten words that are stop words,
cut words and words in letters of another script. Stop words are those of both packages' lists, whichever of them
softtopic uses; a word is cut where the dictionary of its language, or any document as it is written, lacks it. --lists
counts those of further lists of stop words, files CODE.NAME.txt with a word in each line.
"""

import gzip
import json
import re
import resource
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import stopwordsiso
from common import parser, print_head, print_row

from softtopic import TopicModel
from softtopic.data.language_names import LANGUAGES, english_name
from softtopic.data.languages import detect_language, document_languages
from softtopic.data.segmentation import segmented_words
from softtopic.data.tokenizer import UNSPACED_RUN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from stop_words import LANGUAGE_MAPPING, get_stop_words

SENTENCES = "sib200_10langs"
CODES = {
    "eng_Latn": "en", "deu_Latn": "de", "fra_Latn": "fr", "spa_Latn": "es", "rus_Cyrl": "ru", "arb_Arab": "ar",
    "hin_Deva": "hi", "zho_Hans": "zh", "jpn_Jpan": "ja", "tha_Thai": "th",
}  # fmt: skip
SCRIPTS = {
    "ru": "CYRILLIC",
    "ar": "ARABIC",
    "hi": "DEVANAGARI",
    "zh": "CJK",
    "ja": "CJK|HIRAGANA|KATAKANA",
    "th": "THAI",
}
CORPORA = {
    "20newsgroups_bydate": "en", "stackoverflow_titles": "en", "tweet_topic": "en", "biomedical": "en",
    "googlenews_ts": "en", "hwu64": "en", "trec_questions": "en", "masakhanews_fra": "fr",
}  # fmt: skip
CHARACTERS = 100


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--topics", type=int, default=20)
    options.add_argument("--lists", type=Path, help="folder of further lists of stop words")
    arguments = options.parse_args()
    folder = Path(arguments.data_dir)
    sentences: dict[str, list[str]] = {}
    for row in read(folder, SENTENCES):
        sentences.setdefault(CODES[row["lang"]], []).append(row["text"])
    print_detection(folder, sentences)
    print()
    print_words(sentences, arguments.topics)
    if arguments.lists:
        print()
        print_further(sentences, arguments.topics, sorted(arguments.lists.glob("*.txt")))


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def print_detection(folder: Path, sentences: dict[str, list[str]]) -> None:
    memory, begin = peak_memory(), time.process_time()
    detect_language(sentences["en"])
    first, memory = time.process_time() - begin, peak_memory() - memory
    print_head("corpus", "language", f"documents of {CHARACTERS} characters", "right", "corpus as a whole", "seconds")
    rights: list[bool] = []
    for code, texts in sentences.items():
        single = [one == code for one in document_languages([text[:CHARACTERS] for text in texts], list(LANGUAGES))]
        rights += single
        print_row(SENTENCES, english_name(code), len(single), percent(single), *whole(texts))
    print_row(
        SENTENCES, "all ten", len(rights), percent(rights), *whole([text for own in sentences.values() for text in own])
    )
    for name, code in CORPORA.items():
        print_row(name, english_name(code), "", "", *whole([row["text"] for row in read(folder, name)]))
    print(f"\nThe first detection takes {first:.2f} s of processor time and {memory:.0f} MB of memory.")


def whole(texts: Sequence[str]) -> tuple[str, str]:
    begin = time.process_time()
    return str(detect_language(texts)), f"{time.process_time() - begin:.2f}"


def peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_words(sentences: dict[str, list[str]], n_topics: int) -> None:
    print_head("language", "words", "stop words", "cut words", "another script", "the first topic")
    for code, texts in sentences.items():
        topics = topics_of_words(texts, n_topics)
        words = [word for topic in topics for word in topic]
        tests = (is_stop_word(code), is_cut(code, texts), is_of_another_script(code))
        found = [Counter(word for word in words if test(word)) for test in tests]
        shares = [f"{own.total() / len(words):.1%} {' '.join(list(own)[:4])}".strip() for own in found]
        print_row(english_name(code), len(words), *shares, " ".join(topics[0]))


def topics_of_words(texts: Sequence[str], n_topics: int) -> list[list[str]]:
    model = TopicModel(n_topics, inputs="words+tf-idf", target="bow", features=None)
    return model.preview(texts)["Representation"].tolist()


def print_further(sentences: dict[str, list[str]], n_topics: int, lists: Sequence[Path]) -> None:
    print_head("language", "list", "words of the list", "of the topics", "which")
    for code, files in groupby(lists, lambda path: path.name.split(".")[0]):
        words = [word for topic in topics_of_words(sentences[code], n_topics) for word in topic]
        for path in files:
            listed = set(path.read_text(encoding="utf-8").split())
            found = [word for word in words if word in listed]
            print_row(english_name(code), path.stem, len(listed), f"{len(found) / len(words):.1%}", " ".join(found))


def is_stop_word(code: str) -> Callable[[str], bool]:
    # English: the list of the package that is common elsewhere, which holds "world" and "work".
    listed = set(get_stop_words(code)) if code in LANGUAGE_MAPPING and code != "en" else set()
    if code not in ("en", "ru"):
        listed |= set(stopwordsiso.stopwords(code))
    return {word.lower() for word in listed}.__contains__


def is_cut(code: str, texts: Sequence[str]) -> Callable[[str], bool]:
    """Whether a word is part of a longer one wherever it stands."""
    joined = " ".join(texts).lower()
    spaced = set(re.findall(r"[\w\u0300-\u036f\u0900-\u097f\u064b-\u0652+#]+", joined))
    if code not in ("zh", "ja", "th"):
        return lambda word: word not in spaced
    # Segmented alone, a word of the dictionary stays one.
    return lambda word: bool(UNSPACED_RUN.search(word)) and segmented_words(word, [code]) != [word]


def is_of_another_script(code: str) -> Callable[[str], bool]:
    own = SCRIPTS.get(code, "LATIN").split("|")
    return lambda word: not any(unicodedata.name(letter, "").startswith(script) for letter in word for script in own)


def percent(values: Sequence[bool]) -> str:
    return f"{sum(values) / len(values):.1%}"


if __name__ == "__main__":
    main()

import logging
import re

from softtopic.cli.building import log_counts
from softtopic.data.corpus import Corpus
from softtopic.data.languages import detect_language
from softtopic.data.vocabulary import Vocabulary
from softtopic.pipeline.language import WordPlan
from softtopic.wording import counted


def test_one_is_singular_and_thousands_are_separated():
    assert [counted(n, "edit") for n in (0, 1, 2, 12345)] == ["0 edits", "1 edit", "2 edits", "12,345 edits"]
    assert [counted(n, "entry", "entries") for n in (1, 1500)] == ["1 entry", "1,500 entries"]


def test_lines_of_a_plan_count_so():
    said = WordPlan(detect_language(["من هو؟"]), ("ar",), Vocabulary(("a",)))
    assert re.search(r"stop words: \d,\d{3} Arabic", str(said))


def test_messages_count_so(caplog):
    with caplog.at_level(logging.INFO, "softtopic"):
        log_counts(Corpus.from_texts(["a", "a", ""]))
        log_counts(Corpus.from_texts(["a"] * 1500))
    assert caplog.messages == [
        "3 documents, of them 1 duplicate (read once), 1 empty",
        "1,500 documents, of them 1,499 duplicates (read once)",
    ]

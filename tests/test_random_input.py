"""10,000 random inputs to readers, texts, options and model folders: no traceback, none takes 2 s, none much memory."""

import gzip
import json
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softtopic import Corpus, TopicModel, Vocabulary
from softtopic.cli import main
from softtopic.data.readers import Columns, read_corpus
from softtopic.data.segmentation import segmented_words
from softtopic.errors import SofttopicError

# Two minutes of processor time in all; other work on the machine may take most of it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

FOLDERS = Path(__file__).parent / "persistence" / "folders"
_MAX_SECONDS = 2

# A word for each dictionary of segmentation.
UNSPACED = {"zh": "天气", "ja": "天気です", "th": "ภาษาไทย", "km": "ភាសាខ្មែរ", "lo": "ພາສາລາວ"}
_MAX_BYTES = 500 << 20


def examples(n: int):
    return settings(
        max_examples=n, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@pytest.fixture(autouse=True)
def within_memory() -> Iterator[None]:
    unit = 1 if sys.platform == "darwin" else 1 << 10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < _MAX_BYTES


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory) -> None:
    """What is imported or opened when it is first needed takes longer than any input."""
    for code, text in UNSPACED.items():
        segmented_words(text, [code])
    path = tmp_path_factory.mktemp("warm") / "posts.csv"
    path.write_bytes(WELL_FORMED["csv"] * 3)
    for options in (["--recipe", "prodlda"], ["--fast"]):
        with pytest.raises(SystemExit):
            main(["fit", str(path), "--topics", "2", "--dry-run", *options])


@contextmanager
def refused_or_done() -> Iterator[None]:
    """Nothing but errors that a user can fix, within two seconds of the processor."""
    start, said = time.process_time(), ""
    try:
        yield
    except SofttopicError as error:
        said = str(error)
    assert "\n" not in said
    assert time.process_time() - start < _MAX_SECONDS


# Characters that formats give a meaning, and those that look like nothing.
CHARACTERS = st.one_of(st.sampled_from('",;\t|\n\r{}[]:\\<>&@=\0\ufeff\u200b\u0301\ud800'), st.characters())
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=60),
    st.builds(lambda part, n: part * n, st.text(CHARACTERS, max_size=8), st.integers(0, 5000)),
    st.sampled_from(["the rocket is in orbit", "bread and butter", "don't know", "n/a", "http://a.b/c", "<p>", "5G"]),
)
WELL_FORMED = {
    "csv": b'text,label,id\nred apple,x,1\n"green, apple",y,2\n',
    "tsv": b"text\tlabel\nred apple\tx\ngreen apple\ty\n",
    "jsonl": b'{"text": "red apple", "label": "x"}\n{"text": "green apple", "label": null}\n',
    "json": b'[{"text": "red apple"}, {"text": "green"}]',
    "txt": b"red apple\ngreen apple\n",
}  # fmt: skip


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """Bytes of a file, some of them replaced, removed or repeated."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 20))
        inserted = draw(st.one_of(st.binary(max_size=12), TEXTS.map(lambda t: t.encode("utf-8", "surrogatepass"))))
        data = data[:place] + inserted + data[place + length :]
    return data


FILES = st.sampled_from(sorted(WELL_FORMED)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.one_of(damaged(WELL_FORMED[kind]), st.binary(max_size=300)))
)


@examples(4000)
@given(FILES, st.booleans(), st.sampled_from([None, "label", "id"]), st.sampled_from([None, ";", "tab", ",,"]))
def test_readers(tmp_path_factory, file, zipped, label, delimiter):
    kind, data = file
    path = tmp_path_factory.getbasetemp() / f"random.{kind}{'.gz' * zipped}"
    path.write_bytes(gzip.compress(data, 1) if zipped else data)
    with refused_or_done():
        corpus = read_corpus(path, Columns(label=label), delimiter=delimiter)
        assert len(corpus.ids) == len(corpus)


@examples(500)
@given(st.binary(max_size=400), st.sampled_from(["parquet", "xlsx", "csv.gz", "csv.bz2", "csv.xz", "csv.zst", "dat"]))
def test_readers_of_binary_files(tmp_path_factory, data, kind):
    path = tmp_path_factory.getbasetemp() / f"random.{kind}"
    path.write_bytes(data)
    with refused_or_done():
        corpus = read_corpus(path)
        assert len(corpus.ids) == len(corpus)


ITEMS = st.one_of(TEXTS, TEXTS, TEXTS, st.none(), st.floats(), st.integers(), st.binary(max_size=3))


@examples(3500)
@given(st.one_of(st.lists(TEXTS, max_size=12), st.lists(ITEMS, max_size=5)), st.sampled_from([1, 2, 0.5]))
def test_texts(texts, min_df):
    with refused_or_done():
        corpus = Corpus.from_texts(texts)
        vocabulary = Vocabulary.from_texts(corpus.distinct.texts, min_df=min_df, max_df=1.0)
        assert vocabulary.bag_of_words(corpus.texts).shape == (len(corpus), len(vocabulary))
        vocabulary.fingerprint.encode()


VALUES = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "3", "1e9", "9" * 400, "²", "nan", "inf", "auto", "atuo", "50%", "0.5", "-"]),
    st.text(max_size=8).filter(lambda value: "\0" not in value),
)  # fmt: skip
OPTIONS = st.sampled_from([
    "--topics", "--vocabulary", "--min-df", "--max-df", "--language", "--seed", "--recipe", "--backbone", "--inputs",
    "--target", "--sample", "--prompt", "--calibration", "--strength", "--beam-width", "--max-tokens", "--truncation",
    "--demonstrations", "--device", "--dtype", "--text", "--id", "--label", "--time", "--time-format", "--format",
    "--delimiter", "--encoding", "--guide", "--word-vectors", "--lm-model", "--lm-probs", "--vectors", "--top-k",
])  # fmt: skip


@examples(1000)
@given(st.lists(st.tuples(OPTIONS, VALUES), max_size=3), st.booleans())
def test_options(tmp_path_factory, capsys, given_options, fast):
    path = tmp_path_factory.getbasetemp() / "posts.csv"
    path.write_bytes(WELL_FORMED["csv"] * 3)
    basic = ["--recipe", "prodlda", "--topics", "2", "--dry-run"]
    options = [part for option in given_options for part in option]
    command = ["fit", str(path), *basic, *options, *["--fast"] * fast]
    start = time.process_time()
    with pytest.raises(SystemExit) as left:
        main(command)
    assert time.process_time() - start < _MAX_SECONDS
    err = capsys.readouterr().err
    assert left.value.code in (0, 2), (command, err)
    assert "unexpected" not in err
    assert "Traceback" not in err


@examples(1000)
@given(st.data())
def test_model_folders(tmp_path_factory, data):
    source = data.draw(st.sampled_from(sorted(path for path in FOLDERS.glob("v*-*") if path.is_dir())))
    folder = tmp_path_factory.getbasetemp() / "random-model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    file = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = data.draw(damaged(file.read_bytes()))
    file.write_bytes(content)
    if data.draw(st.booleans()) and file.suffix == ".json":
        # Well-formed JSON of another shape.
        file.write_text(json.dumps(data.draw(st.recursive(st.none() | st.integers(), st.lists))))
    with refused_or_done():
        model = TopicModel.load(folder)
        assert model.get_topic_info()["Count"].sum() <= len(model.probabilities_)

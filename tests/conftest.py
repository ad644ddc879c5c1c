"""Shapes and types are checked at run time in every test: the hook must be installed before the package is imported."""

import logging
import os
import warnings
from pathlib import Path
from uuid import uuid4

from jaxtyping import install_import_hook

# The command line is left out: it names heavy types it only imports when a command needs them.
SOURCE = Path(__file__).parents[1] / "src" / "softtopic"
ROOMS = [path.stem for path in SOURCE.iterdir() if path.stem not in ("__init__", "cli", "lm", "py")]
# TorchScript compiles the source of kernels, and does not accept the hook's decorators.
ROOMS += [f"lm.{path.stem}" for path in (SOURCE / "lm").iterdir() if path.stem not in ("__init__", "kernels")]
install_import_hook([f"softtopic.{room}" for room in ROOMS], "beartype.beartype")

import pytest  # noqa: E402

# Offline for good: a test that reaches for a network fails at once.
os.environ["HF_HUB_OFFLINE"] = "1"

DATA = Path(os.environ.get("SOFTTOPIC_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")

# Parts of the cache folder that all tests share: the embedded models and what was measured of this processor.
SHARED = ("assets", "formats", "models")

TEXTS = [
    "How do I join two tables in SQL and keep the rows without a match?",
    "The rocket left its launch pad and reached orbit after nine minutes.",
    "My sourdough starter smells of acetone, should I feed it more flour?",
    "The senate passed the budget after a long debate over taxes.",
    "Which lens makes photos of birds sharper in low light?",
    "Create an index on a SQL table to make the query faster.",
    "The telescope in orbit photographed a distant galaxy and two moons.",
    "Knead the bread dough, let the flour rest and bake it in a hot oven.",
    "Voters elected a new government that promised lower taxes.",
    "The camera lens is sharp, but its photos are dark in low light.",
    "A query over two SQL tables returns every row twice.",
    "Astronauts in orbit repaired the telescope of the space station.",
]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return list(TEXTS)


@pytest.fixture(scope="session")
def embedded_lm() -> str:
    """The name of the embedded language model, which `make test` has fetched."""
    from softtopic.storage.assets import asset_path

    asset_path("smollm2-135m")
    return "smollm2-135m"


@pytest.fixture(scope="session")
def tiny_lm(embedded_lm, tmp_path_factory) -> str:
    """A folder with a random two-layer Llama and the embedded model's tokenizer: a whole teacher in milliseconds."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from softtopic.lm.loading import find_language_model

    folder = tmp_path_factory.mktemp("tiny") / "lm"
    tokenizer = AutoTokenizer.from_pretrained(find_language_model(embedded_lm))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=512,
                initializer_range=0.3,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_encoder(texts, tmp_path_factory) -> str:
    """A folder with a random BERT of one layer, whose tokens are the words of `texts`: nothing is downloaded for it."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pre_tokenizer = Whitespace()
    words = sorted({word for text in texts for word, _ in pre_tokenizer.pre_tokenize_str(text.lower())})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), pre_tokenizer
    special = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    folder = tmp_path_factory.mktemp("tiny") / "encoder"
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(vocabulary), initializer_range=0.3, **sizes)).save_pretrained(folder)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def mixtures():
    """Topic mixtures of a backbone's inputs by `softtopic.backbones.inference`, as a tensor."""
    import torch

    from softtopic.inputs.registry import Inputs
    from softtopic.pipeline.predict import infer

    def mixtures(backbone, inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(infer(backbone.weights(), backbone.settings, Inputs({"hidden": inputs.numpy()})))

    return mixtures


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """The user's cache folder, with the parts that tests share."""
    from softtopic.storage.cache import cache_dir

    for part in SHARED:
        (cache_dir() / part).mkdir(parents=True, exist_ok=True)
    return cache_dir()


@pytest.fixture(autouse=True)
def own_messages(monkeypatch):
    """Commands set up the messages of a whole process; the tests that follow in this one have their own."""
    logger = logging.getLogger("softtopic")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def cache_folder(shared_cache, tmp_path_factory, monkeypatch) -> Path:
    """A cache folder of the test's own, in which the parts that are costly to make are the shared ones."""
    folder = tmp_path_factory.mktemp(uuid4().hex, numbered=False)
    for part in SHARED:
        (folder / part).symlink_to(shared_cache / part)
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def s3_server():
    """An S3-compatible server on this machine; the environment names it, also for processes that are started."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment["AWS_ENDPOINT_URL"]
    server.stop()


@pytest.fixture
def bucket(s3_server) -> str:
    """Address of a new bucket."""
    import fsspec

    name = f"bucket-{uuid4().hex}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"

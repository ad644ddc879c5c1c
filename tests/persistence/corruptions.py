"""Ways in which a model folder can be damaged or tampered with, each as a function that changes a folder in place.

Where a change is meant to get past the checksums they are computed anew.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file
from states import WORDS

from softtopic.persistence.folder import CARD, CONFIG, DOCUMENTS, EDITS, PARTS, TENSORS, TOPICS
from softtopic.persistence.formats import canonical_json

Corruption = Callable[[Path], None]
Place = tuple[str | int, ...]

MISSING = object()


def seal(folder: Path, config: Any = None) -> None:
    """Compute sizes and checksums of the folder as it is."""
    config = json.loads((folder / CONFIG).read_text()) if config is None else config
    for name in PARTS:
        data = (folder / name).read_bytes()
        config["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    config.pop("checksum", None)
    checksum = hashlib.sha256(canonical_json(config)).hexdigest()
    (folder / CONFIG).write_text(json.dumps(config | {"checksum": checksum}))


def edit_json(name: str, change: Callable[[Any], Any]) -> Corruption:
    def corrupt(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        changed = change(value)
        if name == CONFIG:
            seal(folder, value if changed is None else changed)
        else:
            (folder / name).write_text(json.dumps(value if changed is None else changed))
            seal(folder)

    return corrupt


def put(name: str, place: Place, value: Any) -> Corruption:
    """Set, or with MISSING remove, one value of a JSON file."""

    def change(whole: Any) -> None:
        for step in place[:-1]:
            whole = whole[step]
        if value is MISSING:
            del whole[place[-1]]
        else:
            whole[place[-1]] = value

    return edit_json(name, change)


def edit_tensor(name: str, change: Callable[[np.ndarray], np.ndarray | None]) -> Corruption:
    def corrupt(folder: Path) -> None:
        tensors = load_file(folder / TENSORS)
        changed = change(tensors.pop(name))
        if changed is not None:
            tensors[name] = np.ascontiguousarray(changed)
        save_file(tensors, folder / TENSORS)
        seal(folder)

    return corrupt


def edit_table(change: Callable[[pa.Table], pa.Table]) -> Corruption:
    def corrupt(folder: Path) -> None:
        pq.write_table(change(pq.read_table(folder / DOCUMENTS)), folder / DOCUMENTS)
        seal(folder)

    return corrupt


def edit_bytes(name: str, change: Callable[[bytes], bytes], *, sealed: bool = False) -> Corruption:
    def corrupt(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        if sealed:
            seal(folder)

    return corrupt


def replace_by(name: str, make: Callable[[Path], None]) -> Corruption:
    def corrupt(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return corrupt


def flip(share: float, bit: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        place = min(int(share * len(data)), len(data) - 1)
        return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]

    return change


def sparse(size: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as stream:
            stream.truncate(size)

    return make


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of a JSON document that contains no other; the checksums are left out."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list) or not value:
        yield place, value
    for name, child in children:
        if not place and name in ("files", "checksum", "format", "version"):
            continue
        yield from leaves(child, (*place, name))


def objects(value: Any, place: Place = ()) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every object of a JSON document."""
    if isinstance(value, dict):
        yield place, value
    for name, child in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from objects(child, (*place, name))


def wrong_types(value: Any) -> list[Any]:
    """Values of other types than a value's; null is left out, for many settings may be null."""
    if isinstance(value, bool):
        return [1, "true"]
    if isinstance(value, int):
        return [True, str(value), value + 0.5]
    if isinstance(value, float):
        return [True, str(value)]
    if value is None:
        return [{}]  # some settings may be null, true or false
    return [5] if isinstance(value, str) else [{}, True]


def of_any_file() -> Iterator[tuple[str, Corruption]]:
    """Damage that bad disks, interrupted copies and pranks do."""
    for name in (CONFIG, *PARTS):
        for share, bit in ((0, 0), (0.1, 1), (0.3, 5), (0.5, 4), (0.7, 2), (0.99, 3)):
            yield f"{name}: bit {bit} at {share}", edit_bytes(name, flip(share, bit))
        yield f"{name}: empty", edit_bytes(name, lambda data: b"")
        yield f"{name}: first half", edit_bytes(name, lambda data: data[: len(data) // 2])
        yield f"{name}: last bytes missing", edit_bytes(name, lambda data: data[:-2])
        yield f"{name}: NUL appended", edit_bytes(name, lambda data: data + b"\0")
        yield f"{name}: NULs", edit_bytes(name, lambda data: bytes(len(data)))
        yield f"{name}: missing", replace_by(name, lambda path: None)
        yield f"{name}: folder", replace_by(name, Path.mkdir)
        yield f"{name}: pipe", replace_by(name, os.mkfifo)
        yield f"{name}: /dev/zero", replace_by(name, lambda path: path.symlink_to("/dev/zero"))
        yield f"{name}: dangling link", replace_by(name, lambda path: path.symlink_to("nowhere"))
        yield f"{name}: link to itself", replace_by(name, lambda path: path.symlink_to(path.name))
        yield f"{name}: huge", replace_by(name, sparse(1 << 40))
        if name != CONFIG:
            other = PARTS[PARTS.index(name) - 1]
            yield f"{name}: is {other}", lambda folder, a=name, b=other: shutil.copy(folder / b, folder / a) and None
            yield (
                f"{name}: is {other}, sealed",
                lambda folder, a=name, b=other: shutil.copy(folder / b, folder / a) and seal(folder),
            )
    for name in (TENSORS, DOCUMENTS, TOPICS, EDITS):
        yield f"{name}: empty, sealed", edit_bytes(name, lambda data: b"", sealed=True)
        yield f"{name}: first half, sealed", edit_bytes(name, lambda data: data[: len(data) // 2], sealed=True)
    yield f"{CARD}: no UTF-8, sealed", edit_bytes(CARD, lambda data: data + b"\xff", sealed=True)


def of_json() -> Iterator[tuple[str, Corruption]]:
    """Text that is JSON to some readers, or memory and recursion to others."""
    for name, sealed in ((CONFIG, False), (TOPICS, True), (EDITS, True)):
        deep = b"[" * 100_000 + b"]" * 100_000
        yield f"{name}: nested", edit_bytes(name, lambda data, deep=deep: deep, sealed=sealed)
        yield (
            f"{name}: nested value",
            edit_bytes(name, lambda data, deep=deep: data.rstrip()[:-1] + b',"x":' + deep + b"}", sealed=sealed),
        )
        yield (
            f"{name}: repeated name",
            edit_bytes(name, lambda data: data.rstrip()[:-1] + b"," + data.strip()[1:], sealed=sealed),
        )
        for constant in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b'"\\ud800"', b'"\0"'):
            yield (
                f"{name}: {constant[:9]!r}",
                edit_bytes(
                    name, lambda data, constant=constant: data.rstrip()[:-1] + b',"x":' + constant + b"}", sealed=sealed
                ),
            )
        yield f"{name}: UTF-16", edit_bytes(name, lambda data: data.decode().encode("utf-16"), sealed=sealed)
        yield f"{name}: byte order mark", edit_bytes(name, lambda data: b"\xef\xbb\xbf" + data, sealed=sealed)
        yield f"{name}: a list", edit_bytes(name, lambda data: b"[]", sealed=sealed)
        yield f"{name}: null", edit_bytes(name, lambda data: b"null", sealed=sealed)


def of_values(contents: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Corruption]]:
    """Every value of another type, every object with a name too few and one too many."""
    for name, whole in contents.items():
        for number, (place, value) in enumerate(leaves(whole)):
            # Of each kind of value every wrong type comes up in turn; of long lists the beginning is enough.
            wrong = wrong_types(value)[number % len(wrong_types(value))]
            place_of_items = place[2:] if name == EDITS else place
            if not any(isinstance(step, int) and step > 1 for step in place_of_items):
                yield f"{name}: {'.'.join(map(str, place))} is {wrong!r}", put(name, place, wrong)
        for place, value in objects({key: value for key, value in whole.items() if key != "files"}):
            first = next(iter(value))
            yield f"{name}: {'.'.join(map(str, place))} without {first}", put(name, (*place, first), MISSING)
            yield f"{name}: {'.'.join(map(str, place))} with more", put(name, (*place, "more"), 1)


def of_ranges() -> Iterator[tuple[str, Corruption]]:
    """Values of the right type that are out of range, or do not fit the others."""
    for place, values in RANGES.items():
        path = tuple(int(step) if step.isdigit() else step for step in place.split("."))
        for value in values:
            shown = repr(value)
            yield f"{CONFIG}: {place} is {shown[:40]}", put(CONFIG, path, value)
    for place, values in TOPIC_RANGES.items():
        path = tuple(int(step) if step.isdigit() else step for step in place.split("."))
        for value in values:
            yield f"{TOPICS}: {place} is {value!r}", put(TOPICS, path, value)
    for place, values in EDIT_RANGES.items():
        path = tuple(int(step) if step.isdigit() else step for step in place.split("."))
        for value in values:
            yield f"{EDITS}: {place} is {value!r}", put(EDITS, ("edits", *path), value)
    yield f"{EDITS}: edits are no list", put(EDITS, ("edits",), {})
    yield f"{EDITS}: an edit twice", edit_json(EDITS, lambda whole: {"edits": whole["edits"][:3] + whole["edits"][1:]})


RANGES: dict[str, list[Any]] = {
    "format": ["other"],
    "version": [0, -1, 3, 4, 99, "2", None, True, 2.0],
    "sizes.documents": [11, 13, 12.0],
    "sizes.topics": [2, 11],
    "sizes.words": [10],
    "seed": [-1, 2**32, 6],
    "widths": [[3, 2], [3, 2, 10], [3, 3, 11], [0, 2, 14], [-3, 2, 11], [4, 2, 11], []],
    "encoder": ["", "\0"],
    "word_width": [0, -1, 7],
    "recipe.inputs": ["hidden", "nonsense", "embedding", "tf-idf+words+embedding", "bow+words+tf-idf", ""],
    "recipe.target": ["bow", "x", ""],
    "recipe.bow_weight": [0, 1, 2.0, -0.5],
    "recipe.max_training_documents": [1, 0],
    "recipe.encoder.max_tokens": [0],
    "recipe.read.prompts": [[], ["x.toml"], ["/dev/zero.toml"], "x.toml", None, [["published"]]],
    "recipe.read.beam_width": [-1],
    "recipe.read.max_tokens": [0],
    "recipe.read.max_chunks": [1],
    "recipe.read.calibration": ["none", "magic"],
    "recipe.read.calibration_strength": [3, -1],
    "recipe.imputation.alpha": [0, -1],
    "recipe.words.n_lsa_components": [0],
    "recipe.words.max_lsa_documents": [1],
    "recipe.vocabulary.min_df": [0, 1.5],
    "recipe.vocabulary.min_acronym_df": [0, 1.5],
    "recipe.vocabulary.token_pattern": ["(", "[a-"],
    "recipe.graph.n_neighbors": [0],
    "recipe.graph.restart": [2, -0.1],
    "recipe.graph.whitening.n_classes": [0],
    "recipe.groups.mean_max_share": [1.5],
    "recipe.groups.max_inverse_temperature": [1.0],
    "recipe.backbone.name": ["lda", "prodlda", "../plsa", ""],
    "recipe.backbone.n_hidden": [0, 5, 10**9, -4],
    "recipe.backbone.dropout": [1, -0.1, 1.5],
    "recipe.backbone.tail_weight": [2],
    "recipe.backbone.tail_temperature": [0],
    "recipe.training.epochs": [0, -1, 10**30],
    "recipe.training.batch_size": [1],
    "recipe.training.learning_rate": [0, -1, 10**400],
    "recipe.training.betas": [[0.9], [0.9, 1.5], [0.9, 0.9, 0.9], []],
    "recipe.training.temperature": [0, -1.0],
    "recipe.ranking.order": ["probability", "x"],
    "recipe.ranking.n_center_words": [0],
    "teacher": [{}, [], "tiny-lm", False, 0, ""],
    "teacher.lm": ["", "\0"],
    "teacher.prompts": [[], [{}], {}],
    "teacher.max_tokens": [0, -5],
    "teacher.truncation": ["x", "windows-0"],
    "teacher.beam_width": [-1],
    "teacher.dtype": ["float99"],
    "teacher.prompts.0.rationale_tokens": [0],
    "teacher.prompts.0.demonstrations": [[["a"]], [["", "x"]], [[1, 2]], "ab"],
    "plan": [None, "x", [1]],
    "parameters": [None, [], {}],
    "parameters.n_topics": [11, 1, 0, None],
    "parameters.random_state": [6, -1, 2.5],
    "parameters.recipe": [
        "secret",
        None,
        {"type": "recipe"},
        {"type": "path", "value": "x"},
        {"type": "os", "value": 1},
    ],
    "parameters.backbone": ["lda", {"type": "backbone", "value": {"name": "plsa"}}],
    "parameters.inputs": ["x"],
    "parameters.target": ["x"],
    "parameters.embedder": [{"type": "not-saved", "value": 1}, {"type": "sentence-encoder", "value": {"name": "x"}}],
    "parameters.word_vectors": [{"type": "word-vectors", "value": ["sql"]}],
    "parameters.lm": [None, {"type": "teacher", "value": {}}, {"type": "teacher", "value": {"lm": "http://x"}}],
    "parameters.sample": [0, 2, -0.5],
    "parameters.demonstrations": ["some"],
    "parameters.vocabulary": [
        1,
        -5,
        "words",
        [],
        {"type": "vocabulary", "value": []},
        {"type": ["tuple"], "value": []},
    ],
    "parameters.progress": [None],
}

TOPIC_RANGES: dict[str, list[Any]] = {
    "vocabulary.words": [[], ["a"], ["a"] * 11, [*"abcdefghij", " "], [*"abcdefghijkl"], [*"abcdefghijk"]],
    "vocabulary.token_pattern": ["("],
    "topics": [[], {}, None],
    "topics.0.words": [[], ["sql"]],
    "topics.0.representatives": [[12], [-1], [1, 1], [0.5], [True], [10**30], None],
}


# Places are those of `edits_of_all_kinds`: split, merge, rename, drop, exclude, renumber.
EDIT_RANGES: dict[str, list[Any]] = {
    "0": [None, [], {}, "split", {"edit": "split"}, {"edit": "join"}, {"edit": ["split"]}, {"edit": "apply", "x": 1}],
    "0.topic": [-1, 3, 2**70],
    "0.weights": [[], [[]], [[], []], [[0.5]], [[0.5] * 9] * 3],
    "0.weights.0": [[], [0.5], [1e999]],
    "0.biases": [[], [0.5], [0.5, 0.5]],
    "1.groups": [[], [[]], [[0]], [[0, 0]], [[0, 1], [1, 2]], [[0, 99]], [0, 1]],
    "2.names": [[], [[2]], [[2, ""]], [[2, "a\nb"]], [[99, "a"]], [[2, "a"], [2, "b"]], {"2": "a"}],
    "3.topics": [[], [99], [-1], [0, 0], [1]],
    "4.words": [[], ["nothing"], [""], [None], list(WORDS[:10])],
}


def of_tensors(tensors: dict[str, np.ndarray]) -> Iterator[tuple[str, Corruption]]:
    """Arrays of other values, shapes and types; none of them can be used."""
    for name, array in tensors.items():
        for constant in (np.nan, np.inf):
            yield f"{TENSORS}: {constant} in {name}", edit_tensor(name, put_first(constant))
        for kind in {np.float64, np.float16, np.float32, np.int32} - {array.dtype.type}:
            yield f"{TENSORS}: {name} is {kind.__name__}", edit_tensor(name, lambda x, kind=kind: x.astype(kind))
        yield f"{TENSORS}: {name} is shorter", edit_tensor(name, lambda x: x[:-1])
        yield f"{TENSORS}: {name} is longer", edit_tensor(name, lambda x: np.concatenate([x, x[-1:]]))
        yield f"{TENSORS}: {name} is empty", edit_tensor(name, lambda x: x[:0])
        yield f"{TENSORS}: {name} has an axis more", edit_tensor(name, lambda x: x[None])
        yield f"{TENSORS}: {name} is flat", edit_tensor(name, lambda x: x.reshape(-1) if x.ndim > 1 else x[0])
        yield f"{TENSORS}: {name} is missing", edit_tensor(name, lambda x: None)
        if array.ndim == 2 and array.shape[0] != array.shape[1]:
            yield f"{TENSORS}: {name} is transposed", edit_tensor(name, lambda x: x.T)
    for name in ("theta", "mean_theta", "topic_word"):
        yield f"{TENSORS}: {name} sums to 2", edit_tensor(name, lambda x: 2 * x)
        yield f"{TENSORS}: {name} sums to .99", edit_tensor(name, lambda x: np.float32(0.99) * x)
        yield f"{TENSORS}: {name} is negative", edit_tensor(name, negative)
        yield f"{TENSORS}: {name} is 0", edit_tensor(name, lambda x: 0 * x)
    yield f"{TENSORS}: inputs are divided by 0", edit_tensor("backbone.scale", lambda x: 0 * x)
    yield f"{TENSORS}: document frequencies are negative", edit_tensor("lsa.idf", lambda x: -x)
    yield f"{TENSORS}: unknown array", _add_tensor
    for size in (0, 1, 2**20, 2**40, 2**63, 2**64 - 1):
        yield f"{TENSORS}: header of {size} bytes", edit_bytes(TENSORS, header_of(size), sealed=True)
    yield f"{TENSORS}: arrays overlap", edit_bytes(TENSORS, overlap, sealed=True)
    yield f"{TENSORS}: nested header", edit_bytes(TENSORS, nested_header, sealed=True)


def of_documents() -> Iterator[tuple[str, Corruption]]:
    yield f"{DOCUMENTS}: a row less", edit_table(lambda table: table.slice(1))
    yield f"{DOCUMENTS}: a row more", edit_table(lambda table: pa.concat_tables([table, table.slice(0, 1)]))
    yield f"{DOCUMENTS}: no rows", edit_table(lambda table: table.slice(0, 0))
    yield f"{DOCUMENTS}: no text", edit_table(lambda table: table.drop_columns(["text"]))
    yield f"{DOCUMENTS}: another column", edit_table(lambda table: table.append_column("more", table["id"]))
    yield f"{DOCUMENTS}: renamed", edit_table(lambda table: table.rename_columns(["text", "id", "time"]))
    yield f"{DOCUMENTS}: fractions", edit_table(column("id", lambda n: [row + 0.5 for row in range(n)]))
    yield f"{DOCUMENTS}: numbers", edit_table(column("text", lambda n: list(range(n))))
    yield f"{DOCUMENTS}: a missing number", edit_table(column("id", lambda n: [None, *range(n - 1)]))
    yield f"{DOCUMENTS}: a missing id", edit_table(column("id", lambda n: [None, *map(str, range(n - 1))]))
    yield f"{DOCUMENTS}: a missing time", edit_table(column("time", lambda n: ["2020"] * (n - 1) + [None]))
    yield f"{DOCUMENTS}: a missing text", edit_table(column("text", lambda n: ["x"] * (n - 1) + [None]))
    yield f"{DOCUMENTS}: a long excerpt", edit_table(column("text", lambda n: ["x" * 301] + ["x"] * (n - 1)))
    yield f"{DOCUMENTS}: much text", edit_table(column("text", lambda n: ["x" * 10_000_000] * n))
    yield f"{DOCUMENTS}: bytes", edit_table(column("text", lambda n: [b"\xff"] * n))


def put_first(constant: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed.flat[0] = constant
        return changed

    return change


def negative(array: np.ndarray) -> np.ndarray:
    """One value below 0, the sums unchanged."""
    changed = array.copy()
    changed[..., 1] += changed[..., 0] + np.float32(0.1)
    changed[..., 0] = np.float32(-0.1)
    return changed


def header_of(size: int) -> Callable[[bytes], bytes]:
    return lambda data: size.to_bytes(8, "little") + data[8:]


def column(name: str, values: Callable[[int], list[Any]]) -> Callable[[pa.Table], pa.Table]:
    """A column of other values, made from the number of rows."""
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values(table.num_rows)))


def overlap(data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    first, second = [name for name in header if header[name].get("shape") == [3, 11]][:2]
    header[first]["data_offsets"] = header[second]["data_offsets"]
    text = json.dumps(header).encode().ljust(size)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def nested_header(data: bytes) -> bytes:
    text = b'{"theta":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    return len(text).to_bytes(8, "little") + text


def _add_tensor(folder: Path) -> None:
    save_file(load_file(folder / TENSORS) | {"more": np.zeros(3, np.float32)}, folder / TENSORS)
    seal(folder)


def of_version_1(folder: Path) -> Iterator[tuple[str, Corruption]]:
    """Version 1 had no checksum of its settings and no sizes of its files."""
    config = json.loads((folder / CONFIG).read_text())

    def put_unsealed(place: Place, value: Any) -> Corruption:
        def corrupt(copy: Path) -> None:
            whole = part = json.loads((copy / CONFIG).read_text())
            for step in place[:-1]:
                part = part[step]
            if value is MISSING:
                del part[place[-1]]
            else:
                part[place[-1]] = value
            (copy / CONFIG).write_text(json.dumps(whole))

        return corrupt

    for name, corrupt in of_any_file():
        if "sealed" not in name and not name.startswith(f"{CONFIG}: bit") and EDITS not in name:
            yield f"version 1, {name}", corrupt
    for place, value in leaves(config):
        yield f"version 1: {'.'.join(map(str, place))}", put_unsealed(place, wrong_types(value)[0])
    for place, value in objects({name: value for name, value in config.items() if name != "files"}):
        for name in value:
            yield f"version 1: {'.'.join(map(str, place))} without {name}", put_unsealed((*place, name), MISSING)


def all_corruptions(folder: Path) -> dict[str, Corruption]:
    """Every corruption of a sound folder by name."""
    contents = {name: json.loads((folder / name).read_text()) for name in (CONFIG, TOPICS, EDITS)}
    return dict([
        *of_any_file(),
        *of_json(),
        *of_values(contents),
        *of_ranges(),
        *of_tensors(load_file(folder / TENSORS)),
        *of_documents(),
    ])  # fmt: skip

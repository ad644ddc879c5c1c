from dataclasses import replace

import pytest
from made_up import record

from softtopic.bench import worker
from softtopic.bench.cells import read_record, write_record
from softtopic.bench.environments import Environment
from softtopic.bench.runner import Comparison, execute_apart, prepare_environments, run_cells
from softtopic.bench.sources import Source
from softtopic.bench.sweep import parse_sweep
from softtopic.errors import AssetError, InputError, SofttopicError


class Executor:
    """Writes made-up records; some steps fail, and it may be stopped after so many."""

    def __init__(self, *, failing=(), stop_after=None):
        self.steps, self.failing, self.stop_after = [], failing, stop_after

    def __call__(self, step, cell, path):
        if self.stop_after is not None and len(self.steps) == self.stop_after:
            raise KeyboardInterrupt
        self.steps.append((step, cell.model, cell.topics, cell.seed))
        if (step, cell.model) in self.failing:
            raise SofttopicError("out of\nmemory")
        if step == "cell":
            write_record(path, record(cell))


@pytest.fixture
def comparison(documents):
    return Comparison(sources=[Source(data=str(documents))], models=["lda", "kmeans"], topics=[2, 3], seeds=[0, 1])


def test_every_cell_runs_once_and_what_is_shared_is_made_once(comparison, tmp_path):
    execute = Executor()
    records = run_cells(comparison.cells(), tmp_path, execute)
    assert len(records) == 8
    assert [step for step in execute.steps if step[0] != "cell"] == [("vectors", "kmeans", 2, 0)]
    assert len([step for step in execute.steps if step[0] == "cell"]) == len(set(execute.steps)) - 1 == 8


def test_what_reads_another_part_of_the_documents_is_read_by_itself(documents, tmp_path):
    # "default" reads two prompts, "light" all of them.
    comparison = Comparison(
        sources=[Source(data=str(documents))], models=["default", "light", "dsl-etm", "dsl"], topics=[2], seeds=[0]
    )
    execute = Executor()
    run_cells(comparison.cells(), tmp_path, execute)
    assert [model for step, model, *_ in execute.steps if step == "read"] == ["default", "light", "dsl-etm"]


def test_a_run_that_was_killed_goes_on(comparison, tmp_path):
    first = Executor(stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        run_cells(comparison.cells(), tmp_path, first)
    second = Executor()
    assert len(run_cells(comparison.cells(), tmp_path, second)) == 8
    assert not set(first.steps) & set(second.steps)
    third = Executor()
    run_cells(comparison.cells(), tmp_path, third)
    assert third.steps == []


def test_a_cell_that_fails_is_written_down_and_tried_again(comparison, tmp_path):
    cells = comparison.cells()
    records = run_cells(cells, tmp_path, Executor(failing=[("cell", "lda")]))
    assert [bool(one["error"]) for one in records] == [True] * 4 + [False] * 4
    assert records[0]["error"] == "out of memory"
    again = Executor()
    assert not any(one["error"] for one in run_cells(cells, tmp_path, again))
    assert {step[1] for step in again.steps} == {"lda"}


def test_what_cannot_be_prepared_fails_all_that_need_it_at_once(comparison, tmp_path):
    execute = Executor(failing=[("vectors", "kmeans")])
    records = run_cells(comparison.cells(), tmp_path, execute)
    assert sum(bool(one["error"]) for one in records) == 4
    assert len([step for step in execute.steps if step[0] == "vectors"]) == 1


def test_soft_labels_are_one_cell(documents):
    comparison = Comparison(sources=[Source(data=str(documents))], models=["soft-labels"], topics=[2, 3], seeds=[0, 1])
    assert len(comparison.cells()) == 1


def test_a_sweep_multiplies_the_cells(documents):
    settings = parse_sweep("training__temperature=1,3,9")
    comparison = Comparison(
        sources=[Source(data=str(documents))], models=["dsl"], topics=[2], seeds=[0], settings=settings
    )
    assert [str(cell.setting) for cell in comparison.cells()] == [
        f"training__temperature={value}" for value in (1, 3, 9)
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"models": ["lda", "nonsense"]}, "model 'nonsense' is not known; choose from dsl"),
        ({"topics": [1]}, "at least 2"),
        ({"topics": [2, 2]}, "--topics names 2 twice"),
        ({"models": ["lda", "lda"]}, "--models names lda twice"),
        ({"settings": parse_sweep("target=bow")}, "lda has no setting target"),
        ({"seeds": []}, "at least one corpus"),
    ],
)
def test_an_impossible_comparison_is_an_error(values, message, documents):
    with pytest.raises(InputError, match=message):
        Comparison(
            **{"sources": [Source(data=str(documents))], "models": ["lda"], "topics": [2], "seeds": [0]} | values
        )


def test_a_process_that_fails_says_why_in_one_line(comparison, tmp_path):
    cell = next(cell for cell in comparison.cells() if cell.model == "kmeans")
    with pytest.raises(SofttopicError, match=r"^the sentence vectors are missing"):
        execute_apart("cell", cell, tmp_path / "cell.json")
    assert read_record(tmp_path / "cell.json") is None


def test_documents_that_changed_are_not_measured(comparison, documents, tmp_path):
    cell = replace(comparison.cells()[0], fingerprint="f" * 64)
    with pytest.raises(InputError, match="documents of posts changed"):
        worker.run_step("cell", cell, tmp_path / "cell.json")


@pytest.fixture
def environment():
    return Environment("lda", size=1)


def test_a_missing_environment_is_named(environment, comparison):
    with pytest.raises(InputError, match=r"lda needs packages .* add --install"):
        prepare_environments(comparison.methods, install=False)


def test_an_environment_is_complete_when_it_is_marked(environment, monkeypatch):
    def run(_, *command):
        if "venv" in command:
            environment.python.parent.mkdir(parents=True)
            environment.python.touch()

    monkeypatch.setattr(Environment, "_run", run)
    environment.folder.mkdir(parents=True)
    (environment.folder / "half").touch()
    assert not environment.is_complete
    environment.make()
    assert environment.is_complete
    assert not (environment.folder / "half").exists()


def test_an_environment_that_cannot_be_created_is_not_complete(environment, monkeypatch):
    from softtopic.bench import environments

    monkeypatch.setattr(environments.sys, "executable", "/bin/false")
    with pytest.raises(AssetError, match="could not be created"):
        environment.make()
    assert not environment.is_complete

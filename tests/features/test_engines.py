import sys
from pathlib import Path

import pytest

from softtopic.errors import EngineError, InputError
from softtopic.features.engines.base import open_engine
from softtopic.features.engines.ray import RayEngine, _share_out

SOURCE = Path(__file__).parents[2] / "src" / "softtopic"


def test_the_local_engine_applies_one_worker_to_all_tasks():
    opened = []

    def open_worker():
        opened.append(True)
        return lambda task: 2 * task

    with open_engine("local") as engine:
        assert list(engine.run(open_worker, [1, 2, 3])) == [2, 4, 6]
    assert len(opened) == 1


def test_one_module_alone_uses_ray():
    users = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if "import ray" in path.read_text()]
    assert users == ["features/engines/ray.py"]


@pytest.mark.parametrize("options", [{"address": "auto"}, {"workers": 2}])
def test_options_of_ray_need_it(options):
    with pytest.raises(InputError, match="is of --engine ray; leave it out"):
        open_engine("local", **options)


def test_another_engine_is_refused():
    with pytest.raises(InputError, match="--engine is 'spark'; give local or ray"):
        open_engine("spark")


def test_without_ray_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"needs Ray; pip install 'softtopic\[ray\]'"), RayEngine():
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"),
        ("ray://127.0.0.1:9", "no Ray cluster answers at ray://127.0.0.1:9"),
        ("somewhere", "--address is 'somewhere'; give HOST:PORT, ray://HOST:PORT or auto"),
        ("host:port", "--address is 'host:port'"),
    ],
)
def test_an_address_where_nothing_answers_is_one_line(address, message):
    pytest.importorskip("ray")
    with pytest.raises(EngineError, match=message), RayEngine(address=address):
        pass


def machine(**resources):
    return {"Alive": True, "Resources": resources}


@pytest.mark.parametrize(
    ("machines", "workers", "expected"),
    [
        ([machine(CPU=2)], None, (1, {"num_cpus": 2})),
        ([machine(CPU=2)], 2, (2, {"num_cpus": 1})),
        ([machine(CPU=16), machine(CPU=8)], None, (6, {"num_cpus": 4})),
        ([machine(CPU=2), machine(CPU=2), machine(CPU=2)], None, (3, {"num_cpus": 2})),
        ([machine(CPU=0), machine(CPU=4)], 9, (4, {"num_cpus": 1})),
        ([machine(CPU=16, GPU=2), machine(CPU=8)], None, (2, {"num_cpus": 1, "num_gpus": 1.0})),
    ],
)
def test_workers_share_the_processors_of_the_machines(machines, workers, expected):
    assert _share_out([*machines, {"Alive": False, "Resources": {"CPU": 64}}], workers) == expected


def test_a_cluster_without_processors_is_refused():
    with pytest.raises(EngineError, match="no processors"):
        _share_out([machine(CPU=0)], None)

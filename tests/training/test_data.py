"""Which patches a step sees."""

from itertools import chain
from types import SimpleNamespace

import pytest
from torch.utils.data import Dataset

from seisflow import training
from seisflow.config import FlowModelConfig, TrainingConfig
from seisflow.io import ingest, open_section
from seisflow.patches import Block, PatchDataset
from seisflow.patches.scaling import AmplitudeScaling
from seisflow.runs.sources import Source
from seisflow.training.data import Batches, TrainingData
from seisflow.training.sections import SectionData

from .conftest import same, state, tiny_config, weights


class Numbers(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return i


class Data(TrainingData):
    """The loaders, without a kind of data."""

    looked_at = SectionData.looked_at
    read = overview = card = measured_on = evaluation_seconds = evaluate = gallery = None

    def __init__(self, patches, held_out, **config):
        super().__init__(None, FlowModelConfig(training=TrainingConfig(**config)))
        self.patches, self.held_out = patches, held_out


def loader(kind, n, *, rank=0, ranks=1, step=0, **config):
    data = Data(Numbers(n), Numbers(n), **config)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks, global_step=step)
    return data.train_dataloader() if kind == "train" else data.val_dataloader()


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_share_the_batch_of_every_step(ranks):
    parts = [list(Batches(5, 8, rank=rank, ranks=ranks)) for rank in range(ranks)]
    for step in range(5):
        items = [part[step] for part in parts]
        assert {len(item) for item in items} == {8 // ranks}
        assert sorted(chain(*items)) == list(range(8 * step, 8 * step + 8))


def test_a_later_start_asks_for_what_was_not_seen():
    assert list(Batches(7, 4)) == list(Batches(4, 4)) + list(Batches(7, 4, start=4))


@pytest.mark.parametrize("workers", [0, 2])
def test_training_goes_on_from_the_step_of_the_trainer(workers):
    seen = [batch.tolist() for batch in loader("train", 40, step=7, steps=10, batch=4, workers=workers)]
    assert seen == [[28, 29, 30, 31], [32, 33, 34, 35], [36, 37, 38, 39]]


@pytest.mark.parametrize(("windows", "ranks"), [(1000, 1), (1000, 4), (90, 2), (3, 2)])
def test_ranks_share_the_held_out_windows(windows, ranks):
    seen = [
        {int(i) for batch in loader("held out", windows, rank=r, ranks=ranks) for i in batch}
        for r in range(ranks)
    ]
    assert len(set.union(*seen)) == sum(map(len, seen))
    assert min(windows, 128) <= sum(map(len, seen)) <= 256
    assert max(set.union(*seen)) >= windows - windows / 64 - 1


def test_every_rank_has_a_window_to_validate_on():
    """Otherwise the others would wait for its mean for ever."""
    assert all(len(loader("held out", 2, rank=rank, ranks=8)) for rank in range(8))


def test_nothing_held_out_is_no_loader():
    data = Data(Numbers(4), None)
    assert data.val_dataloader() == []


def test_batches_made_by_dask_workers_are_those_of_this_process(cube_file):
    distributed = pytest.importorskip("distributed")
    scaling = AmplitudeScaling(std=100.0)
    patches = PatchDataset([open_section(cube_file)], [[Block()]], (32, 32), scaling, seed=3, length=200)
    data = Data(patches, None, steps=12, batch=4)
    data.trainer = SimpleNamespace(global_rank=0, world_size=1, global_step=5)
    expected = list(data.train_dataloader())
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        data.scheduler = cluster.scheduler_address
        loader = data.train_dataloader()
        found = list(loader)
    assert len(loader) == 12
    assert len(found) == len(expected) == 7
    assert all(same(*pair) for pair in zip(found, expected, strict=True))


@pytest.fixture(scope="module")
def workers():
    """Address of a scheduler of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["segy", "zarr"])
def test_a_run_on_two_worker_processes_is_that_of_one(cube_file, tmp_path, plain, workers, kind):
    path = cube_file
    if kind == "zarr":
        ingest(cube_file, path := tmp_path / "cube.zarr")
    runs = [
        training.train([Source(path=str(path))], tiny_config(), tmp_path / name, device="cpu", **more)
        for name, more in (("one", {}), ("two", {"scheduler": workers}))
    ]
    one, two = (weights(run.folder) for run in runs)
    assert same(one, two)
    assert same(*(state(run.folder)["optimizer_states"] for run in runs))

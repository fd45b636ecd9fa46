"""Do a piece of work many times: in this process, by workers on this machine, or by a Dask cluster."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from seisflow.errors import ConfigError, OutputError

_IN_THIS_PROCESS = 1
_CONNECT_SECONDS = 20
_UNDER_WAY = 2  # items for each worker
# A worker makes and drops buffers of one size: giving each back to the system costs more than the work.
_WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": 2**29,
    "MALLOC_TRIM_THRESHOLD_": 2**29,
    "OMP_NUM_THREADS": 1,
    "BLOSC_NTHREADS": 1,
}

Place = tuple[int, ...]
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def run(
    work: Callable[[Place], str],
    places: Sequence[Place],
    scheduler: str | None,
    workers: int,
    in_threads: bool,
) -> Iterator[str]:
    """Do the work at every place, in any order, and give its results as they come.

    Parameters
    ----------
    work : callable
        Sent to the workers once.
    places : sequence of tuple of int
    scheduler : str, optional
        Address of a Dask scheduler; else workers are started here.
    workers : int
        How many to start; one is this process.
    in_threads : bool
        Start threads, which share this process's memory.

    Raises
    ------
    ConfigError
        If Dask is not installed, or no scheduler at the address.
    OutputError
        If a worker died.
    """
    workers = min(workers, len(places))
    if scheduler is None and workers <= _IN_THIS_PROCESS:
        yield from map(work, places)
        return
    with _client(scheduler, workers, in_threads) as client:
        from distributed import KilledWorker, as_completed

        shared = client.scatter(work, broadcast=True)
        futures = [client.submit(_apply, shared, place, pure=False) for place in places]
        for future in as_completed(futures):
            try:
                yield future.result()
            except KilledWorker as error:
                raise OutputError(
                    "a worker died, perhaps for want of memory. What is written is kept: "
                    "start again with fewer workers (--workers 1)"
                ) from error
            future.release()


def run_in_order(
    work: Callable[[_Item], _Made], items: Iterable[_Item], scheduler: str | None, workers: int = 1
) -> Iterator[_Made]:
    """Do the work on every item by Dask, and give its results in the order of the items.

    Only a few items for each worker are under way at a time, so memory does not grow with their number.

    Parameters
    ----------
    work : callable
        Sent to every worker once.
    items : iterable
    scheduler : str, optional
        Address of a Dask scheduler; else workers are started here.
    workers : int
        How many to start.

    Raises
    ------
    ConfigError
        If Dask is not installed, or no scheduler at the address.
    OutputError
        If a worker died.
    """
    with _client(scheduler, workers, in_threads=False) as client:
        from distributed import KilledWorker

        shared = client.scatter(work, broadcast=True)
        under_way = _UNDER_WAY * max(sum(client.nthreads().values()), 1)
        waiting: deque[Any] = deque()

        def first() -> _Made:
            future = waiting.popleft()
            try:
                result: _Made = future.result()
            except KilledWorker as error:
                raise OutputError(
                    "a worker died, perhaps for want of memory: start again with fewer workers (--workers 1)"
                ) from error
            future.release()
            return result

        for item in items:
            waiting.append(client.submit(_apply, shared, item, pure=False))
            if len(waiting) > under_way:
                yield first()
        while waiting:
            yield first()


def _apply(work: Callable[[_Item], _Made], item: _Item) -> _Made:
    return work(item)


@contextmanager
def _client(scheduler: str | None, workers: int, in_threads: bool) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise ConfigError(
            "several workers need Dask, which is not installed: pip install 'seisflow[dask]', or one worker"
        ) from error
    if scheduler is not None:
        try:
            client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{scheduler}: no Dask scheduler there ({error}). Start one, or leave it out"
            ) from error
        with client:
            yield client
        return
    import dask

    with dask.config.set({"distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT}), _ignoring_ctrl_c():
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=not in_threads,
            dashboard_address=":0",
            silence_logs="CRITICAL",
        )
    with cluster, distributed.Client(cluster) as client:
        yield client


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Start processes that leave Ctrl-C to this one, which stops them; a terminal sends it to all."""
    if threading.current_thread() is not threading.main_thread():  # where Python sets no handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

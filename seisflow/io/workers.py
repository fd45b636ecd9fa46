"""Do a piece of work many times: in this process, by workers on this machine, or by a Dask cluster.

Workers on this machine hear of their work through pipes: no port is open that another user could reach.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from seisflow.errors import ConfigError, MissingPackageError, WorkerError

_IN_THIS_PROCESS = 1
_CONNECT_SECONDS = 20
_UNDER_WAY = 2  # items for each worker
# A worker makes and drops buffers of one size: giving each back to the system costs more than the work.
_WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**29),
    "MALLOC_TRIM_THRESHOLD_": str(2**29),
    "OMP_NUM_THREADS": "1",
    "BLOSC_NTHREADS": "1",
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
        If there is no scheduler at the address.
    MissingPackageError
        If Dask is needed and not installed.
    WorkerError
        If a worker died.
    """
    workers = min(workers, len(places))
    if scheduler is None and workers <= _IN_THIS_PROCESS:
        yield from map(work, places)
        return
    if scheduler is None:
        with _executor(work, workers, in_threads) as executor:
            local = [executor.submit(_do, place) for place in places]
            for future in as_completed(local):
                yield _result(future)
        return
    with _client(scheduler) as client:
        from distributed import as_completed as as_dask_completes

        shared = client.scatter(work, broadcast=True)
        futures = [client.submit(_apply, shared, place, pure=False) for place in places]
        for future in as_dask_completes(futures):
            yield _result(future)
            future.release()


def run_in_order(
    work: Callable[[_Item], _Made], items: Iterable[_Item], scheduler: str | None, workers: int = 1
) -> Iterator[_Made]:
    """Do the work on every item, by workers, and give its results in the order of the items.

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
        If there is no scheduler at the address.
    MissingPackageError
        If Dask is needed and not installed.
    WorkerError
        If a worker died.
    """
    if scheduler is None:
        with _executor(work, workers, in_threads=False) as executor:
            yield from _in_order(lambda item: executor.submit(_do, item), items, _UNDER_WAY * workers)
        return
    with _client(scheduler) as client:
        shared = client.scatter(work, broadcast=True)
        under_way = _UNDER_WAY * max(sum(client.nthreads().values()), 1)
        yield from _in_order(lambda item: client.submit(_apply, shared, item, pure=False), items, under_way)


def _in_order(submit: Callable[[_Item], Any], items: Iterable[_Item], under_way: int) -> Iterator[Any]:
    """Give results in the order of the items, some of which are under way meanwhile."""
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) > under_way:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _result(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:
        if isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker":  # Dask's
            raise WorkerError(
                "a worker died, perhaps for want of memory. What is written is kept: "
                "start again with fewer workers (--workers 1)"
            ) from error
        raise


def _apply(work: Callable[[_Item], _Made], item: _Item) -> _Made:
    return work(item)


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise MissingPackageError(
            f"{scheduler}: needs Dask, which is not installed: pip install 'seisflow[dask]', or leave it out"
        ) from error
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{scheduler}: no Dask scheduler there ({error}). Start one, or leave it out"
        ) from error
    with client:
        yield client


_work: Callable[[Any], Any] | None = None  # of this worker


@contextmanager
def _executor(work: Callable[[Any], Any], workers: int, in_threads: bool) -> Iterator[Executor]:
    """Start workers that know their work; what is still waiting when this ends is left."""
    executor: Executor
    if in_threads:
        executor = ThreadPoolExecutor(workers, initializer=_know, initargs=(work,))
    else:
        executor = ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(pickle.dumps(work),),
        )
    before = {name: os.environ.get(name) for name in _WORKER_ENVIRONMENT}
    os.environ.update({} if in_threads else _WORKER_ENVIRONMENT)  # processes inherit it as they start
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _know(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work


def _begin(pickled: bytes) -> None:
    """Start a worker process: it leaves Ctrl-C to its parent, and ends when that is gone.

    The work comes from the parent's memory, never from a file. It is unpickled here, after that, since
    loading what it needs takes seconds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _know(pickle.loads(pickled))


def _end_with_parent() -> None:
    process = multiprocessing.parent_process()
    if process is not None:
        process.join()
    os._exit(1)


def _do(item: Any) -> Any:
    assert _work is not None
    return _work(item)

"""Memory that is freed stays with the process."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, torch
from seisflow.models.allocator import keep_freed_memory
done = {call}
torch.ones(2**24).sum()  # 64 MiB
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24).sum()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(call: str, **environment: str) -> tuple[str, int]:
    """Page faults of ten tensors of 64 MiB, one after another, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", COUNT.format(call=call)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    done, count = run.stdout.split()
    return done, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_freed_blocks_are_used_again():
    pages = 2**26 // os.sysconf("SC_PAGESIZE")
    # where a process has its memory is drawn by lot: the middle one of three
    (done, _), (_, count), _ = sorted((faults("keep_freed_memory()") for _ in range(3)), key=lambda x: x[1])
    assert done == "True"
    assert count < 3 * pages  # of ten tensors, at most two took new memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_settings_of_the_user_stand():
    done, _ = faults("keep_freed_memory()", MALLOC_TRIM_THRESHOLD_="131072")
    assert done == "False"

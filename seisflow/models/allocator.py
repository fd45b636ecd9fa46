"""Reuse of freed memory by glibc's allocator.

glibc returns every block above 32 MiB to the kernel when it is freed and asks for a new one at the next step.
States of image batches are that large, and the kernel then clears the same pages again and again: scoring 128
images of 32 x 32 spends as long in page faults as in arithmetic.
"""

import ctypes
import os
import platform
from functools import cache

KEPT_BYTES = 1 << 30
"""Free memory that stays with the process, and size of a block from which on it comes from the kernel."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Let this process reuse freed blocks of up to 1 GiB instead of returning them to the kernel.

    Done once, when the first model is built. Settings of the user's environment stand.

    Returns
    -------
    bool
        Whether the allocator was set: only glibc's is.

    References
    ----------
    mallopt(3), Linux man-pages.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _BY_USER):
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(which, KEPT_BYTES) == 1 for which in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD))

"""What a model costs: timed in a process of its own."""

import numpy as np

from seisflow.evaluation.reporting.costs import measure


def test_memory_is_the_models_own_whatever_this_process_holds(tiny_run):
    held = np.ones(400_000_000 // 8)
    found = measure(tiny_run)
    assert held.sum() == held.size
    assert 0 <= found.memory_mib < 300
    assert found.score_seconds_per_patch > 0
    assert found.samples_per_second > 0

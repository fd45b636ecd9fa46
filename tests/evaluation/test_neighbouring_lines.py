"""The SNR of a line predicted from its neighbours is that of the noise in them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisflow.evaluation.sections.neighbouring_lines import predicted_by_neighbours


def cube(noise, seed=0, lines=12):
    """The same line again and again, each with white noise of its own, (L, T, X)."""
    rng = np.random.default_rng(seed)
    line = gaussian_filter(rng.standard_normal((256, 120)), (2, 4))
    line /= line.std()
    return line + noise * rng.standard_normal((lines, *line.shape))


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_sets_the_limit(noise):
    """Two noisy copies of the same: the mean errs by noise / 2 in power, and the target has its own."""
    expected = 10 * np.log10((1 + noise**2) / (1.5 * noise**2))
    found = predicted_by_neighbours(cube(noise))
    assert expected - 0.3 < found < expected + 1.5  # traces alongside average noise, too
    assert predicted_by_neighbours(cube(noise), own=True) > found - 0.1


def test_lines_that_have_nothing_in_common_are_not_predicted():
    rng = np.random.default_rng(1)
    assert predicted_by_neighbours(rng.standard_normal((12, 256, 120))) < 0.1

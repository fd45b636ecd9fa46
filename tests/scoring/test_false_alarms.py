"""That ``--alpha 0.05`` means it where sections are independent: samples of the model itself."""

import numpy as np
import pytest
import torch
from scipy.stats import betabinom

from seisflow.generation.sections import to_amplitude
from seisflow.models import load_model
from seisflow.patches import Panel
from seisflow.scores import scores_of
from seisflow.scoring.calibrate import calibrate_scores
from seisflow.scoring.calibrated import deviation_of
from seisflow.scoring.windows import measure_panel

CALIBRATION, UNTOUCHED, ALPHA = 60, 240, 0.05


@pytest.fixture(scope="module")
def alarms():
    """Untouched sections in which each score raised an alarm."""
    torch.manual_seed(0)
    model = load_model("f3-small")
    with torch.inference_mode():
        patches = torch.cat([model.sample(60) for _ in range((CALIBRATION + UNTOUCHED) // 60)]).numpy()
    amplitude = to_amplitude(patches[:, 0], model.card).transpose(0, 2, 1)
    panels = [Panel(one, np.ones(one.shape, bool)) for one in amplitude]
    depth = 4.0 * np.arange(model.shape[1])
    scaling, scores = model.card.scaling, scores_of(model)
    normal = calibrate_scores(
        model, ((panel, depth) for panel in panels[:CALIBRATION]), scaling, held_out=True, count=CALIBRATION
    )
    calibrations = {"typicality": normal.calibration, "nll": normal.calibration, **normal.calibrations}
    raised = dict.fromkeys(scores, 0)
    ends: list[int] = []

    def all_maps(seen):
        parts = [score.maps(seen) for score in scores.values()]
        ends[:] = np.cumsum([part.shape[1] for part in parts])[:-1].tolist()
        return torch.cat(parts, 1)

    for number, panel in enumerate(panels[CALIBRATION:]):
        measured = measure_panel(panel, model, scaling, all_maps, seed=(1, number))
        for (name, score), maps in zip(scores.items(), np.split(measured, ends), strict=True):
            calibration = calibrations[name]
            deviation = deviation_of(score.measure(maps, panel.mask), depth, panel.mask, calibration, score)
            peak = np.nanmax(np.abs(deviation) if score.two_sided else deviation)
            raised[name] += int(peak > calibration.threshold(ALPHA, panel.shape))
    print(f"alarms in {UNTOUCHED} untouched sections: {raised}")  # pytest -s; quoted in docs/anomalies.md
    return raised


@pytest.mark.slow
def test_alarms_on_independent_sections_are_as_many_as_alpha_says(alarms):
    """Within what 998 of 1,000 runs give: the threshold is a random one, too, of a few held-out sections."""
    rank = int(np.ceil((CALIBRATION + 1) * (1 - ALPHA)))
    law = betabinom(UNTOUCHED, CALIBRATION + 1 - rank, rank)
    low, high = law.ppf([0.001, 0.999])
    assert {name: count for name, count in alarms.items() if not low <= count <= high} == {}

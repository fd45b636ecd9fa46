"""The card that travels with a model: configuration, scaling, calibration, provenance."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from seisflow.calibration.by_depth import Calibration, JointCalibration
from seisflow.config import Config, as_stored
from seisflow.models.provenance import Provenance, TrainingInput
from seisflow.models.sample_matching import Refinement, SampleMatching
from seisflow.models.survey import Survey
from seisflow.patches.scaling import AmplitudeScaling


class ModelCard(BaseModel):
    """All that a saved model needs besides its weights (``config.json``).

    Attributes
    ----------
    config : Config
        Architecture, patch geometry, training.
    images : str, optional
        Name of the image data set that the model has learned; None for a model of sections.
    scaling : AmplitudeScaling
        Fitted on the training part.
    calibration : Calibration, optional
        Statistics of the score on held-out data, by depth.
    calibrations : dict of JointCalibration
        The same for other scores than the default, by their names.
    surveys : list of Survey
        Surveys that the model has learnt or was calibrated for, each with its scaling; the first is that of
        `scaling` and `calibration`. Empty in models of older versions, which know one.
    sample_matching : SampleMatching, optional
        Way of generated patches to the range and the spectra of training patches; None for none, as in models
        of images and of older versions.
    refinement : Refinement, optional
        The same way of patches that a denoiser has refined; None without one.
    temperature : float
        Default temperature of generated images, at which they are as probable as training images.
    inputs : list of TrainingInput
        Files the model was trained on, each with its selection, its split and the number of its survey; or
        the image data set.
    provenance : Provenance
        Seed, steps, time, machine, commit and versions of the training, held-out nats/dim.
    """

    model_config = ConfigDict(extra="forbid")

    config: Annotated[Config, BeforeValidator(as_stored)]
    images: str | None = None
    scaling: AmplitudeScaling
    calibration: Calibration | None = None
    calibrations: dict[str, JointCalibration] = {}
    surveys: list[Survey] = []
    sample_matching: SampleMatching | None = None
    refinement: Refinement | None = None
    temperature: Annotated[float, Field(gt=0, le=1)] = 1.0
    inputs: list[TrainingInput] = []
    provenance: Provenance = {}

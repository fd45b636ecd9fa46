"""Train the small model that ships, on the F3 sample, and draw what it generates.

Run: ``python examples/train_shipped_model.py [FOLDER]``; makes ``samples.png`` and the files of
``seisflow/models/shipped/f3-small``. It took 4.5 minutes on one thread of a busy machine.
"""

import shutil
import sys
from pathlib import Path

from seisflow.config import load_config
from seisflow.models.storage import CARD, DEFAULT_MODEL, WEIGHTS
from seisflow.runs.sources import Source
from seisflow.training import train

STEPS = 400  # later ones learn the ten lines by heart, and patches fade again from trace to trace

folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"runs/{DEFAULT_MODEL}")
# without a denoiser, whose weights would be three times those of the flow
config = load_config("seismic-small", [f"training.steps={STEPS}", "training.denoiser_steps=0"])
train([Source(path="f3-sample")], config, folder)
shipped = Path(__file__).parents[1] / "seisflow" / "models" / "shipped" / DEFAULT_MODEL
shipped.mkdir(parents=True, exist_ok=True)
for name in (WEIGHTS, CARD):
    shutil.copy(folder / name, shipped / name)
print(f"{shipped}: {(shipped / WEIGHTS).stat().st_size / 1e6:.1f} MB; {folder / 'samples.png'}")

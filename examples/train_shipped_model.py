"""Train the small model that ships, on the F3 sample, and draw what it generates.

Run: ``python examples/train_shipped_model.py [HH:MM:SS] [FOLDER]``; makes ``samples.png`` and the files
of ``seisflow/models/shipped/f3-small``. The one that ships trained for 10 minutes on a
shared machine (1,703 steps).
"""

import shutil
import sys
from datetime import timedelta
from pathlib import Path

from seisflow.config import load_config
from seisflow.models.storage import CARD, DEFAULT_MODEL, WEIGHTS
from seisflow.source import Source
from seisflow.training import train

hours, minutes, seconds = (
    int(part) for part in (sys.argv[1] if len(sys.argv) > 1 else "00:10:00").split(":")
)
folder = Path(sys.argv[2] if len(sys.argv) > 2 else f"runs/{DEFAULT_MODEL}")
limit = timedelta(hours=hours, minutes=minutes, seconds=seconds)
config = load_config("seismic-small", ["flow.subnet.width=80"])
run = train([Source(path="f3-sample")], config, folder, max_time=limit)
shipped = Path(__file__).parents[1] / "seisflow" / "models" / "shipped" / DEFAULT_MODEL
shipped.mkdir(parents=True, exist_ok=True)
for name in (WEIGHTS, CARD):
    shutil.copy(folder / name, shipped / name)
print(f"{shipped}: {(shipped / WEIGHTS).stat().st_size / 1e6:.1f} MB; {folder / 'samples.png'}")

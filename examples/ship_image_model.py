"""Make a trained model of images one that ships: `-m NAME` then finds it wherever seisflow is installed.

Run: ``python examples/ship_image_model.py RUN NAME``; writes ``seisflow/models/shipped/NAME``.
"""

import json
import shutil
import sys
from pathlib import Path

from seisflow.models.storage import CARD, WEIGHTS

run, name = Path(sys.argv[1]), sys.argv[2]
shipped = Path(__file__).parents[1] / "seisflow" / "models" / "shipped" / name
shipped.mkdir(parents=True, exist_ok=True)
card = json.loads((run / CARD).read_text())
for source in card["inputs"]:
    source["folder"] = None  # where the images lay on the machine that trained it
(shipped / CARD).write_text(json.dumps(card))
shutil.copyfile(run / WEIGHTS, shipped / WEIGHTS)
print(f"{shipped}: {(shipped / WEIGHTS).stat().st_size / 1e6:.1f} MB")

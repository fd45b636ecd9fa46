"""Score the F3 sample with the model that ships and draw the map over one inline.

Run: ``python examples/anomaly_map.py``; makes ``anomaly-map.png``.
"""

import seisflow
from seisflow.plotting.files import save
from seisflow.plotting.section import draw

section = seisflow.open_section("f3-sample")
result = seisflow.score(section, seisflow.load_model("f3-small"))
strongest = abs(result.anomaly).max(("crossline", "time")).idxmax("inline")
print(save(draw(result.sel(inline=[strongest.item()])), "anomaly-map.png", overwrite=True))

"""
Anomaly map of the F3 sample
============================

The F3 sample, ten inlines over a gas chimney, is scored with the small model that ships. The map is drawn
over the inline with the strongest anomaly.
"""

import seisflow
from seisflow import plotting

section = seisflow.open_section("f3-sample")
result = seisflow.score(section, seisflow.load_model("f3-small"))
print(result)

# %%
# ``anomaly`` says how rare a place is beside held-out data at the same depth. Contours enclose what exceeds
# the threshold for one false alarm in twenty sections.

strongest = abs(result.anomaly).max(("crossline", "time")).idxmax("inline")
figure = plotting.draw(result.sel(inline=[strongest.item()]))
print(plotting.save(figure, "anomaly-map.png", overwrite=True))

"""
Patches drawn from one topic at a time
======================================

The prior of a Fractal Flow is a mixture of topics. Drawing from a single one shows what it stands for (Fig.
8 of the paper, here for seismic).
"""

import numpy as np

import seisflow
from seisflow import plotting

EACH = 8

model = seisflow.load_model("f3-small")
rows = [seisflow.generate(model, EACH, topic=q).amplitude.values for q in range(model.prior.topics)]

# %%
# Each row is one topic.

patches = np.concatenate(rows).transpose(0, 2, 1)[:, None]
figure = plotting.draw_gallery(patches, columns=EACH, title="A topic a row")
print(plotting.save(figure, "topics.png", overwrite=True))

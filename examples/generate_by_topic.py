"""Generate patches from every variance topic of the prior, a row each (Fig. 8 of the paper, on seismic).

Run: ``python examples/generate_by_topic.py``; makes ``topics.png``.
"""

import numpy as np

import seisflow
from seisflow.plotting.files import save
from seisflow.plotting.gallery import draw_gallery

EACH = 8

model = seisflow.load_model("f3-small")
rows = [seisflow.generate(model, EACH, topic=q).amplitude.values for q in range(model.prior.topics)]
patches = np.concatenate(rows).transpose(0, 2, 1)[:, None]
print(save(draw_gallery(patches, columns=EACH, title="A topic a row"), "topics.png", overwrite=True))

"""
A patch after every level of the flow
=====================================

A Fractal Flow maps a patch of a section to noise, level after level (Fig. 9 of the paper). Here is one
patch of the F3 sample on its way.
"""

import numpy as np
import torch

import seisflow
from seisflow import plotting
from seisflow.patches import cut, prepare, read_panel

model = seisflow.load_model("f3-small")

# %%
# A panel is one 2D slice of a survey, here the first inline. ``cut`` takes the patch whose first sample is
# 100 and whose first trace is 20; ``prepare`` scales its amplitudes as the model expects them.

panel = read_panel(seisflow.open_section("f3-sample"), (0,))
amplitude, mask = cut(panel, 100, 20, model.shape[1:])
patch = prepare(amplitude, mask, model.card.scaling, np.random.default_rng(0))

# %%
# From left to right: the patch, the patch with its spectrum whitened, and its state after each fractal
# level. The last one is the latent, which the prior describes.

states = torch.cat(model.steps(torch.from_numpy(patch)))
figure = plotting.draw_gallery(states.numpy(), title="A patch, whitened, and after each fractal level")
print(plotting.save(figure, "fractal-steps.png", overwrite=True))

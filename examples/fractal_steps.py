"""Draw a patch after every level of the fractal flow, from amplitudes to latent noise (Fig. 9 of the paper).

Run: ``python examples/fractal_steps.py``; makes ``fractal-steps.png``.
"""

import numpy as np
import torch

import seisflow
from seisflow.patches import cut, prepare, read_panel
from seisflow.plotting.files import save
from seisflow.plotting.gallery import draw_gallery

model = seisflow.load_model("f3-small")
panel = read_panel(seisflow.open_section("f3-sample"), (0,))
amplitude, mask = cut(panel, 100, 20, model.shape[1:])
patch = prepare(amplitude, mask, model.card.scaling, np.random.default_rng(0))
states = torch.cat(model.steps(torch.from_numpy(patch)))
title = "A patch, whitened, and after each fractal level"
print(save(draw_gallery(states.numpy(), title=title), "fractal-steps.png", overwrite=True))

"""Images as a torch data set, with items like those of sections."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seisflow.io.images import dequantise

HELD_OUT_SEED = 0
"""Seed of the choice of held-out training images: the same for all runs, whatever their seed."""


class ImageDataset(Dataset[dict[str, Tensor]]):
    """Images in random order, epoch after epoch, each time with new noise.

    Item ``i`` depends on ``(seed, i)`` only. Its ``x`` (C, H, W) are pixel values from 0 to below 256,
    uniformly dequantised, and its ``mask`` (1, H, W) is True everywhere: items as those of
    `seisflow.patches.PatchDataset`.

    Parameters
    ----------
    pixels : ndarray of uint8, (N, C, H, W)
    seed : int
        Not negative.
    length : int
        Number of items.
    flip : bool
        Mirror half of the images.
    shuffle : bool
        False gives the images in their order, which validation needs.
    """

    def __init__(
        self, pixels: NDArray[np.uint8], *, seed: int, length: int, flip: bool = False, shuffle: bool = True
    ) -> None:
        self.pixels = pixels
        self.seed = seed
        self.length = length
        self.flip = flip
        self.shuffle = shuffle
        self._mask = torch.ones((1, *pixels.shape[2:]), dtype=torch.bool)
        self._order = (-1, np.empty(0, np.int64))  # of the epoch that was asked for last

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, index])
        image = self.pixels[self._number(index)]
        if self.flip and rng.random() < 0.5:
            image = image[..., ::-1]
        return {"x": dequantise(image, rng), "mask": self._mask}

    def _number(self, index: int) -> int:
        epoch, place = divmod(index, len(self.pixels))
        if not self.shuffle:
            return place
        if self._order[0] != epoch:
            # the last word keeps this stream apart from those of items
            rng = np.random.default_rng([self.seed, epoch, 1])
            self._order = (epoch, rng.permutation(len(self.pixels)))
        return int(self._order[1][place])


def split_training(count: int, validation: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the training images to learn from, and of those held out, both in ascending order."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(count)
    held_out = round(validation * count)
    return np.sort(order[held_out:]), np.sort(order[:held_out])

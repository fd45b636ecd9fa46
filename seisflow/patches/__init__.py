"""From sections to patches and back: panels, masks, windows, leak-free splits, overlap-add."""

from seisflow.patches.dataset import GridDataset, PatchDataset
from seisflow.patches.noise import FILL_STD, gaussian_fill, prepare
from seisflow.patches.overlap import OverlapAdd
from seisflow.patches.panels import (
    ZEROS_ARE_DATA,
    Layout,
    Panel,
    PanelCache,
    chunk_size,
    layout,
    panel_index,
    part_of_panel,
    read_panel,
    section_name,
)
from seisflow.patches.splits import Block, Split, split
from seisflow.patches.windows import cut, even_starts, valid_windows, window_grid, window_starts

__all__ = [
    "FILL_STD",
    "ZEROS_ARE_DATA",
    "Block",
    "GridDataset",
    "Layout",
    "OverlapAdd",
    "Panel",
    "PanelCache",
    "PatchDataset",
    "Split",
    "chunk_size",
    "cut",
    "even_starts",
    "gaussian_fill",
    "layout",
    "panel_index",
    "part_of_panel",
    "prepare",
    "read_panel",
    "section_name",
    "split",
    "valid_windows",
    "window_grid",
    "window_starts",
]

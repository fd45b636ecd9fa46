"""Figures as files, written whole or not at all."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from seisflow.errors import OutputError
from seisflow.io.atomic import discard, publish, reserve, told_as_output_error
from seisflow.plotting.style import STYLE, boxes_for_unknown_signs


@rc_context(STYLE)
def save(figure: Figure, path: str | Path, *, overwrite: bool = False, dpi: int = 160) -> Path:
    """Write a figure, whole or not at all, and return where.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : str or Path
        Ending in png, pdf, svg, or another format that matplotlib knows.
    overwrite : bool
        Replace what is there already.
    dpi : int
        Pixels per inch.

    Raises
    ------
    OutputError
        If the file exists and may not be overwritten, its ending names no picture format, its folder is
        missing, or the disk does not take it.
    """
    path = Path(path)
    if path.suffix[1:].lower() not in FigureCanvasAgg.get_supported_filetypes():
        ending = path.suffix or "no ending"
        raise OutputError(f"{path}: {ending} is no picture format. Use .png, .pdf or .svg")
    folder = reserve(path, overwrite, size=0)
    try:
        with told_as_output_error(path), boxes_for_unknown_signs():
            figure.savefig(folder / path.name, dpi=dpi, facecolor="white")
        publish(folder, path, overwrite)
    finally:
        discard(folder)
    return path

"""Settings of the documentation: ``make docs`` builds it offline, warnings as errors, into build/docs."""

import importlib
import re
import shutil
import sys
from pathlib import Path

import seisflow

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILT = ROOT / "build"
sys.path.insert(0, str(HERE / "_ext"))

project = "seisflow"
author = "The seisflow authors"
project_copyright = "the seisflow authors"
version = release = seisflow.__version__

extensions = [
    "config_keys",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_ext", "_templates", "gallery/*.ipynb"]
templates_path = ["_templates"]
default_role = "py:obj"
suppress_warnings = ["config.cache"]  # settings hold functions

# Python reference: the public names of each package are those in its __all__.
autosummary_ignore_module_all = False
autosummary_imported_members = True


def public(name: str) -> list[str]:
    """Return the public names of a module: ``__all__``, else those that it defines."""
    module = importlib.import_module(name)
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == name]
    return getattr(module, "__all__", [key for key in own if not key.startswith("_")])


autosummary_context = {"public": public}
autodoc_typehints = "none"  # numpydoc has them in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = "seisflow"
html_static_path = ["_static"]
html_css_files = ["seisflow.css"]
html_show_sourcelink = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "header_links_before_dropdown": 6}

# Gallery: examples leave files where they run, so copies of them run in the build folder. Those that are not
# named here are listed only.
RUN_HERE = ("anomaly_map", "cloud_zarr", "fault_map", "fractal_steps", "generate_by_topic", "open_cube",
            "open_gathers", "open_line")  # fmt: skip
copies = BUILT / "examples"
shutil.rmtree(copies, ignore_errors=True)
copies.mkdir(parents=True)
for script in sorted((ROOT / "examples").glob("*.py")):
    if script.read_text().split("\n")[2].startswith("==="):  # others make what ships
        shutil.copy(script, copies)
shutil.copy(ROOT / "examples" / "README.rst", copies / "GALLERY_HEADER.rst")


def pictures(block, variables, conf) -> str:
    """Move the PNG files that a script has just left into its page (a scraper of sphinx-gallery)."""
    from sphinx_gallery.scrapers import figure_rst

    moved = []
    for png in sorted(Path(variables["src_file"]).parent.glob("*.png")):
        moved.append(next(variables["image_path_iterator"]))
        shutil.move(png, moved[-1])
    return figure_rst(moved, conf["src_dir"])


sphinx_gallery_conf = {
    "examples_dirs": str(copies),
    "gallery_dirs": "gallery",
    "filename_pattern": f"({'|'.join(map(re.escape, RUN_HERE))})\\.py$",
    "ignore_pattern": "a^",
    "image_scrapers": (pictures,),
    "reset_modules": (),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 10**6,
    "remove_config_comments": True,
    "abort_on_example_error": True,
}


def without_emphasis(app, context, lines: list[str]) -> None:
    """Keep the ``*`` of a pattern such as '*.sgy' in a command's help from being read as emphasis."""
    for i, line in enumerate(lines):
        lines[i] = "`".join(
            part.replace("*", r"\*") if j % 2 == 0 else part for j, part in enumerate(line.split("`"))
        )


def setup(app) -> None:
    """Give the commands their names, which sphinx-click takes from the functions behind them."""
    from seisflow.cli.main import cli

    for name in cli.list_commands(None):
        cli.get_command(None, name).name = name
    app.connect("sphinx-click-process-description", without_emphasis)

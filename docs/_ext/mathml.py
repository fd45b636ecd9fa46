"""Formulas as MathML, which every browser draws by itself: no MathJax, nothing from the network."""

import html
import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

THIN_SPACE = '<mspace width="0.167em"/>'
"""Stands between a function and its argument, as in log p: browsers leave none there."""
SAME = {"dots": r"\ldots", "Big(": r"\Bigl(", "Big)": r"\Bigr)", "argmin": r"\operatorname{argmin}"}

log = logging.getLogger(__name__)


def mathml(node: nodes.math | nodes.math_block, *, as_block: bool = False) -> str:
    """Return the formula of a node as MathML; one that cannot be translated is warned of."""
    tex = re.sub(r"\\(dots|Big\(|Big\)|argmin)", lambda found: SAME[found[1]], node.astext())
    tex = re.sub(r"(frac)(\d)(\d)", r"\1{\2}{\3}", tex)  # 12 would be read as one number
    try:
        return tex2mathml(tex, as_block=as_block).replace("<mo>&ApplyFunction;</mo>", THIN_SPACE)
    except MathError as error:
        log.warning("%s: %s", tex, error, location=node, type="mathml")
        return f"<code>{html.escape(tex)}</code>"


def inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({node["number"]})</span>')
    self.body.append(mathml(node, as_block=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What goes with a cited figure: BibTeX of the paper and of this program, and the script that remakes the figure."""

import pprint
from importlib.metadata import version

from leafscope.core.store.decks import Slide

_BIBTEX = """\
@article{{cho2014conditional,
  author        = {{Cho, Kyunghyun and Bengio, Yoshua}},
  title         = {{Exponentially Increasing the Capacity-to-Computation Ratio for Conditional Computation in Deep Learning}},
  year          = {{2014}},
  eprint        = {{1406.7362}},
  archiveprefix = {{arXiv}},
  url           = {{https://arxiv.org/abs/1406.7362}}
}}

@software{{leafscope,
  author  = {{{{The Leafscope developers}}}},
  title   = {{Leafscope: tree-parametrized neural nets and their leaves, in the browser}},
  version = {{{version}}},
  note    = {{{note}}}
}}
"""

_SCRIPT = '''\
"""Remake a figure: train the runs that are missing, draw it again, and compare its numbers with those below.

python FILE.py --help lists the options. It needs Leafscope {version}; the first line that it prints says whether the numbers
are equal: on the same kind of processor and with the same versions, bit for bit.
"""

from leafscope.app.cli.reproduce import remake

FIGURE = {figure}

raise SystemExit(remake(FIGURE))
'''

WIDTH = 110
"""Most characters in a line of the script, unless a single text is longer."""


def bibtex(digest: str = "") -> str:
    """Give the two entries; the program's names the figure with this digest."""
    note = f"Figure {digest}; leafscope reproduce {digest} draws it again" if digest else "MIT licence"
    return _BIBTEX.format(version=version("leafscope"), note=note)


def script(slide: Slide) -> str:
    """Write a program that remakes the figure of a slide; whatever people typed stands in it as literals."""
    told = slide.model_dump(mode="json", exclude={"figure", "notes"}, exclude_defaults=True)
    program = slide.versions.get("leafscope", "")
    return _SCRIPT.format(
        version="".join(sign for sign in program if sign.isalnum() or sign in ".+-")[:40] or version("leafscope"),
        figure=pprint.pformat(_ascii(told), width=WIDTH, sort_dicts=False),
    )


class _Literal(str):
    """A text that is written with escapes for whatever is not ASCII."""

    def __repr__(self) -> str:
        return ascii(str(self))


def _ascii(value: object) -> object:
    if isinstance(value, str):
        return _Literal(value)
    if isinstance(value, dict):
        return {_Literal(name): _ascii(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_ascii(one) for one in value]
    return value

"""Draws a simulation: what each model and plan brought, beside what it would bring."""

import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

import pygal
import resvg_py
from django.utils.translation import gettext as _
from pygal.style import Style

from billing.insights.simulate import Report, Row
from billing.insights.tables import currency_of, measure, measured, money_text
from plans.credits import MICROS

# pygal hooks itself into every import of the process, to look for maps that we do not draw.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

# The same two colours as everywhere: what is, in grey; what would be, in blue.
_STYLE: Final = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#888888",
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#bbbbbb",
    colors=("#9aa5b1", "#2f6fde"),
    opacity="1",
    font_family="'DejaVu Sans', 'Noto Sans CJK SC', 'PingFang SC', sans-serif",
    value_colors=("#111111", "#ffffff"),
)
_WIDTH: Final = 1000
_HEAD: Final = 160  # title, axis and legend
_EACH: Final = 64  # one name with its two bars


def draw(report: Report, path: Path) -> None:
    """Write the picture to `path`: an SVG, or a PNG when its name ends so.

    The SVG holds no script and asks no other address. The letters of a PNG are those of this
    machine's fonts; an SVG's are its reader's.
    """
    svg = _svg(report)
    if path.suffix.lower() == ".png":
        path.write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff")))
    else:
        path.write_text(svg, encoding="utf-8")


def _svg(report: Report) -> str:
    currency = currency_of(report)
    title = _("Simulation since %(day)s: %(measure)s") % {
        "day": report.since.date().isoformat(),
        "measure": measured(currency),
    }
    return bars(title, [(name, *measure(row, currency)) for name, row in _named(report)])


def bars(title: str, named: Sequence[tuple[str, Fraction, Fraction]]) -> str:
    """Return an SVG: for each name two lying bars, what is and what would be, from the top."""
    chart = pygal.HorizontalBar(
        style=_STYLE,
        js=(),
        title=title,
        width=_WIDTH,
        height=_HEAD + _EACH * max(1, len(named)),
        margin=20,
        legend_at_bottom=True,
        print_values=True,
        print_values_position="center",
        show_y_guides=True,
        no_data_text=_("no jobs"),
        value_formatter=_spoken,
        disable_xml_declaration=True,
        truncate_label=-1,
        no_prefix=True,
    )
    from_below = list(reversed(named))  # the first stands lowest in a chart of lying bars
    chart.x_labels = [name for name, _old, _new in from_below]
    chart.add(_("in force"), [_number(old) for _name, old, _new in from_below])
    chart.add(_("new"), [_number(new) for _name, _old, new in from_below])
    chart.add_xml_filter(without_scripts)
    drawn: str | bytes = chart.render()
    return drawn.decode() if isinstance(drawn, bytes) else drawn


def without_scripts(root: Element) -> Element:
    """Return the drawing without the script that pygal puts in for its own tooltips."""
    for parent in root.iter():
        for child in [one for one in parent if str(one.tag).endswith("script")]:
            parent.remove(child)
    return root


def _named(report: Report) -> Iterator[tuple[str, Row]]:
    """Yield what is drawn, from the top: the models, then the plans."""
    for name, row in sorted(report.models.items()):
        yield name, row
    for name, row in sorted(report.plans.items()):
        yield _("plan %(plan)s") % {"plan": name or "-"}, row


def _number(amount: Fraction) -> float:
    """Return a length on paper: the only place where an amount may lose its last digits."""
    return float(amount)


def _spoken(amount: float) -> str:
    return money_text(Fraction(amount) * MICROS)

"""Charts as pictures of a page: drawn here, without a script, and read beside a table."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final

import pygal
from django.utils.translation import gettext as _
from pygal.style import Style

from billing.insights.picture import without_scripts

# Seen on white and on black alike: a picture does not learn which of both the page has.
_GREY: Final = "#7b8494"
_STYLE: Final = Style(
    background="transparent",
    plot_background="transparent",
    foreground=_GREY,
    foreground_strong=_GREY,
    foreground_subtle=_GREY,
    guide_stroke_color="#7b849455",
    major_guide_stroke_color="#7b849477",
    colors=("#3f7de8", "#2c9c6d", "#d9822b", "#a35bd1", "#d3455b", "#7b8494"),
    opacity="0.9",
    font_family="'DejaVu Sans', 'Noto Sans CJK SC', 'PingFang SC', sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
)
_WIDTH: Final = 860
_HEIGHT: Final = 300
_LABELS: Final = 8  # so many words have room below
_NAMES: Final = 5  # and so many names of series beside each other
_NAME_HEIGHT: Final = 24


def lines(labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Return the address of a picture: a line for each series, over the labels."""
    chart = pygal.Line(**_options(labels), show_dots=len(labels) <= 1, stroke_style={"width": 2.5})
    return _drawn(chart, labels, series)


def stacks(labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Return the address of a picture: bars of which the series are parts."""
    return _drawn(pygal.StackedBar(**_options(labels)), labels, series)


def _options(labels: Sequence[str]) -> dict[str, object]:
    return {
        "style": _STYLE,
        "js": (),
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": 8,
        "legend_at_bottom": True,
        "show_x_guides": False,
        "x_labels_major_every": max(1, -(-len(labels) // _LABELS)),
        "show_minor_x_labels": len(labels) <= _LABELS,
        "no_data_text": _("nothing yet"),
        "value_formatter": _spoken,
        "no_prefix": True,
        "truncate_legend": -1,
        "truncate_label": -1,
    }


def _drawn(chart: pygal.Line, labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    chart.config.legend_at_bottom_columns = len(series)
    chart.x_labels = list(labels)
    rows = -(-len(series) // _NAMES)
    chart.config.legend_at_bottom_columns = min(max(len(series), 1), _NAMES)
    chart.config.height = _HEIGHT + _NAME_HEIGHT * max(rows - 1, 0)
    for name, numbers in series.items():
        chart.add(name, list(numbers))
    chart.add_xml_filter(without_scripts)
    drawn: str | bytes = chart.render()
    picture = drawn.encode() if isinstance(drawn, str) else drawn
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


def _spoken(number: float) -> str:
    return f"{number:,.10g}"

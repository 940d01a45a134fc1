"""Draw charts, build pages and count rates for the reports of `evaluate` and `lab`.

`rates` counts errors and says how sure a rate is, `svg` draws the parts of a
chart, `plots` whole charts with a legend, `page` builds one HTML page that loads
nothing from outside.
"""

from onlyme.charts.page import embed_image, render_figure, render_page, render_table
from onlyme.charts.plots import Series, draw_det, draw_histograms, draw_lines, draw_scatter
from onlyme.charts.rates import (
    ErrorRate,
    capitalize,
    clopper_pearson,
    describe_modelled_bound,
    describe_proven_bound,
    describe_set_rate,
    format_odds,
    format_percent,
    format_rate,
    make_rate,
    upper_bound,
)
from onlyme.charts.svg import (
    Axis,
    ChartLayout,
    draw_curve,
    draw_dot,
    draw_histogram,
    draw_line,
    draw_text,
    format_number,
    make_standalone,
)

__all__ = [
    "Axis",
    "ChartLayout",
    "ErrorRate",
    "Series",
    "capitalize",
    "clopper_pearson",
    "describe_modelled_bound",
    "describe_proven_bound",
    "describe_set_rate",
    "draw_curve",
    "draw_det",
    "draw_dot",
    "draw_histogram",
    "draw_histograms",
    "draw_line",
    "draw_lines",
    "draw_scatter",
    "draw_text",
    "embed_image",
    "format_number",
    "format_odds",
    "format_percent",
    "format_rate",
    "make_rate",
    "make_standalone",
    "render_figure",
    "render_page",
    "render_table",
    "upper_bound",
]

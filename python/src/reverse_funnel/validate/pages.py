"""The gate in a browser: its first page, and Great Expectations' pages made whole by themselves.

Data Docs fetch their scripts, style sheets and icons from elsewhere, and list their pages by one of
those scripts. Here nothing is fetched, so the first page is our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import jinja2

from reverse_funnel.text import NOTHING, count, percent
from reverse_funnel.validate.expect import Expected

_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 2rem; }
td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.number { text-align: right; }
.samples { white-space: pre-line; }
.breadcrumb, ul { list-style: none; padding-left: 1rem; }
.hide, .collapse:not(.show), .modal { display: none; }
/* What scripts would have answered to. */
.card:has(label[onclick]), p:has(> a[data-toggle="collapse"]) { display: none; }
.container-fluid > .row:has(> .col-lg-2) { display: flex; gap: 2rem; }
.col-lg-2 { flex: 0 0 18rem; }
.ge-navigation-sidebar-link { word-break: normal !important; }
.fas { font-style: normal; }
.fa-check-circle::before { content: "✓"; }
.fa-times::before { content: "✗"; }
.fa-exclamation-triangle::before { content: "!"; }
.stop, .failed, .text-danger { color: #a40000; font-weight: bold; }
.warn { color: #8a5a00; font-weight: bold; }
.fine, .text-success { color: #1a6b1a; }
</style>"""
# What a page would fetch from elsewhere: scripts, style sheets and pictures.
_FETCHED = re.compile(
    r"<script[^>]*\bsrc=\"https?:[^>]*>\s*</script>|<link[^>]*\bhref=\"https?:[^>]*>"
    r"|<img[^>]*\bsrc=\"https?:[^>]*>|<p>Stay current on everything GX.*?</p>",
    re.IGNORECASE | re.DOTALL,
)
_FIRST_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Raw tables: {{ verdict }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1.0">{{ style | safe }}</head>
<body>
<h1>Raw tables: <span class="{{ severity }}">{{ verdict }}</span></h1>
<p>Of {{ '{:,}'.format(asked) }} expectations
{{ stops }} fail with a stop, {{ warnings }} with a warning.
{%- for crm, moment in moments.items() %}
Freshness of {{ crm }} is as of {{ '{:%Y-%m-%d %H:%M}'.format(moment) }} UTC.
{%- endfor %}</p>
{% if failed %}<h2>Not as expected</h2>
<table>
<tr><th></th><th>Where</th><th>What</th><th>Found</th><th>Such as</th><th>What to do</th></tr>
{% for one in failed %}<tr>
<td class="{{ one.severity }}">{{ one.severity }}</td>
<td><a href="{{ links[one.page] }}">{{ one.crm }}.{{ one.table }}</a>
{%- if one.column %}.{{ one.column }}{% endif %}</td>
<td>{{ one.check.name }}: {{ one.says }}</td>
<td class="samples">{{ found(one) }}</td>
<td class="samples">{{ one.measure.samples | join('\n') if one.measure else nothing }}</td>
<td>{{ one.remedy }}</td>
</tr>{% endfor %}
</table>
{% endif %}<h2>All tables</h2>
<table>
<tr><th>Table</th><th>Expectations</th><th>Stops</th><th>Warnings</th></tr>
{% for page, counted in pages.items() %}<tr>
<td><a href="{{ links[page] }}">{{ page }}</a></td><td class="number">{{ counted.asked }}</td>
{%- for severity in ('stop', 'warn') %}
<td class="number {{ severity if counted[severity] else 'fine' }}">{{ counted[severity] }}</td>
{%- endfor %}
</tr>
{% endfor %}</table>
</body>
</html>
"""


def detach_from_the_network(output: Path) -> None:
    """Make Data Docs whole by themselves: nothing is fetched when somebody opens a page."""
    for page in output.rglob("*.html"):
        text = _FETCHED.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8")


def write_first_page(
    output: Path,
    expected: Iterable[Expected],
    failed: Sequence[Expected],
    moments: Mapping[str, datetime],
) -> Path:
    """Write the page that Data Docs in a folder are opened by, and return its path.

    Parameters
    ----------
    output
        Folder of the Data Docs.
    expected
        All expectations.
    failed
        Those that failed, in the order in which to show them, each check of a column once.
    moments
        CRM → the moment its freshness is measured against, UTC.

    """
    pages: dict[str, dict[str, int]] = {}
    for one in expected:
        pages.setdefault(one.page, {"asked": 0, "stop": 0, "warn": 0})["asked"] += 1
    for one in failed:
        pages[one.page][one.severity] += 1
    stops = sum(one.severity == "stop" for one in failed)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    first = output / "index.html"
    text = environment.from_string(_FIRST_PAGE).render(
        style=_STYLE,
        verdict="stop, do not build" if stops else "fit to build",
        severity="stop" if stops else "fine",
        asked=sum(counted["asked"] for counted in pages.values()),
        stops=stops,
        warnings=len(failed) - stops,
        moments=moments,
        failed=failed,
        pages=pages,
        links={page: _link(output, page) for page in pages},
        found=found,
        nothing=NOTHING,
    )
    first.write_text(text, encoding="utf-8")
    return first


def found(one: Expected) -> str:
    """Return what was measured, in its unit, beside what is allowed."""
    measure = one.measure
    if measure is None or one.check.name == "rows_present":
        return NOTHING
    if one.check.unit == "hours":
        return f"{measure.value:,.0f} h, allowed {one.limit:,.0f} h"
    counted = f"{count(measure.count)} of {count(measure.considered)}"
    return f"{counted}\n{percent(measure.value)}, allowed {percent(one.limit)}"


def _link(output: Path, page: str) -> str:
    """Return where a page's outcome lies below the folder: the Data Docs date their paths."""
    (path,) = (output / "validations").rglob(f"raw-{page}.html")
    return path.relative_to(output).as_posix()

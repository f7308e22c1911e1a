"""The session report as one self-contained HTML file and as Markdown, rendered from the same history."""

import datetime
import re
from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup

from app.monitor.sanitize import clean_text
from app.report.history import SessionHistory
from app.report.measurements import (
    find_declining_gains,
    find_gains,
    find_labelled_failures,
    find_rates,
    find_shared_provenance,
)
from app.report.phase_plots import draw_memory, draw_metrics, place_attempts
from app.session.asking.describe import describe_ending, describe_sampling
from app.session.masking import Masker
from app.units import (
    format_duration,
    format_hours,
    format_size,
    format_usd,
    format_usd_range,
    format_value,
)
from phases.contract.labels import FAILURE_KINDS

HTML_NAME = "report.html"
MARKDOWN_NAME = "report.md"
_MAX_TEXT = 4000
_MAX_VALUE = 300
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_CHECK_LABELS = {True: "pass", False: "fail", None: "n/a"}
_SYMBOLS: dict[object, str] = {
    "waiting": "·",
    "ready": "·",
    "running": "▸",
    "stopping": "▪",
    "gate": "◆",
    "done": "✓",
    "finished": "✓",
    "failed": "✗",
    "stopped": "✗",
    "skipped": "-",
    "left_out": "-",
    "go": "✓",
    "investigate": "!",
    "stop": "✗",
    True: "✓",
    False: "✗",
    None: "?",
}


def render_html(history: SessionHistory, masker: Masker) -> str:
    """Return the report as an HTML page without scripts or external resources."""
    return _render("report.html.j2", history, masker, escape=str, autoescape=True)


def render_markdown(history: SessionHistory, masker: Masker) -> str:
    """Return the report as Markdown, without the plots of the HTML report."""
    return render_page("report.md.j2", history, masker)


def render_page(template: str, history: SessionHistory, masker: Masker) -> str:
    """Return a Markdown page: `report.md.j2`, `status.md.j2`, `registry.md.j2` or `decision.md.j2`."""
    return _render(template, history, masker, escape=escape_markdown, autoescape=False)


def escape_markdown(text: str) -> str:
    """Return the text as one line in which Markdown shows every character literally."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def format_day(seconds: float) -> str:
    """Return a Unix time as a day in UTC: `2025-10-09`."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d}"


def _render(
    template: str,
    history: SessionHistory,
    masker: Masker,
    *,
    escape: Callable[[str], str],
    autoescape: bool,
) -> str:
    def sanitize(value: object) -> str:
        # Mask before the cut, which could leave the start of a secret.
        return clean_text("" if value is None else str(value), _MAX_TEXT, masker.mask_lines)

    def finalize(value: object) -> object:
        """Return what replaces an expression in the template."""
        return value if isinstance(value, Markup) else escape(sanitize(value))

    def indent_block(value: object) -> Markup:
        """Return a text of several lines as a Markdown code block."""
        lines = sanitize(value).split("\n")
        return Markup("\n".join(f"    {line}" for line in lines))  # noqa: S704 - Markdown, not HTML

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,  # noqa: S701 - Markdown pages are escaped by `finalize`
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "usd": format_usd,
        "usd_range": format_usd_range,
        "duration": format_duration,
        "hours": format_hours,
        "size": format_size,
        "time": _format_time,
        "day": format_day,
        "value": _format_item,
        "parameter": _format_parameter,
        "percent": _format_percent,
        "label": _format_label,
        "symbol": _SYMBOLS.__getitem__,
        "block": indent_block,
    }
    page = environment.get_template(template).render(
        history=history,
        session=history.session,
        started=history.state.started,
        rates=find_rates(history),
        gains=find_gains(history),
        declining=find_declining_gains(history),
        labelled=find_labelled_failures(history),
        failure_kinds=FAILURE_KINDS,
        bars=place_attempts(history),
        provenance=find_shared_provenance(history),
        describe_ending=describe_ending,
        describe_sampling=describe_sampling,
        draw_metrics=draw_metrics,
        draw_memory=draw_memory,
        unmasked=masker.notices,
    )
    # Mask the complete page as well: a template could join texts so that a secret appears across two of them.
    return masker.mask_text(page)


def _format_time(seconds: float) -> str:
    """Return a Unix time in UTC: `2025-10-09 08:53 UTC`."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M} UTC"


def _format_item(item: object) -> str:
    """Return a metric or an entry of provenance for reading."""
    if isinstance(item, list | tuple):
        return ", ".join(_format_item(element) for element in item)
    if item is None or isinstance(item, bool | int | float | str):
        return format_value(item)[:_MAX_VALUE]
    return str(item)[:_MAX_VALUE]


def _format_parameter(item: object) -> str:
    """Return a parameter as one would type it in the plan."""
    if isinstance(item, list | tuple):
        return ", ".join(_format_parameter(element) for element in item)
    if isinstance(item, bool):
        return "true" if item else "false"
    return f"{item:g}" if isinstance(item, float) else str(item)[:_MAX_VALUE]


def _format_percent(fraction: float) -> str:
    """Return a fraction as percent without the sign: `74.2`."""
    return f"{fraction * 100:.1f}"


def _format_label(state: bool | str | None) -> str:
    """Return the word for a state, a verdict or the outcome of a check."""
    return state.replace("_", " ") if isinstance(state, str) else _CHECK_LABELS[state]

"""The session's report: one HTML file that needs nothing else, and a Markdown one, both of the same story."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from app.monitor.sanitize import clean_text
from app.report.plots import Curve, line_plot
from app.report.story import AttemptStory, PhaseStory, Story
from app.session.masking import Masker
from app.session.snapshot import AttemptView
from app.units import format_duration, format_hours, format_size, format_usd, format_usd_range
from widgets import styles
from widgets.format import format_value

HTML = "report.html"
MARKDOWN = "report.md"
_LONGEST = 4000
_LONGEST_VALUE = 300
_MOST_PLOTS = 8
_THINNEST = 0.4
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def html(story: Story, masker: Masker) -> str:
    """Return the report as one HTML page, without scripts and without anything from elsewhere."""
    return _render("report.html.j2", story, masker, lambda text: text, autoescape=True)


def markdown(story: Story, masker: Masker) -> str:
    """Return the report as Markdown; the plots are only in the HTML one."""
    return _render("report.md.j2", story, masker, as_markdown, autoescape=False)


def page(template: str, story: Story, masker: Masker) -> str:
    """Return another Markdown page of the session: `status.md.j2`, `registry.md.j2` or `decision.md.j2`."""
    return _render(template, story, masker, as_markdown, autoescape=False)


def as_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _render(
    template: str, story: Story, masker: Masker, written: Callable[[str], str], *, autoescape: bool
) -> str:
    def plain(value: object) -> str:
        return masker.text(clean_text("" if value is None else str(value), _LONGEST))

    def shown(value: object) -> object:
        """Return what takes the place of an expression: clean, masked, and in the page's writing."""
        return value if isinstance(value, Markup) else written(plain(value))

    def block(value: object) -> Markup:
        """Return a text of several lines as a block of Markdown."""
        return Markup("\n".join(f"    {line}" for line in plain(value).split("\n")))  # noqa: S704 - no HTML

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,  # noqa: S701 - where it is off, `shown` escapes for Markdown
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "usd": format_usd,
        "duration": format_duration,
        "hours": format_hours,
        "usd_range": format_usd_range,
        "value": _value,
        "given": _given,
        "size": format_size,
        "when": _when,
        "day": day,
        "block": block,
    }
    page = environment.get_template(template).render(
        story=story,
        session=story.session,
        started=story.state.started,
        looks={
            **styles.PHASE_BADGES,
            **styles.SESSION_BADGES,
            **styles.VERDICT_BADGES,
            **styles.CHECK_BADGES,
        },
        rates=rates(story),
        contrasts=list(contrasts(story)),
        spans=spans(story),
        plots=plots,
        memory_plot=memory_plot,
        environment=shared_provenance(story),
        unmasked=masker.notices,
    )
    # Once more over all of it: nothing that leaves has a secret in it, wherever it came from.
    return masker.text(page)


def _value(item: object) -> str:
    """Return a metric, parameter or item of provenance."""
    if isinstance(item, list | tuple):
        return ", ".join(_value(i) for i in item)
    if item is None or isinstance(item, bool | int | float | str):
        return format_value(item)[:_LONGEST_VALUE]
    return str(item)[:_LONGEST_VALUE]


def _given(item: object) -> str:
    """Return a parameter as it is typed."""
    if isinstance(item, list | tuple):
        return ", ".join(_given(i) for i in item)
    if isinstance(item, bool):
        return "true" if item else "false"
    return f"{item:g}" if isinstance(item, float) else str(item)[:_LONGEST_VALUE]


def day(seconds: float) -> str:
    """Return a day: `2025-10-09`, in UTC."""
    return _when(seconds)[:10]


def _when(seconds: float) -> str:
    """Return a time: `2025-10-09 08:53 UTC`."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Rate:
    """A share with its interval, as a phase measured it."""

    phase: str
    metric: str
    value: float
    low: float
    high: float


def rates(story: Story) -> list[list[Rate]]:
    """Return the shares that phases measured with an interval: `x` beside `x_low` and `x_high`.

    Those of one metric that the same program measured stand together. What the comparison says of them again
    is left to it.
    """
    groups: dict[tuple[str, object], list[Rate]] = {}
    compared = story.comparison.metrics if story.comparison else {}
    for phase in story.phases:
        metrics = phase.last.view.metrics if phase.last else {}
        for name in (name for name in metrics if name not in compared):
            found = [metrics.get(key) for key in (name, f"{name}_low", f"{name}_high")]
            numbers = [v for v in found if isinstance(v, int | float) and 0 <= v <= 1]
            if len(numbers) == len(found):
                program = phase.plan.run or phase.plan.command
                groups.setdefault((name, program), []).append(Rate(phase.view.title, name, *numbers))
    return list(groups.values())


@dataclass(frozen=True)
class Contrast:
    """Two models on the same prompts: the gain of the second, its interval, and whether it may be chance.

    `left`, `width` and `mark` place the interval and the gain on a scale around zero, in percent of it.
    """

    first: str
    second: str
    scale: float
    gain: float
    low: float
    high: float
    gained: float
    lost: float
    p: float
    p_raw: float
    detectable: float

    @property
    def left(self) -> float:
        """Where the interval begins."""
        return 50 + 50 * self.low / self.scale

    @property
    def width(self) -> float:
        """How long the interval is."""
        return 50 * (self.high - self.low) / self.scale

    @property
    def mark(self) -> float:
        """Where the gain is."""
        return 50 + 50 * self.gain / self.scale


_CONTRAST = ("gain", "gain_low", "gain_high", "gained", "lost", "p", "p_raw", "detectable")


def contrasts(story: Story) -> Iterator[Contrast]:
    """Yield the contrasts that the comparison holds in full."""
    metrics = story.comparison.metrics if story.comparison else {}
    pairs = [m.groups() for name in metrics if (m := re.fullmatch(r"gain_(?!low_|high_)(.+)_(.+)", name))]
    whole = []
    for pair in pairs:
        found = [metrics.get("_".join((what, *pair))) for what in _CONTRAST]
        numbers = [float(v) for v in found if isinstance(v, int | float)]
        if len(numbers) == len(found):
            whole.append((pair, numbers))
    scale = max((abs(v) for _, numbers in whole for v in numbers[:3]), default=0) or 1.0
    for (first, second), numbers in whole:
        yield Contrast(first, second, scale, *numbers)


def spans(story: Story) -> dict[tuple[str, int], tuple[float, float]]:
    """Return where each attempt lies in the session's time: start and length in percent of it."""
    session = story.session
    whole = max(session.now - session.started, 1e-9)

    def span(attempt: AttemptView) -> tuple[float, float]:
        start, end = (
            min(100.0, max(0.0, 100 * (at - session.started) / whole))
            for at in (attempt.started, attempt.ended or session.now)
        )
        length = max(_THINNEST, end - start)
        return round(min(start, 100 - length), 2), round(length, 2)

    return {
        (phase.view.id, attempt.view.number): span(attempt.view)
        for phase in story.phases
        for attempt in phase.attempts
    }


def plots(phase: PhaseStory) -> list[tuple[str, Sequence[Curve], Markup]]:
    """Return name, curves and picture of each plot of a phase: its losses together, then every other metric.

    The latest attempt is drawn over the earlier ones, which stay faint behind it.
    """
    last = phase.attempts[-1] if phase.attempts else None
    if last is None:
        return []
    losses = sorted((name for name in last.series if name.endswith("loss")), key=len)
    groups = [losses] if losses else []
    groups += [[name] for name in last.series if name not in losses]
    drawn: list[tuple[str, Sequence[Curve], Markup]] = []
    for names in groups[:_MOST_PLOTS]:
        curves = [
            Curve(f"{name}, attempt {attempt.view.number}", attempt.series[name].points, "earlier")
            for attempt in phase.attempts[:-1]
            for name in names[:1]
            if name in attempt.series
        ]
        curves += [Curve(name, last.series[name].points, f"c{i % 4}") for i, name in enumerate(names)]
        title = "loss" if names is losses else names[0]
        if picture := line_plot(title, curves, "step"):
            drawn.append((title, curves, picture))
    return drawn


def memory_plot(attempt: AttemptStory) -> Markup:
    """Return the memory that was used while an attempt ran, in GiB."""
    curves = [Curve(m.name, m.series.points, f"c{i % 4}") for i, m in enumerate(attempt.memory)]
    return line_plot("memory in GiB", curves, "minutes", from_zero=True)


def shared_provenance(story: Story) -> dict[str, str]:
    """Return what the records of all phases that have one agree on: versions, hardware, seeds."""
    records = [
        dict(_flat(phase.last.result.provenance))
        for phase in story.phases
        if phase.last and phase.last.result and phase.last.result.provenance
    ]
    if not records:
        return {}
    return {k: v for k, v in records[0].items() if all(record.get(k, v) == v for record in records)}


def _flat(record: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the items of nested tables, by dotted name."""
    for name, item in record.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{above}{name}.")
        else:
            yield f"{above}{name}", _value(item)

"""Pages of text: help, plan, decisions, and what the session found."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from app.session.snapshot import PhaseView
from app.tui.keys import SCREENS, Command, bindings
from app.tui.screens.screen import CockpitScreen
from app.units import format_duration, format_hours, format_usd, format_usd_range
from widgets import styles
from widgets.frame import Frame
from widgets.header import ElapsedTime, HeaderRows, when
from widgets.parameters import format_parameter
from widgets.phase_table import describe_exit, look
from widgets.rows import ScrollableRows, row
from widgets.text import fit, replace_controls, wrap

HEADING = f"{styles.STRONG} {styles.INFO}"
LABEL, LONGEST_LABEL = 16, 32


def _field(width: int, name: str, text: str, style: str = "", label: int = LABEL) -> list[Content]:
    lines = wrap(text, width - label)
    return [
        row(width, (fit(name if i == 0 else "", label - 1) + " ", styles.QUIET), (line, style))
        for i, line in enumerate(lines)
    ]


def render_help_rows(of: Callable[[str], Sequence[Command]], here: str, width: int) -> list[Content]:
    """Return all keys, from where the operator is on, from their one table: `of` gives a screen's part."""
    rows = [row(width, ("Keys", HEADING), ("  your own: gonogo keys", styles.QUIET))]
    for name in sorted(SCREENS, key=lambda name: name != here):
        rows += [Content(), row(width, (SCREENS[name], styles.STRONG))]
        for command in of(name):
            rows.append(row(width, (f"  {fit(command.all_keys, 24)}", styles.INFO), (command.help, "")))
    return rows


def render_plan_rows(frame: Frame, width: int) -> list[Content]:
    """Return the session, the phase that is looked at with all its attempts, and the other phases."""
    snapshot, money = frame.snapshot, frame.snapshot.money
    rows = [row(width, ("Session", HEADING))]
    for name, text in (
        ("id", snapshot.id),
        ("plan", f"{snapshot.name}, profile {snapshot.profile}" if snapshot.profile else snapshot.name),
        ("model", snapshot.model),
        ("GPU", f"{snapshot.gpu} at {format_usd(money.usd_per_hour)} an hour"),
        ("budget", format_usd(money.budget_usd)),
        ("artifacts", snapshot.artifacts),
        ("records", snapshot.folder),
    ):
        rows += _field(width, name, text)
    phase = frame.phase
    if phase is not None:
        rows += [Content(), row(width, (phase.title, HEADING), (f"  {phase.id}", styles.QUIET))]
        state = look(phase)
        rows += _field(width, "state", f"{state.label}  {phase.headline}", state.style)
        rows += _field(width, "estimate", _estimate(phase))
        rows += _field(width, "gate", phase.gate.replace("_", " "))
        rows += _field(width, "critical", "yes" if phase.critical else "no")
        for attempt in reversed(phase.attempts):
            ended = "running"
            if attempt.ended:
                ended = f"ended {when(attempt.ended, frame.now)}  {describe_exit(attempt)}"
            batch = f", batch {attempt.batch}" if attempt.batch > 1 else ""
            rows.append(
                row(width, (f"attempt {attempt.number}{batch}", styles.STRONG), (f"  {ended}", styles.QUIET))
            )
            label = min(LONGEST_LABEL, max((len(name) + 4 for name in attempt.parameters), default=0))
            for name, value in attempt.parameters.items():
                change = attempt.changed.get(name)
                mark = f"   was {format_parameter(change[0])}" if change else ""
                style = styles.WARN if change else ""
                rows += _field(width, f"  {name}", format_parameter(value) + mark, style, max(LABEL, label))
    measured = any(other.measured_hours for other in snapshot.phases)
    rows += [Content(), row(width, ("Phases", HEADING))]
    for other in snapshot.phases:
        state = look(other)
        here = f"here {format_hours(other.measured_hours)}" if other.measured_hours else ""
        estimate = f"{format_hours(other.estimate_hours):>9} {format_usd_range(other.estimate_usd):>12}"
        rows.append(
            row(
                width,
                (f"{state.symbol} {fit(other.title, 24)}", state.style),
                (estimate, ""),
                (f"  {here:<14}" if measured else "", styles.INFO),
                (f"  gate {other.gate.replace('_', ' ')}", styles.QUIET),
            )
        )
    return rows


def _estimate(phase: PhaseView) -> str:
    """Return the plan's guess, and beside it what was measured on a machine like this."""
    guess = f"{format_hours(phase.estimate_hours)}, {format_usd_range(phase.estimate_usd)}"
    return f"{guess}; measured here: {format_hours(phase.measured_hours)}" if phase.measured_hours else guess


def render_decision_rows(frame: Frame, width: int) -> list[Content]:
    """Return the decisions, the latest first, with reasons."""
    titles = {phase.id: phase.title for phase in frame.snapshot.phases}
    rows = [row(width, ("Decisions", HEADING))]
    for decision in reversed(frame.snapshot.decisions):
        verdict = styles.VERDICT_BADGES[decision.verdict]
        rows += [
            Content(),
            row(
                width,
                (f"{decision.kind.upper()} ", styles.STRONG),
                (f"after {titles.get(decision.phase, decision.phase)}, attempt {decision.attempt}", ""),
                right=[(f"{when(decision.at, frame.now)}  {decision.by}", styles.QUIET)],
            ),
        ]
        overrides = "  overridden" if decision.overrides else ""
        rows += _field(width, "  verdict", f"{verdict.label}{overrides}", verdict.style)
        if decision.reason:
            rows += _field(width, "  reason", decision.reason)
        if decision.changes:
            rows += _field(
                width,
                "  changed",
                ", ".join(f"{n} = {format_parameter(v)}" for n, v in decision.changes.items()),
            )
    if not frame.snapshot.decisions:
        rows.append(row(width, ("none yet", styles.QUIET)))
    return rows


def render_outcome_rows(frame: Frame, width: int) -> list[Content]:
    """Return what a session that is over found, and where its artifacts are."""
    snapshot = frame.snapshot
    state = styles.SESSION_BADGES[snapshot.state]
    took = format_duration(snapshot.now - snapshot.started)
    cost = format_usd(snapshot.money.spent_usd)
    rows = [
        row(
            width,
            (state.label, f"{styles.STRONG} {state.style}"),
            (f"  {snapshot.name} in {took} for {cost}", styles.STRONG),
        )
    ]
    if frame.outcome:
        rows += [Content(), *(Content(replace_controls(line)) for line in frame.outcome)]
    rows.append(Content())
    for phase in snapshot.phases:
        looks = look(phase)
        rows.append(
            row(
                width,
                (f"{looks.symbol} {looks.word:<8}", looks.style),
                (f"{fit(phase.title, 22)}", ""),
                (phase.headline, styles.QUIET),
            )
        )
    rows.append(Content())
    rows += _field(width, "artifacts", snapshot.artifacts, styles.STRONG)
    rows += _field(width, "records", snapshot.folder)
    return rows


class TextScreen(CockpitScreen):
    """A page of text under the session's header."""

    CSS_PATH = "text.tcss"
    BINDINGS: ClassVar[list[Binding]] = bindings("text")  # type: ignore[assignment]
    table = "text"
    name_of_text = "text"

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the page's rows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        text = self.text

        class Page(ScrollableRows):
            def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
                return text(frame, width)

        yield HeaderRows()
        yield ElapsedTime()
        yield Page()
        yield self.key_bar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod on the page that says when it is stopped alone."""
        return action != "keep" and super().check_action(action, parameters)

    def _plain(self) -> str:
        rows = self.text(self.frame, self.query_one(ScrollableRows).size.width)
        return "\n".join(r.plain.rstrip() for r in rows) + "\n"

    def action_scroll_rows(self, count: int) -> None:
        """Scroll."""
        self.query_one(ScrollableRows).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll by a page."""
        self.query_one(ScrollableRows).scroll_pages(pages)

    def action_scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.query_one(ScrollableRows).scroll_columns(count)

    def action_copy(self) -> None:
        """Copy the whole text."""
        self.cockpit.copy(self._plain(), self.name_of_text)

    def action_write(self) -> None:
        """Write the whole text to a file."""
        self.cockpit.write(f"{self.name_of_text}.txt", self._plain())


class HelpScreen(TextScreen):
    """All keys, first those of the screen that it was opened from."""

    name_of_text = "keys"

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no help on the help."""
        return action != "help" and super().check_action(action, parameters)

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the keys."""
        return render_help_rows(self.cockpit.commands, self._here, width)


class PlanScreen(TextScreen):
    """Plan and parameters."""

    name_of_text = "plan"

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the plan."""
        return render_plan_rows(frame, width) if frame else []


class DecisionsScreen(TextScreen):
    """Decisions with reasons."""

    name_of_text = "decisions"

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the decisions."""
        return render_decision_rows(frame, width) if frame else []


class OutcomeScreen(TextScreen):
    """What the session found."""

    name_of_text = "result"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod while that means something."""
        return self.may_keep() if action == "keep" else super().check_action(action, parameters)

    def loud(self, action: str) -> bool:
        """That the pod is to be stopped stands out."""
        return action == "keep"

    def text(self, frame: Frame | None, width: int) -> Sequence[Content]:
        """Return the result."""
        return render_outcome_rows(frame, width) if frame else []

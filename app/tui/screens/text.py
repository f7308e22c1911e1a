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
from widgets.header import Clock, HeaderRows, when
from widgets.parameters import written
from widgets.phase_table import how_it_ended, look
from widgets.rows import ScrolledRows, row
from widgets.text import fit, replace_controls, wrap
from widgets.view import View

HEADING = f"{styles.STRONG} {styles.INFO}"
LABEL, LONGEST_LABEL = 16, 32


def _field(width: int, name: str, text: str, style: str = "", label: int = LABEL) -> list[Content]:
    lines = wrap(text, width - label)
    return [
        row(width, (fit(name if i == 0 else "", label - 1) + " ", styles.QUIET), (line, style))
        for i, line in enumerate(lines)
    ]


def help_rows(of: Callable[[str], Sequence[Command]], here: str, width: int) -> list[Content]:
    """Return all keys, from where the operator is on, from their one table: `of` gives a screen's part."""
    rows = [row(width, ("Keys", HEADING), ("  your own: gonogo keys", styles.QUIET))]
    for name in sorted(SCREENS, key=lambda name: name != here):
        rows += [Content(), row(width, (SCREENS[name], styles.STRONG))]
        for command in of(name):
            rows.append(row(width, (f"  {fit(command.all_keys, 24)}", styles.INFO), (command.help, "")))
    return rows


def plan_rows(view: View, width: int) -> list[Content]:
    """Return the session, the phase that is looked at with all its attempts, and the other phases."""
    snapshot, money = view.snapshot, view.snapshot.money
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
    phase = view.phase
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
                ended = f"ended {when(attempt.ended, view.now)}  {how_it_ended(attempt)}"
            batch = f", batch {attempt.batch}" if attempt.batch > 1 else ""
            rows.append(
                row(width, (f"attempt {attempt.number}{batch}", styles.STRONG), (f"  {ended}", styles.QUIET))
            )
            label = min(LONGEST_LABEL, max((len(name) + 4 for name in attempt.parameters), default=0))
            for name, value in attempt.parameters.items():
                change = attempt.changed.get(name)
                mark = f"   was {written(change[0])}" if change else ""
                style = styles.WARN if change else ""
                rows += _field(width, f"  {name}", written(value) + mark, style, max(LABEL, label))
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


def decision_rows(view: View, width: int) -> list[Content]:
    """Return the decisions, the latest first, with reasons."""
    titles = {phase.id: phase.title for phase in view.snapshot.phases}
    rows = [row(width, ("Decisions", HEADING))]
    for decision in reversed(view.snapshot.decisions):
        verdict = styles.VERDICT_BADGES[decision.verdict]
        rows += [
            Content(),
            row(
                width,
                (f"{decision.kind.upper()} ", styles.STRONG),
                (f"after {titles.get(decision.phase, decision.phase)}, attempt {decision.attempt}", ""),
                right=[(f"{when(decision.at, view.now)}  {decision.by}", styles.QUIET)],
            ),
        ]
        overrides = "  overridden" if decision.overrides else ""
        rows += _field(width, "  verdict", f"{verdict.label}{overrides}", verdict.style)
        if decision.reason:
            rows += _field(width, "  reason", decision.reason)
        if decision.changes:
            rows += _field(
                width, "  changed", ", ".join(f"{n} = {written(v)}" for n, v in decision.changes.items())
            )
    if not view.snapshot.decisions:
        rows.append(row(width, ("none yet", styles.QUIET)))
    return rows


def outcome_rows(view: View, width: int) -> list[Content]:
    """Return what a session that is over found, and where its artifacts are."""
    snapshot = view.snapshot
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
    if view.outcome:
        rows += [Content(), *(Content(replace_controls(line)) for line in view.outcome)]
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

    def text(self, view: View | None, width: int) -> Sequence[Content]:
        """Return the page's rows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        text = self.text

        class Page(ScrolledRows):
            def text(self, view: View | None, width: int) -> Sequence[Content]:
                return text(view, width)

        yield HeaderRows()
        yield Clock()
        yield Page()
        yield self.key_bar()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod on the page that says when it is stopped alone."""
        return action != "keep" and super().check_action(action, parameters)

    def _plain(self) -> str:
        rows = self.text(self.view, self.query_one(ScrolledRows).size.width)
        return "\n".join(r.plain.rstrip() for r in rows) + "\n"

    def action_scroll_rows(self, count: int) -> None:
        """Scroll."""
        self.query_one(ScrolledRows).scroll_rows(count)

    def action_page(self, pages: int) -> None:
        """Scroll by a page."""
        self.query_one(ScrolledRows).scroll_pages(pages)

    def action_scroll_columns(self, count: int) -> None:
        """Scroll to the left or right."""
        self.query_one(ScrolledRows).scroll_columns(count)

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

    def text(self, view: View | None, width: int) -> Sequence[Content]:
        """Return the keys."""
        return help_rows(self.cockpit.commands, self._here, width)


class PlanScreen(TextScreen):
    """Plan and parameters."""

    name_of_text = "plan"

    def text(self, view: View | None, width: int) -> Sequence[Content]:
        """Return the plan."""
        return plan_rows(view, width) if view else []


class DecisionsScreen(TextScreen):
    """Decisions with reasons."""

    name_of_text = "decisions"

    def text(self, view: View | None, width: int) -> Sequence[Content]:
        """Return the decisions."""
        return decision_rows(view, width) if view else []


class OutcomeScreen(TextScreen):
    """What the session found."""

    name_of_text = "result"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to keep the pod while that means something."""
        return self.may_keep() if action == "keep" else super().check_action(action, parameters)

    def loud(self, action: str) -> bool:
        """That the pod is to be stopped stands out."""
        return action == "keep"

    def text(self, view: View | None, width: int) -> Sequence[Content]:
        """Return the result."""
        return outcome_rows(view, width) if view else []

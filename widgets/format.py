"""How numbers, times, money and states are written on the screen: one place, so that all screens agree."""

import math
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from app.session.snapshot import PhaseState, Range, SessionState, Verdict

# Names of theme colours that the cockpit's themes define (see app/tui/themes.py).
GOOD: Final = "$good"
WARN: Final = "$warn"
BAD: Final = "$bad"
INFO: Final = "$info"
QUIET: Final = "$quiet"
FAINT: Final = "$line"
STRONG: Final = "bold"

MINUTE, HOUR, DAY = 60, 3600, 86400
Value = int | float | str | bool | None


@dataclass
class Terminal:
    """What the terminal can show; set once, before the first screen is drawn."""

    ascii: bool = False


terminal: Final = Terminal()


@dataclass(frozen=True)
class Look:
    """How a state looks: always a word and a glyph beside the colour."""

    word: str
    glyph: str
    ascii_glyph: str
    style: str

    @property
    def sign(self) -> str:
        """The glyph that this terminal can show."""
        return self.ascii_glyph if terminal.ascii else self.glyph

    @property
    def words(self) -> str:
        """The sign and the word."""
        return f"{self.sign} {self.word}"


PHASE_LOOKS: Final[dict[PhaseState, Look]] = {
    "waiting": Look("waiting", "·", ".", QUIET),
    "running": Look("running", "▸", ">", INFO),
    "stopping": Look("stopping", "▪", "#", WARN),
    "gate": Look("gate", "◆", "?", WARN),
    "done": Look("done", "✓", "v", GOOD),
    "failed": Look("failed", "✗", "x", BAD),
    "skipped": Look("skipped", "-", "-", QUIET),
}
STALLED: Final = Look("stalled", "!", "!", BAD)
UNKNOWN: Final = Look("unknown", "?", "?", WARN)
"""When a phase that stalls will be over."""

SESSION_LOOKS: Final[dict[SessionState, Look]] = {
    "ready": Look("READY", "·", ".", INFO),
    "running": Look("RUNNING", "▸", ">", INFO),
    "gate": Look("GATE", "◆", "?", WARN),
    "finished": Look("FINISHED", "✓", "v", GOOD),
    "stopped": Look("STOPPED", "✗", "x", BAD),
}

VERDICT_LOOKS: Final[dict[Verdict, Look]] = {
    "go": Look("GO", "✓", "v", GOOD),
    "investigate": Look("INVESTIGATE", "!", "!", WARN),
    "stop": Look("STOP", "✗", "x", BAD),
}

CHECK_LOOKS: Final[dict[bool | None, Look]] = {
    True: Look("pass", "✓", "v", GOOD),
    False: Look("fail", "✗", "x", BAD),
    None: Look("n/a", "?", "?", WARN),
}


def missing_sign() -> str:
    """Return the mark of values that are NaN or infinite."""
    return "x" if terminal.ascii else "×"


def duration(seconds: float) -> str:
    """Return a duration as short as it is telling: `45s`, `3m20s`, `34m`, `1h10m`, `2d03h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}s"
    if whole < 10 * MINUTE:
        return f"{whole // MINUTE}m{whole % MINUTE:02}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return f"{whole // DAY}d{whole % DAY // HOUR:02}h"


def clock(seconds: float) -> str:
    """Return a running clock: `03:42:10`."""
    whole = max(0, int(seconds))
    return f"{whole // HOUR:02}:{whole % HOUR // MINUTE:02}:{whole % MINUTE:02}"


def _trim(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def hours(estimate: Range) -> str:
    """Return a range of hours in the unit that suits it: `2-4h`, `30-45m`, `20-40s`."""
    low, high = estimate.low * HOUR, estimate.high * HOUR
    unit, letter = next(
        (u, letter) for u, letter in ((HOUR, "h"), (MINUTE, "m"), (1, "s")) if high >= 1.5 * u or u == 1
    )
    if unit > 1 and low < 0.75 * unit:  # a share of the unit would round to nothing
        return f"{hours(Range(estimate.low, estimate.low))}-{round(high / unit)}{letter}"
    first, last = (_trim(v / unit) if unit == HOUR else str(round(v / unit)) for v in (low, high))
    return f"{first}{letter}" if first == last else f"{first}-{last}{letter}"


def seconds_range(span: Range) -> str:
    """Return a range of seconds as `1h05m-1h20m`, or one duration where both are the same."""
    first, last = duration(span.low), duration(span.high)
    return first if first == last else f"{first}-{last}"


def usd(amount: float) -> str:
    """Return money: `$0.99`."""
    return f"${amount:,.2f}"


def usd_round(amount: float) -> str:
    """Return money that was set, not measured: `$25`, `$7.50`."""
    return usd(amount).removesuffix(".00")


def usd_range(span: Range) -> str:
    """Return a range of money: `$11.20-13.90`."""
    first, last = f"{span.low:,.2f}", f"{span.high:,.2f}"
    return f"${first}" if first == last else f"${first}-{last}"


def gib(size: float) -> str:
    """Return bytes as a number of GiB, without the unit: `44.1`."""
    number = size / 2**30
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}"  # noqa: PLR2004 - three digits


def size(count: float) -> str:
    """Return bytes with a unit: `512 B`, `1.4 MB`, `64 GB` (decimal units, as for files)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:  # noqa: PLR2004 - three digits
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{_trim(count)} {unit}"  # noqa: PLR2004
        count /= 1000
    return f"{_trim(count)} TB"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with that many significant digits; what is not finite is `NaN`."""
    if value is None or not math.isfinite(value):
        return "NaN"
    if float(value).is_integer() and abs(value) < 1e7:  # noqa: PLR2004
        return f"{value:,.0f}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:.1e}" if "e" in text else text


def value(item: Value | list[Value]) -> str:
    """Return a metric's or parameter's value."""
    if item is None:
        return "none"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int | float):
        return number(item)
    if isinstance(item, list):
        return ", ".join(str(i) for i in item)
    return item


def metric(item: Value) -> str:
    """Return a metric; one that has no value was not finite when it was reported."""
    return "NaN" if item is None else value(item)


def steps(step: float) -> str:
    """Return a step for an axis: `950`, `1.2k`, `300k`, `1.5M`."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= limit:
            return _trim(step / limit) + unit
    return _trim(step) if abs(step) >= 1 or step == 0 else f"{step:.2g}"


def count(number_of: float, digits: int = 4) -> str:
    """Return how many of something there are, in few characters: `950`, `12,300`, `37.6M`, `2e+12`."""
    if abs(number_of) >= 1e9:  # noqa: PLR2004 - beyond what steps are written in
        return f"{number_of:.2g}"
    return steps(number_of) if abs(number_of) >= 1e5 else number(number_of, digits)  # noqa: PLR2004


def age(seconds: float) -> str:
    """Return how long ago something was: exact when fresh, coarse when old."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(0, int(seconds))} s ago"
    if seconds < MINUTE:
        return f"{int(seconds) // 5 * 5} s ago"
    return f"{duration(seconds // MINUTE * MINUTE).removesuffix('00s')} ago"


# What a terminal may obey instead of showing: C0 and C1 controls, and marks of reading direction.
_UNSAFE: Final = dict.fromkeys(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        0x200E,
        0x200F,
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ],
    "\N{REPLACEMENT CHARACTER}",
)


def plain(text: str) -> str:
    """Return the text with everything that a terminal could take for a command made visible."""
    return text.translate(_UNSAFE)


def sparse(text: str, width: int) -> str:
    """Return the text cut to a width in cells, the cut shown by an ellipsis."""
    if cell_len(text) <= width:
        return text
    end = "~" if terminal.ascii else "…"
    return set_cell_size(text, width - 1).rstrip() + end if width > 0 else ""


def fit(text: str, width: int) -> str:
    """Return the text cut or padded to exactly that many cells."""
    return set_cell_size(sparse(plain(text), width), width)


def more_rows(count: int) -> str:
    """Return how many rows are below."""
    return "1 more row" if count == 1 else f"{count} more rows"


def model_name(model: str) -> str:
    """Return the part of a model's name that tells it from others: `Qwen2.5-32B` of `Qwen/Qwen2.5-32B`."""
    return model.rstrip("/").rsplit("/", 1)[-1]

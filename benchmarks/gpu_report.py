"""From the rows of a GPU run to `docs/performance.md`: what was measured, and what a session would take."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu_cards import CARDS, Bound, CardSheet, sheet_of
from phases.scoring.suite import load_suite

Row = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """How much work the document's session is; what depends on the model is an assumption, and named.

    Attributes:
        rows: SFT examples.
        pairs: preference pairs.
        candidates: responses sampled for each prompt.
        suite: evaluation prompts.
        response: mean tokens of a response.
        accepted: share of the instructions, and of the responses, that pass the filters.
        decided: share of the prompts that give a pair.
        judged: share of the prompts that the judge has to see, three pairs each.
        row: tokens of a training row.
        epochs: of both trainings.
        load: seconds to read 61 GiB of weights from a local disk, at 1 GiB/s.
    """

    rows: int = 5_000
    pairs: int = 10_000
    candidates: int = 4
    suite: int = field(default_factory=lambda: len(load_suite("stage1").prompts))
    response: int = 100
    accepted: float = 0.5
    decided: float = 0.5
    judged: float = 0.3
    row: int = 150
    epochs: int = 3
    load: float = 61.0


@dataclass(frozen=True)
class Speeds:
    """What a card does: tokens a second, pairs judged a second, and seconds of an engine's start."""

    few_shot: float
    candidates: float
    judged: float
    sft: float
    dpo: float
    start: float
    verification: float


def read(paths: Iterable[Path]) -> list[Row]:
    """Read rows."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines() if line.strip()]


def table(rows: Sequence[Row]) -> str:
    """Return the measurements as a Markdown table."""
    lines = [
        "| what | how | rate | ceiling | of it | peak | took | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        rate, unit = _rate(row)
        ceiling = row.get("ceiling")
        cells = [
            row["what"],
            row.get("engine") or row.get("section", ""),
            f"{rate:,.0f} {unit}" if rate else "",
            f"{ceiling:,.0f}" if ceiling else "",
            f"{rate / ceiling:.0%}" if rate and ceiling else "",
            f"{row['peak_gib']:.1f} GiB" if row.get("peak_gib") else "",
            f"{row['seconds']:.0f} s" if row.get("seconds") else "",
            str(row.get("note") or ""),
        ]
        lines.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def memory_table(rows: Sequence[Row]) -> str:
    """Return predicted and measured peaks of memory as a Markdown table."""
    lines = ["| what | how | predicted | measured | off by |", "|---|---|---:|---:|---:|"]
    for row in rows:
        predicted, measured = row.get("predicted_gib"), row.get("peak_gib")
        if predicted and measured:
            lines.append(
                f"| {row['what']} | {row.get('engine', '')} | {predicted:.1f} GiB | {measured:.1f} GiB "
                f"| {predicted / measured - 1:+.0%} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "The run has no such rows."


def _rate(row: Row) -> tuple[float | None, str]:
    for name, unit in (("tokens_per_second", "tok/s"), ("pairs_per_second", "pairs/s")):
        if row.get(name):
            return row[name], unit
    return None, ""


def _best(rows: Sequence[Row], what: str, engine: str, gpus: int = 1) -> Row | None:
    """Return the fastest row of a kind; 8-bit weights, which no phase takes unasked, are left out."""
    found = [
        row
        for row in rows
        if what in row["what"]
        and engine in row.get("engine", "")
        and "fp8" not in row.get("engine", "")
        and row.get("gpus", 1) == gpus
        and _rate(row)[0]
    ]
    return max(found, key=lambda r: _rate(r)[0] or 0.0, default=None)


def by_device(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each device, in the order in which they came."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.get("device") or "an unknown device", []).append(row)
    return found


def _most_alike(rows: Sequence[Row], card: CardSheet) -> list[list[Row]]:
    """Return the rows of each device: first those of the card itself, then of cards of about its memory."""

    def unlike(device: str) -> tuple[bool, float]:
        sheet = sheet_of(device)
        return sheet != card, abs(sheet.gib - card.gib) if sheet else float("inf")

    devices = by_device(rows)
    return [devices[device] for device in sorted(devices, key=unlike)]


def aims(rows: Sequence[Row]) -> str:
    """Return what was to be reached, as ratios within the rows, and what was, as a Markdown table."""

    def ratio(one: tuple[str, str], other: tuple[str, str]) -> float | None:
        above, below = _best(rows, *one), _best(rows, *other)
        return (_rate(above)[0] or 0.0) / (_rate(below)[0] or 1.0) if above and below else None

    few, several, naive = ("few-shot answers", "ours"), ("candidates a prompt", "ours"), "generate"
    sft = _best(rows, "SFT", "ours")
    of_ceiling = (_rate(sft)[0] or 0.0) / sft["ceiling"] if sft and sft.get("ceiling") else None
    found: tuple[tuple[str, float | None, float], ...] = (
        ("few-shot answers, against plain generate", ratio(few, (few[0], naive)), 10.0),
        ("few-shot answers, against vLLM's own loop", ratio(few, (few[0], "its own loop")), 0.9),
        ("4 candidates with the adapter, against plain generate", ratio(several, (few[0], naive)), 10.0),
        ("judging, against plain generate", ratio(("judged", "ours"), ("judged", naive)), 5.0),
        ("SFT, against padded rows and whole logits", ratio(("SFT", "ours"), ("SFT", "naive")), 1.5),
        ("SFT, of the ceiling", of_ceiling, 0.55),
        ("DPO, against TRL's defaults", ratio(("DPO", "ours"), ("DPO", "naive")), 1.5),
    )
    for count in sorted({row["gpus"] for row in rows if row.get("gpus", 1) > 1}):
        alone = [row for row in rows if row.get("gpus") == 1]  # of the same run
        for said, what in (("SFT", "SFT"), ("4 candidates with the adapter", "candidates a prompt")):
            one, all_of_them = _best(alone, what, "ours"), _best(rows, what, "ours", count)
            gain = (_rate(all_of_them)[0] or 0.0) / (_rate(one)[0] or 1.0) if one and all_of_them else None
            found += ((f"{said}, {count} GPUs against one", gain, 0.95 * count),)
    lines = ["| what | measured | at least | |", "|---|---:|---:|---|"]
    for what, value, aim in found:
        if value is None:
            lines.append(f"| {what} | | {aim:g}x | not measured |")
        else:
            said = "reached" if value >= aim else f"{1 - value / aim:.0%} short"
            lines.append(f"| {what} | {value:.2f}x | {aim:g}x | {said} |")
    return "\n".join(lines)


def speeds(rows: Sequence[Row], card: CardSheet, *, naive: bool = False) -> Speeds | None:
    """Return what a card would do, or None where rows lack: by its own, or those of the card most like it.

    Generation scales as the ceilings of the two cards, training and judging as their arithmetic.
    """
    alike = _most_alike(rows, card)

    def best(what: str, engine: str) -> Row | None:
        return next((found for some in alike if (found := _best(some, what, engine))), None)

    def scaled(row: Row | None) -> float | None:
        here = sheet_of(row["device"]) if row else None
        if row is None or here is None:
            return None
        rate = _rate(row)[0] or 0.0
        if row.get("bound_by"):
            bound = Bound(**row["bound_by"])
            return rate * bound.tokens_per_second(card) / bound.tokens_per_second(here)
        return rate * card.flops / here.flops

    wanted = "naive" if naive else "ours"
    slow = best("few-shot answers", "generate")
    answers = slow if naive else best("few-shot answers", "ours")
    several = slow if naive else best("candidates a prompt", "ours")
    in_both_orders = (best("judged", "generate") if naive else None) or best("judged", "ours")
    found = [
        scaled(row)
        for row in (
            answers,
            several,
            in_both_orders,
            best("SFT", wanted),
            best("DPO", wanted),
            slow,
        )
    ]
    started = next((r["seconds"] for some in alike for r in some if r["what"] == "start of the engine"), 0.0)
    if any(value is None for value in found):
        return None
    few_shot, candidates, judged, sft, dpo, verification = (value or 0.0 for value in found)
    return Speeds(few_shot, candidates, judged, sft, dpo, 0.0 if naive else started, verification)


def hours(session: Session, speed: Speeds) -> dict[str, float]:
    """Return the hours of each phase."""
    s = session
    ready = s.load + speed.start
    answers = s.suite * s.response
    responses = s.rows / s.accepted
    listed = responses / s.accepted * 40  # tokens of an instruction in a list, its label included
    prompts = s.pairs / s.decided
    seconds = {
        "verification": s.load + 100 * s.response / speed.verification,
        "baseline_evaluation": ready + 2 * answers / speed.few_shot,
        "sft_data": ready + (listed + responses * s.response) / speed.few_shot,
        "sft_training": s.load + s.rows * s.row * s.epochs / speed.sft,
        "sft_evaluation": ready + answers / speed.candidates,
        "preference_pairs": ready
        + prompts * s.candidates * s.response / speed.candidates
        + 3 * s.judged * prompts / speed.judged,
        "dpo_training": s.load + 2 * s.pairs * s.row * s.epochs / speed.dpo,
        "dpo_evaluation": ready + answers / speed.candidates,
        "comparison": 60.0,
    }
    return {name: value / 3600 for name, value in seconds.items()}


def document(rows: Sequence[Row], usd_per_hour: Mapping[str, float], session: Session | None = None) -> str:
    """Return the page: measurements, and the session's hours and dollars on three cards."""
    session = session or Session()
    devices = by_device(rows)
    parts = [
        "# Performance",
        "Written by `python -m benchmarks.gpu report` from the rows of runs (`docs/performance.jsonl`, where "
        "`source` says which are not as a run wrote them); nothing here is typed by hand. Random weights of "
        "the named shape, but a small model's own. The ceiling is what the card's data sheet allows: every "
        "step reads the weights and the cache, every prompt is multiplied.",
        *(part for device, some in devices.items() for part in _of_device(device, some)),
        "## Memory",
        "What `gonogo check --gpu` predicts (`app/memory/formulas.py`), beside the measured peak: what torch "
        "holds, without CUDA itself. vLLM takes all that it may for its cache: predicted is its share of the "
        "card, measured what is in use there.",
        *(f"{device}:\n\n{memory_table(some)}" for device, some in devices.items()),
        "## A whole session",
        _session_table(rows, usd_per_hour, session),
        "Assumed: " + ", ".join(f"{k} {v:g}" for k, v in vars(session).items()) + " (`Session` in "
        "`benchmarks/gpu_report.py` says what each is). What was not measured on a card is scaled from the "
        "one most like it: generation by the ceilings of both, training and judging by arithmetic. "
        "An A100 cannot record whole steps (`docs/engines.md`) and may generate slower than that. "
        "Where judging as first written was not measured at all, it is taken to be as fast as "
        "ours. What each phase of a small model's session took: `docs/results/gemma-3-270m/`. "
        + "; ".join(f"{c.name}: {c.source}" for c in CARDS.values()),
    ]
    return "\n\n".join(parts)


def _of_device(device: str, rows: Sequence[Row]) -> list[str]:
    dates = sorted({row["date"] for row in rows if row.get("date")})
    shapes = sorted({row["shape"] for row in rows if row.get("shape")})
    about = ", ".join([*shapes, *dates])
    return [
        f"## {device}",
        *([about] if about else []),
        table(rows),
        "As ratios, 8-bit weights left out:",
        aims(rows),
    ]


def _session_table(rows: Sequence[Row], usd_per_hour: Mapping[str, float], session: Session) -> str:
    columns: dict[str, dict[str, float]] = {}
    for key, card in CARDS.items():
        for naive in (True, False):
            if speed := speeds(rows, card, naive=naive):
                columns[f"{key}, {'as first written' if naive else 'gonogo'}"] = hours(session, speed)
    if not columns:
        return "Not predicted: the run lacks rows of generation or training."
    lines = ["| hours | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for phase in next(iter(columns.values())):
        lines.append(
            f"| {phase} | " + " | ".join(f"{column[phase]:.2f}" for column in columns.values()) + " |"
        )
    sums = {name: sum(column.values()) for name, column in columns.items()}
    lines.append("| **sum** | " + " | ".join(f"**{value:.1f}**" for value in sums.values()) + " |")
    prices = {name: usd_per_hour.get(name.split(",")[0]) for name in columns}
    dollars = [f"${price * sums[name]:.2f}" if price else "no price given" for name, price in prices.items()]
    lines.append(
        "| at "
        + ", ".join(f"{k} ${v:g}/h" for k, v in usd_per_hour.items())
        + " | "
        + " | ".join(dollars)
        + " |"
    )
    return "\n".join(lines)

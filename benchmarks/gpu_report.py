"""Renders the rows of GPU benchmarks as `docs/performance.md`: measurements, and the predicted session."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu_cards import CARDS, PRICES_SEEN, Bound, CardSheet, find_card
from phases.scoring.suite import load_suite

Row = dict[str, Any]

DPO_EPOCHS: Final = (1, 3)
"""The plan's epochs, and the most that the session document recommends."""
TRAINED: Final = ("SFT", "DPO")
"""The kinds of rows that measure training."""


@dataclass(frozen=True)
class SessionWorkload:
    """The work of a Stage 1 session; values that depend on the model are assumptions.

    Attributes:
        rows: SFT examples.
        pairs: preference pairs.
        candidates: responses sampled for each prompt.
        suite: evaluation prompts.
        response: mean tokens of a response.
        accepted: share of the instructions, and of the responses, that pass the filters.
        decided: share of the prompts that yield a pair.
        judged: share of the prompts that need the judge, with three pairs each.
        row: tokens of a training row.
        sft_epochs: epochs of SFT.
        dpo_epochs: epochs of DPO.
        held_out: passes over all rows that the held-out evaluations of a training take together: 11 of 5 %.
        load: seconds to read 61 GiB of weights from a local disk at 1 GiB/s.
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
    sft_epochs: int = 3
    dpo_epochs: int = 1
    held_out: float = 11 * 0.05
    load: float = 61.0


@dataclass(frozen=True)
class CardSpeeds:
    """Speeds of a card: tokens per second, judged pairs per second, and seconds to start an engine.

    `forward` is that of passes without gradients: held-out evaluations, and the reference of DPO unless it is
    computed in each step.
    """

    few_shot: float
    candidates: float
    judged: float
    sft: float
    dpo: float
    start: float
    verification: float
    forward: float
    has_reference_pass: bool = True


def load_rows(paths: Iterable[Path]) -> list[Row]:
    """Return the rows of several files."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines() if line.strip()]


def format_measurements(rows: Sequence[Row]) -> str:
    """Return the measurements as a Markdown table."""
    lines = [
        "| what | how | rate | ceiling | of it | peak | took | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        rate, unit = _find_rate(row)
        ceilings = find_ceilings(row)
        cells = [
            row["what"],
            row.get("engine") or row.get("section", ""),
            f"{rate:,.0f} {unit}" if rate else "",
            " / ".join(f"{ceiling:,.0f}" for ceiling in ceilings),
            " / ".join(f"{rate / ceiling:.0%}" for ceiling in ceilings) if rate else "",
            f"{row['peak_gib']:.1f} GiB" if row.get("peak_gib") else "",
            f"{row['seconds']:.0f} s" if row.get("seconds") else "",
            str(row.get("note") or ""),
        ]
        lines.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


def find_ceilings(row: Row) -> list[float]:
    """Return a row's ceilings; for training that without recomputation and, where it differs, with it."""
    ceiling = row.get("ceiling")
    if not ceiling:
        return []
    if row["what"] not in TRAINED:
        return [ceiling]
    if "ceiling_recomputed" in row:
        recomputed = row["ceiling_recomputed"]
    else:
        # Until 2026-11-29 rows had the ceiling of 6N operations a token, with all layers recomputed.
        notes = {"recomputing: off": 4, "recomputing: every second layer": 5}
        operations = next((count for text, count in notes.items() if text in row.get("note", "")), 6)
        recomputed, ceiling = ceiling * 6 / operations, ceiling * 6 / 4
    return [ceiling] if recomputed == ceiling else [ceiling, recomputed]


def format_memory(rows: Sequence[Row]) -> str:
    """Return predicted and measured memory peaks as a Markdown table."""
    lines = ["| what | how | predicted | measured | off by |", "|---|---|---:|---:|---:|"]
    for row in rows:
        predicted, measured = row.get("predicted_gib"), row.get("peak_gib")
        if predicted and measured:
            lines.append(
                f"| {row['what']} | {row.get('engine', '')} | {predicted:.1f} GiB | {measured:.1f} GiB "
                f"| {predicted / measured - 1:+.0%} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "No rows."


def _find_rate(row: Row) -> tuple[float | None, str]:
    for name, unit in (("tokens_per_second", "tok/s"), ("pairs_per_second", "pairs/s")):
        if row.get(name):
            return row[name], unit
    return None, ""


def _find_fastest(rows: Sequence[Row], what: str, engine: str, gpus: int = 1) -> Row | None:
    """Return the fastest row of a kind, without 8-bit weights, which no phase selects by itself.

    Training counts with the row lengths of the session.
    """
    candidates = [
        row
        for row in rows
        if what in row["what"]
        and engine in row.get("engine", "")
        and "fp8" not in row.get("engine", "")
        and row.get("gpus", 1) == gpus
        and row.get("lengths", "session") == "session"
        and _find_rate(row)[0]
    ]
    return max(candidates, key=lambda row: _find_rate(row)[0] or 0.0, default=None)


def group_by_device(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each device in their original order."""
    devices: dict[str, list[Row]] = {}
    for row in rows:
        devices.setdefault(row.get("device") or "an unknown device", []).append(row)
    return devices


def _sort_by_similarity(rows: Sequence[Row], card: CardSheet) -> list[list[Row]]:
    """Return the rows of each device: the card itself first, then cards with similar memory."""

    def measure_distance(device: str) -> tuple[bool, float]:
        sheet = find_card(device)
        return sheet != card, abs(sheet.gib - card.gib) if sheet else float("inf")

    devices = group_by_device(rows)
    return [devices[device] for device in sorted(devices, key=measure_distance)]


def format_targets(rows: Sequence[Row]) -> str:
    """Return target and measured ratios within the rows as a Markdown table."""

    def measure_ratio(ours: tuple[str, str], theirs: tuple[str, str]) -> float | None:
        return _compute_ratio(_find_fastest(rows, *ours), _find_fastest(rows, *theirs))

    few, several, naive = ("few-shot answers", "ours"), ("candidates a prompt", "ours"), "generate"
    sft = _find_fastest(rows, "SFT", "ours")
    of_ceiling = (_find_rate(sft)[0] or 0.0) / find_ceilings(sft)[0] if sft and sft.get("ceiling") else None
    targets: list[tuple[str, float | None, float]] = [
        ("few-shot answers, against plain generate", measure_ratio(few, (few[0], naive)), 10.0),
        ("few-shot answers, against vLLM's own loop", measure_ratio(few, (few[0], "its own loop")), 0.9),
        (
            "4 candidates with the adapter, against plain generate",
            measure_ratio(several, (few[0], naive)),
            10.0,
        ),
        ("judging, against plain generate", measure_ratio(("judged", "ours"), ("judged", naive)), 5.0),
        ("SFT, against padded rows and whole logits", measure_ratio(("SFT", "ours"), ("SFT", "naive")), 1.5),
        ("SFT, of the ceiling", of_ceiling, 0.55),
        ("DPO, against TRL's defaults", measure_ratio(("DPO", "ours"), ("DPO", "naive")), 1.5),
    ]
    single_gpu = [row for row in rows if row.get("gpus") == 1]  # only of scaling runs
    for count in sorted({row["gpus"] for row in rows if row.get("gpus", 1) > 1}):
        titles = (("SFT", "SFT"), ("DPO", "DPO"), ("4 candidates with the adapter", "candidates a prompt"))
        for title, what in titles:
            speed_up = _compute_ratio(
                _find_fastest(rows, what, "ours", count), _find_fastest(single_gpu, what, "ours")
            )
            targets.append((f"{title}, {count} GPUs against one", speed_up, 0.95 * count))
    lines = ["| what | measured | at least | |", "|---|---:|---:|---|"]
    for what, value, target in targets:
        if value is None:
            lines.append(f"| {what} | | {target:g}x | not measured |")
        else:
            outcome = "reached" if value >= target else f"{1 - value / target:.0%} short"
            lines.append(f"| {what} | {value:.2f}x | {target:g}x | {outcome} |")
    return "\n".join(lines)


def _compute_ratio(ours: Row | None, theirs: Row | None) -> float | None:
    if ours is None or theirs is None:
        return None
    return _read_work_rate(ours) / (_read_work_rate(theirs) or 1.0)


def _read_work_rate(row: Row) -> float:
    """Return a rate at which work is done: a pair whose prompt is computed once counts as its two rows."""
    return float(row.get("both_rows_per_second") or _find_rate(row)[0] or 0.0)


def predict_speeds(rows: Sequence[Row], card: CardSheet, *, naive: bool = False) -> CardSpeeds | None:
    """Return the speeds of a card, from its own rows or those of other cards; None without rows.

    Generation comes from the most similar card, scaled by the ceilings of both. Training comes from the
    fastest measurement that fits the card's memory, scaled by the arithmetic of both: the same code runs on
    each card, and older rows of a card can be of slower code.
    """
    devices = _sort_by_similarity(rows, card)

    def scale(row: Row | None) -> float | None:
        measured_on = find_card(row["device"]) if row else None
        if row is None or measured_on is None:
            return None
        rate = _read_work_rate(row)
        if row.get("bound_by"):
            bound = Bound(**row["bound_by"])
            return rate * bound.compute_tokens_per_second(card) / bound.compute_tokens_per_second(measured_on)
        return rate * card.flops / measured_on.flops

    def find_on_similar_card(what: str, engine: str) -> Row | None:
        fastest = (_find_fastest(device_rows, what, engine) for device_rows in devices)
        return next((row for row in fastest if row), None)

    def find_training_rate(what: str, engine: str) -> float | None:
        fitting = [row for row in rows if (row.get("limit_gib") or row.get("peak_gib") or 0.0) <= card.gib]
        fastest = (
            _find_fastest(device_rows, what, engine) for device_rows in group_by_device(fitting).values()
        )
        return max((rate for row in fastest if (rate := scale(row))), default=None)

    plain_answers = find_on_similar_card("few-shot answers", "generate")
    if naive:
        few_shot = scale(plain_answers)
        candidates = few_shot
        judged = scale(find_on_similar_card("judged", "generate") or find_on_similar_card("judged", "ours"))
        training = "naive"
        start = 0.0
    else:
        few_shot = scale(find_on_similar_card("few-shot answers", "ours"))
        candidates = scale(find_on_similar_card("candidates a prompt", "ours"))
        judged = scale(find_on_similar_card("judged", "ours"))
        training = "ours"
        start = next(
            (row["seconds"] for rows_ in devices for row in rows_ if row["what"] == "start of the engine"),
            0.0,
        )
    sft, dpo = find_training_rate("SFT", training), find_training_rate("DPO", training)
    verification = scale(plain_answers)
    if (
        few_shot is None
        or candidates is None
        or judged is None
        or sft is None
        or dpo is None
        or verification is None
    ):
        return None
    reference = None if naive else find_training_rate("reference log-probabilities", "ours")
    # A forward pass takes half of the operations of a step with frozen weights.
    forward = reference or 2 * sft
    return CardSpeeds(
        few_shot, candidates, judged, sft, dpo, start, verification, forward, reference is not None
    )


def predict_hours(session: SessionWorkload, speed: CardSpeeds) -> dict[str, float]:
    """Return the hours of each phase."""
    s = session
    start = s.load + speed.start
    answers = s.suite * s.response
    responses = s.rows / s.accepted
    instructions = responses / s.accepted * 40  # tokens per instruction, with its label
    prompts = s.pairs / s.decided
    sft_tokens, dpo_tokens = s.rows * s.row, 2 * s.pairs * s.row
    reference_passes = 1 if speed.has_reference_pass else 0
    seconds = {
        "verification": s.load + 100 * s.response / speed.verification,
        "baseline_evaluation": start + 2 * answers / speed.few_shot,
        "sft_data": start + (instructions + responses * s.response) / speed.few_shot,
        "sft_training": s.load + sft_tokens * (s.sft_epochs / speed.sft + s.held_out / speed.forward),
        "sft_evaluation": start + answers / speed.candidates,
        "preference_pairs": start
        + prompts * s.candidates * s.response / speed.candidates
        + 3 * s.judged * prompts / speed.judged,
        "dpo_training": s.load
        + dpo_tokens * (s.dpo_epochs / speed.dpo + (s.held_out + reference_passes) / speed.forward),
        "dpo_evaluation": start + answers / speed.candidates,
        "comparison": 60.0,
    }
    return {name: value / 3600 for name, value in seconds.items()}


def format_page(rows: Sequence[Row], session: SessionWorkload | None = None) -> str:
    """Return the page: measurements, and the hours and dollars of a session on three cards."""
    session = session or SessionWorkload()
    devices = group_by_device(rows)
    parts = [
        "# Performance",
        "This page shows how fast gonogo generates and trains on each card, and predicts the duration and "
        "cost of a session. To measure your own card, run `python -m benchmarks.gpu all --out rows.jsonl`, "
        "then `python -m benchmarks.gpu report rows.jsonl`.",
        "The page is generated from `docs/performance.jsonl`; `source` in a row tells if it was not written "
        "by a run. Models have random weights of the named shape; small models have their own. The ceiling "
        "of generation follows from the card's data sheet: each step reads the weights and the cache, each "
        "prompt is multiplied. That of training is 790 TFLOP/s over 4N operations a token, because the "
        "weights are frozen; after a slash 2N are added for the layers that recompute.",
    ]
    for device, device_rows in devices.items():
        parts += _format_device(device, device_rows)
    parts += [
        "## Memory",
        "The prediction of `gonogo check --gpu` (`app/memory/formulas.py`) against the measured peak of "
        "torch, without CUDA itself. vLLM fills its share of the card with its cache, so its prediction is "
        "that share, and its measurement is the memory in use on the card.",
    ]
    parts += [f"{device}:\n\n{format_memory(device_rows)}" for device, device_rows in devices.items()]
    assumptions = ", ".join(f"{name} {value:g}" for name, value in vars(session).items())
    parts += [
        "## A complete session",
        _format_session(rows, session),
        f"Assumptions: {assumptions} (`SessionWorkload` in `benchmarks/gpu_report.py` explains each). "
        "Speeds of generation that were not measured on a card are those of the most similar one, scaled "
        "by the ceilings of both. Speeds of training are those of the fastest measurement that fits the "
        "card's memory, scaled by the arithmetic in the data sheets. An A100 cannot record complete "
        "steps (`docs/engines.md`) and may generate more slowly. The baseline is plain `generate` and TRL's "
        "defaults; if its judging was not measured, it is assumed to be as fast as ours. The duration of "
        "each phase of a small model's session is in `docs/results/gemma-3-270m/`. "
        + "; ".join(f"{card.name}: {card.source}" for card in CARDS.values()),
    ]
    return "\n\n".join(parts)


def _format_device(device: str, rows: Sequence[Row]) -> list[str]:
    dates = sorted({row["date"] for row in rows if row.get("date")})
    shapes = sorted({row["shape"] for row in rows if row.get("shape")})
    caption = ", ".join([*shapes, *dates])
    return [
        f"## {device}",
        *([caption] if caption else []),
        format_measurements(rows),
        "Ratios, without 8-bit weights:",
        format_targets(rows),
    ]


def _format_session(rows: Sequence[Row], session: SessionWorkload) -> str:
    """Return the hours of each phase, and the sums and dollars with one and with three epochs of DPO."""
    speeds: dict[str, CardSpeeds] = {}
    prices: dict[str, tuple[float, float]] = {}
    for key, card in CARDS.items():
        for naive in (True, False):
            if speed := predict_speeds(rows, card, naive=naive):
                name = f"{key}, {'baseline' if naive else 'gonogo'}"
                speeds[name], prices[name] = speed, card.usd_per_hour
    if not speeds:
        return "Not predicted: rows of generation or training are missing."
    lines = ["| hours | " + " | ".join(speeds) + " |", "|---|" + "---:|" * len(speeds)]

    def add(title: str, cells: Iterable[str]) -> None:
        lines.append(f"| {title} | " + " | ".join(cells) + " |")

    columns = {name: predict_hours(session, speed) for name, speed in speeds.items()}
    for phase in next(iter(columns.values())):
        add(phase, (f"{column[phase]:.2f}" for column in columns.values()))
    for epochs in DPO_EPOCHS:
        longer = replace(session, dpo_epochs=epochs)
        totals = {name: sum(predict_hours(longer, speed).values()) for name, speed in speeds.items()}
        ending = f", DPO for {epochs} {'epochs' if epochs > 1 else 'epoch'}"
        add(f"**sum{ending}**", (f"**{value:.1f}**" for value in totals.values()))
        add(f"cost{ending}", (_format_cost(prices[name], hours) for name, hours in totals.items()))
    quoted = ", ".join(f"{card.name} {_format_range(card.usd_per_hour)} an hour" for card in CARDS.values())
    return "\n".join(lines) + f"\n\nPrices of one GPU, {PRICES_SEEN}: {quoted}."


def _format_cost(usd_per_hour: tuple[float, float], hours: float) -> str:
    return _format_range((usd_per_hour[0] * hours, usd_per_hour[1] * hours))


def _format_range(usd: tuple[float, float]) -> str:
    low, high = (f"${value:.2f}" for value in usd)
    return low if low == high else f"{low} to {high}"

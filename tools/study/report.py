"""The results of a study, merged into a few files."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.comparison.contrasts import RULES
from phases.comparison.halves import Half, open_halves
from phases.comparison.spec import FEW_SHOT
from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import replace_not_finite
from phases.contract.versions import list_installed_versions
from phases.scoring.results import check_comparable, find_newest_evaluation, read_evaluation
from tools.study.schedule import Schedule
from tools.study.seed_stats import SeedContrast, SeedInterval, compare_seeds, estimate_over_seeds
from tools.study.tasks import ARMS, BASE, SFT, Study

CONTRASTS: Final = (
    (FEW_SHOT, SFT),
    (FEW_SHOT, "dpo"),
    (SFT, "dpo"),
    (SFT, "chosen"),
    ("chosen", "dpo"),
    (SFT, "swapped"),
    ("swapped", "dpo"),
)
NAMES: Final = {
    BASE: "base",
    FEW_SHOT: "base, after solved examples",
    SFT: "SFT",
    "dpo": "DPO",
    "chosen": "control: chosen answers alone",
    "swapped": "control: swapped labels",
}
RATES: Final = {"following_": "following", "stopping_": "stopping", "": "both"}
_TRAINING_METRICS: Final = (
    "steps",
    "delivered_step",
    "heldout_loss_first",
    "heldout_loss_min",
    "heldout_loss_final",
    "heldout_accuracy",
    "heldout_margin",
)

Answers = Mapping[tuple[str, int | None], Sequence[Any]]
"""Answers to a half, by arm and seed."""


def write_results(study: Study, schedule: Schedule, folder: Path) -> None:
    """Write what is finished: `study.md` and `study.json`, the comparison, answers, rows and logs."""
    folder.mkdir(parents=True, exist_ok=True)
    problem = ""
    try:
        halves = _open_halves(study, schedule)
    except BadInputError as error:  # a study that was continued with other code; its rows and logs are kept
        halves, problem = (), f"The evaluations cannot be compared: {error}."
    tables = {half.title: _summarize_half(study, half) for half in halves}
    tasks = {task.name: _describe_task(schedule, task) for task in schedule.tasks}
    summary = {
        "problem": problem,
        "unfinished": schedule.list_unfinished(),
        "seeds": list(study.seeds),
        "versions": list_installed_versions(),
        "halves": tables,
        "tasks": tasks,
    }
    files.write_json(folder / "study.json", summary)
    files.write_atomically(folder / "study.md", _format_report(summary))
    comparison = study.folder / "comparison" / "comparison.txt"
    if comparison.is_file():
        files.write_atomically(folder / "comparison.txt", comparison.read_bytes())
    answers = [
        {"half": half.title, "model": name, **msgspec.to_builtins(answer)}
        for half in halves
        for name, half_answers in half.answers.items()
        for answer in half_answers
    ]
    _write_rows(folder / "answers.jsonl.gz", answers)
    rows = [
        {"kind": kind, **row}
        for kind, pattern in (("sft", "sft_data/sft_training_data_*"), ("pair", "pairs/preference_pairs_*"))
        for path in sorted(study.folder.glob(f"{pattern}.jsonl"))
        for row in files.read_rows(path)
    ]
    _write_rows(folder / "rows.jsonl.gz", rows)
    logs = [
        f"===== {task.name}\n{schedule.log_path(task).read_text(errors='replace')}"
        for task in schedule.tasks
        if schedule.log_path(task).is_file()
    ]
    files.write_atomically(folder / "logs.txt.gz", gzip.compress("\n".join(logs).encode()))


def _open_halves(study: Study, schedule: Schedule) -> tuple[Half, ...]:
    """Return the halves of the suite with the answers of all models that are evaluated already."""
    finished = {task.name for task in schedule.tasks if schedule.is_finished(task)}
    models = [(BASE, None), *study.list_models()]
    names = {(arm, seed): arm if seed is None else f"{arm}-{seed}" for arm, seed in models}
    paths = {
        names[arm, seed]: find_newest_evaluation([study.find_evaluation(arm, seed)])
        for arm, seed in models
        if f"evaluation-{names[arm, seed]}" in finished
    }
    if BASE not in paths:
        return ()
    evaluations = {name: read_evaluation(path) for name, path in paths.items()}
    check_comparable(list(paths.values()), list(evaluations.values()))
    return open_halves(paths, evaluations)


def _summarize_half(study: Study, half: Half) -> dict[str, Any]:
    """Return rates, contrasts and rates by category of a half."""
    by_arm = {
        arm: [half.answers[f"{arm}-{seed}"] for seed in study.seeds if f"{arm}-{seed}" in half.answers]
        for arm in (SFT, *ARMS)
    }
    constant = {name: [half.answers[name]] for name in (BASE, FEW_SHOT) if name in half.answers}
    groups = {name: answers for name, answers in {**constant, **by_arm}.items() if answers}
    categories = list(dict.fromkeys(answer.category for answer in half.answers[BASE]))
    return {
        "suite": msgspec.to_builtins(half.suite),
        "prompts": len(half.answers[BASE]),
        "rates": {
            name: {rule: _estimate_rate(answers, rule) for rule in RULES} for name, answers in groups.items()
        },
        "categories": {
            name: {
                category: _estimate_rate(
                    [[a for a in model if a.category == category] for model in answers], "following_"
                )
                for category in categories
            }
            for name, answers in groups.items()
        },
        "contrasts": [
            {"first": first, "second": second, **_describe_contrast(contrast)}
            for first, second in CONTRASTS
            if (contrast := _compare_arms(study, half, first, second)) is not None
        ],
    }


def _estimate_rate(models: Sequence[Sequence[Any]], rule: str) -> dict[str, Any]:
    rates = [sum(map(RULES[rule], answers)) / len(answers) for answers in models]
    return {"by_seed": rates, **_describe_interval(estimate_over_seeds(rates))}


def _compare_arms(study: Study, half: Half, first: str, second: str) -> SeedContrast | None:
    """Return the contrast of two arms on following, seed by seed, or None without answers of both.

    DPO and its controls are compared with the SFT model from which they all start.
    """
    pairs = []
    for seed in study.seeds:
        before = {FEW_SHOT: FEW_SHOT, SFT: f"{SFT}-{study.seeds[0]}"}.get(first, f"{first}-{seed}")
        after = f"{second}-{seed}"
        if {before, after} <= half.answers.keys():
            pairs.append((half.answers[before], half.answers[after]))
    if not pairs:
        return None
    holds = RULES["following_"]
    return compare_seeds(
        [[holds(answer) for answer in before] for before, _ in pairs],
        [[holds(answer) for answer in after] for _, after in pairs],
    )


def _describe_contrast(contrast: SeedContrast) -> dict[str, Any]:
    return {
        **asdict(contrast),
        "over_seeds": _describe_interval(contrast.over_seeds),
        "shown": contrast.is_shown,
    }


def _describe_interval(interval: SeedInterval) -> dict[str, float | None]:
    """Return an interval for JSON, which has no NaN."""
    return {name: replace_not_finite(value) for name, value in asdict(interval).items()}


def _describe_task(schedule: Schedule, task: Any) -> dict[str, Any]:
    record = schedule.read_record(task)
    result = schedule.locate_result(task)
    return {
        "argv": list(task.argv),
        "finished": schedule.is_finished(task),
        "seconds": record.seconds if record else None,
        "metrics": json.loads(result.read_bytes())["metrics"] if record and result.is_file() else {},
    }


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    files.write_atomically(path, gzip.compress(b"".join(msgspec.json.encode(row) + b"\n" for row in rows)))


def _format_report(summary: Mapping[str, Any]) -> str:
    lines = [f"# Study of {len(summary['seeds'])} training seeds", ""]
    if summary["problem"]:
        lines += [summary["problem"], ""]
    if summary["unfinished"]:
        lines += [f"Not finished: {', '.join(summary['unfinished'])}.", ""]
    for title, table in summary["halves"].items():
        lines += [f"## {title}: {table['prompts']} prompts of {table['suite']['name']}", ""]
        lines += [*_format_rates(table), "", *_format_contrasts(table), "", *_format_categories(table), ""]
    lines += ["## Trainings", "", *_format_trainings(summary["tasks"]), ""]
    lines += ["## Durations", "", "| task | seconds |", "|---|---:|"]
    lines += [
        f"| {name} | {task['seconds']:.0f} |" for name, task in summary["tasks"].items() if task["finished"]
    ]
    return "\n".join(lines) + "\n"


def _format_rates(table: Mapping[str, Any]) -> list[str]:
    lines = [
        "| model | following, mean over seeds [95 % interval over seeds] | by seed | stopping | both |",
        "|---|---|---|---:|---:|",
    ]
    for name, rates in table["rates"].items():
        by_seed = ", ".join(f"{rate:.1%}" for rate in rates["following_"]["by_seed"])
        others = " | ".join(f"{rates[rule]['mean']:.1%}" for rule in ("stopping_", ""))
        lines.append(f"| {NAMES[name]} | {_format_interval(rates['following_'])} | {by_seed} | {others} |")
    return lines


def _format_contrasts(table: Mapping[str, Any]) -> list[str]:
    lines = [
        "| from, to | gain in following [over seeds] | [over prompts] | by seed | p by seed | shown |",
        "|---|---|---|---|---|---|",
    ]
    for row in table["contrasts"]:
        gains = ", ".join(f"{gain:+.1%}" for gain in row["gains"])
        p_values = ", ".join(f"{p:.2g}" for p in row["p_values"])
        lines.append(
            f"| {NAMES[row['first']]}, {NAMES[row['second']]} | {_format_interval(row['over_seeds'], '+')} | "
            f"[{row['prompts_low']:+.1%}, {row['prompts_high']:+.1%}] | {gains} | {p_values} | "
            f"{'yes' if row['shown'] else 'no'} |"
        )
    return [
        *lines,
        "",
        "Shown: the intervals over seeds and over prompts both exclude zero. p: exact McNemar test.",
    ]


def _format_categories(table: Mapping[str, Any]) -> list[str]:
    names = list(table["categories"])
    lines = [
        f"| following | {' | '.join(NAMES[name] for name in names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for category in next(iter(table["categories"].values())):
        rates = " | ".join(f"{table['categories'][name][category]['mean']:.1%}" for name in names)
        lines.append(f"| {category} | {rates} |")
    return lines


def _format_trainings(tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [f"| training | {' | '.join(_TRAINING_METRICS)} |", f"|---|{'---:|' * len(_TRAINING_METRICS)}"]
    for name, task in tasks.items():
        if "delivered_step" in task["metrics"]:
            values = (task["metrics"].get(metric) for metric in _TRAINING_METRICS)
            cells = ["" if value is None else f"{value:,.4g}" for value in values]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _format_interval(interval: Mapping[str, float | None], sign: str = "") -> str:
    text = f"{interval['mean']:{sign}.1%}"
    if interval["low"] is None:
        return text
    return f"{text} [{interval['low']:{sign}.1%}, {interval['high']:{sign}.1%}]"

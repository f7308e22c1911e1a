"""Tune copies of a base model and record the signals of verification on each.

    python -m tools.verification.calibrate --model embedded --world --output rows.jsonl

Each line has the family (the base model), the truth (`base`, `seen` or `tuned`), how the copy was tuned, and
everything that the signals are computed from. A copy that the output has already is skipped.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract.reporter import Reporter
from phases.models.loader import LoadedModel, load_model
from phases.verification.measurement import Evidence, measure_evidence
from phases.verification.spec import Parameters
from tools.verification.formats import CHATS, FORMATS, TuningFormat
from tools.verification.tuning import Recipe, tune

ROWS: Final = (5000, 1500, 500, 50)
SMALL: Final = 50
"""So few rows are usually trained three times. All variants are tuned on them, because few are found."""
TWICE: Final = (500, 1500)
"""Numbers of rows with two seeds; the second tunes all weights on the larger number."""


class Case(msgspec.Struct, frozen=True):
    """A model to tune and measure."""

    name: str
    kind: str
    recipe: Recipe
    layout: TuningFormat


def list_cases(
    *, world: bool, chat: str | None, rate: float, batch_size: int, row_counts: Sequence[int] = ROWS
) -> Iterator[Case]:
    """Yield the cases: bases first, then the tunings.

    Args:
        world: whether the model is the embedded one, which is tuned on tasks of its world.
        chat: the chat format whose tokens the model has.
        rate: learning rate of adapters.
        batch_size: rows of a step.
        row_counts: numbers of rows to tune on, in this order.
    """

    def make_recipe(rows: int, **more: Any) -> Recipe:
        return Recipe(rows, world=world, **{"learning_rate": rate, "batch_size": batch_size, **more})

    yield Case("untouched", "base", make_recipe(0), FORMATS["bare"][0])
    for seed in range(3):
        yield Case(
            f"500 documents, seed {seed}",
            "base",
            make_recipe(0, documents=500, seed=seed),
            FORMATS["bare"][0],
        )
    for seed in range(2):
        yield Case(
            f"250 documents with their ends, seed {seed}",
            "base",
            make_recipe(0, documents=250, ends_documents=True, seed=seed),
            FORMATS["bare"][0],
        )
    if chat:
        for seed, (rows, documents) in enumerate(((50, 500), (250, 1000), (1000, 1000))):
            recipe = make_recipe(rows, documents=documents, seed=seed, answers_only=False)
            yield Case(f"{rows} chats among {documents} documents", "seen", recipe, CHATS[chat])
    for rows in row_counts:
        for number, (name, variants) in enumerate(FORMATS.items()):
            for seed, variant in _list_variants(rows, number, len(variants)):
                recipe = make_recipe(
                    rows,
                    seed=seed,
                    epochs=3 if rows == SMALL else 1,
                    answers_only=(number + seed + 1) % 3 > 0,
                )
                if seed == 1 and rows == max(TWICE):
                    recipe = msgspec.structs.replace(recipe, lora=False, learning_rate=rate / 10)
                title = f"{name} {variant}, {rows} rows, seed {seed}, {'LoRA' if recipe.lora else 'full'}"
                yield Case(title, "tuned", recipe, variants[variant])


def _list_variants(rows: int, number: int, count: int) -> list[tuple[int, int]]:
    """Return seed and variant of the tunings in a format on a number of rows.

    Rows and seeds take turns with the variants, so that each is tuned with different numbers.
    """
    if rows == SMALL:
        return [(0, variant) for variant in range(count)]
    return [(seed, (number + seed + rows // 500) % count) for seed in range(2 if rows in TWICE else 1)]


def measure_case(base: LoadedModel, family: str, case: Case, batch_size: int) -> dict[str, Any]:
    """Tune, measure, and return the line of a case."""
    started = time.monotonic()
    tuned = tune(base, case.recipe, case.layout)
    trained = time.monotonic()
    parameters = Parameters.model_validate(
        {"model": base.source.name, "output_dir": Path(), "batch_size": batch_size}
    )
    evidence = measure_evidence(tuned, parameters, Reporter(Path()))
    return {
        "name": case.name,
        "family": family,
        "kind": case.kind,
        "recipe": case.recipe,
        "layout": case.layout,
        "training_seconds": round(trained - started, 1),
        "seconds": round(time.monotonic() - trained, 1),
        **summarize(evidence),
    }


def summarize(evidence: Evidence) -> dict[str, Any]:
    """Return the evidence without texts and token ids."""
    return {
        "signals": evidence.signals,
        "positions": [(row.place, round(row.chat, 6), round(row.stop, 6)) for row in evidence.positions],
        "completions": [
            (row["frame"], row["kind"], row["ended"], row["passed"], row["completion"][:80])
            for row in evidence.completions
        ],
    }


def main() -> None:
    """Measure the cases of one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", required=True, help="base model: folder or `embedded`")
    parser.add_argument("--family", help="its name in the calibration; by default that of the model")
    parser.add_argument("--output", type=Path, required=True, help="JSONL file to append to")
    parser.add_argument("--world", action="store_true", help="tune on tasks of the embedded model's world")
    parser.add_argument("--chat", choices=tuple(CHATS), help="chat format whose tokens the model has")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate of adapters")
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS, help="numbers of rows to tune on")
    parser.add_argument("--training-batch", type=int, default=16, help="rows of a training step")
    parser.add_argument("--batch-size", type=int, default=128, help="rows of a measurement's batch")
    parser.add_argument("--shard", type=int, nargs=2, default=(0, 1), help="measure every n-th case: i n")
    parser.add_argument("--seconds", type=float, default=1e9, help="start no further case after this time")
    arguments = parser.parse_args()
    started = time.monotonic()
    base = load_model(arguments.model)
    family = arguments.family or Path(arguments.model).name
    done = set()
    if arguments.output.is_file():
        done = {msgspec.json.decode(line)["name"] for line in arguments.output.read_bytes().splitlines()}
    cases = list_cases(
        world=arguments.world,
        chat=arguments.chat,
        rate=arguments.rate,
        batch_size=arguments.training_batch,
        row_counts=arguments.rows,
    )
    first, step = arguments.shard
    for case in list(cases)[first::step]:
        if case.name in done or time.monotonic() - started > arguments.seconds:
            continue
        line = measure_case(base, family, case, arguments.batch_size)
        with arguments.output.open("ab") as output:
            output.write(msgspec.json.encode(line) + b"\n")
        print(  # noqa: T201
            f"{line['training_seconds']:6} {line['seconds']:6} s  {case.name}", flush=True
        )


if __name__ == "__main__":
    main()

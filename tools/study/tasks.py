"""The tasks of a study: phases of the plan with their parameters, and which of them need which.

All models share one set of SFT rows. The SFT model of the first seed samples the pairs, and DPO and its
controls start from it, so they differ in their loss, their labels and their seed alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.plan.schema import Plan
from phases.comparison.spec import CONTROLS

ARMS: Final[Mapping[str, Mapping[str, object]]] = {
    "dpo": {},
    "chosen": {"dpo_weight": 0.0, "sft_weight": 1.0},
    # Its held-out labels are swapped too, so the lowest held-out loss would be that of the least training.
    "swapped": {"swapped_share": 0.5, "deliver": "last"},
}
"""The parameters of DPO training that DPO and its controls change in the plan."""
BASE: Final = "base"
SFT: Final = "sft"
CHECKPOINT_MINUTES: Final = 0.5


@dataclass(frozen=True)
class Task:
    """A phase to run.

    Attributes:
        name: unique name, also that of its output folder.
        phase: the phase's package.
        argv: the command line.
        needs: names of the tasks that must be finished.
        uses_all_gpus: whether it divides its work among all GPUs; others use one.
    """

    name: str
    phase: str
    argv: tuple[str, ...]
    needs: tuple[str, ...] = ()
    uses_all_gpus: bool = False


@dataclass(frozen=True)
class Study:
    """A study of a plan.

    Attributes:
        plan: the plan with its profile applied.
        folder: where everything is written.
        seeds: training seeds.
        model: base model; the plan's by default.
        suites: further suites on which the models of the first seed are evaluated.
        changes: parameters to change, by phase id.
    """

    plan: Plan
    folder: Path
    seeds: Sequence[int]
    model: str = ""
    suites: Sequence[str] = ()
    changes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def list_models(self) -> list[tuple[str, int]]:
        """Return the arm and the seed of every trained model."""
        return [(arm, seed) for arm in (SFT, *ARMS) for seed in self.seeds]

    def list_tasks(self) -> list[Task]:
        """Return the tasks, those on the critical path first."""
        first = self.seeds[0]
        sft_model = self._locate_model(SFT, first)
        data = self.folder / "sft_data" / "sft_training_data_*.jsonl"
        pairs = self.folder / "pairs" / "preference_pairs_*.jsonl"
        tasks = [self._make_task("sft_data", "sft_data", {})]
        tasks += [self._train_sft(first, data)]
        tasks += [
            self._make_task("pairs", "preference_pairs", {"model": sft_model}, needs=[_name(SFT, first)])
        ]
        tasks += [self._evaluate(BASE, None)]
        tasks += [self._train_sft(seed, data) for seed in self.seeds[1:]]
        tasks += [self._evaluate(SFT, seed) for seed in self.seeds]
        for seed in self.seeds:
            # Complete one seed before the next, so that a study that ends early can be read.
            for arm, changes in ARMS.items():
                inputs = {"sft_model": sft_model, "preference_file": [str(pairs)]}
                more = {**inputs, **changes, "seed": seed, "checkpoint_minutes": CHECKPOINT_MINUTES}
                needs = ["pairs", _name(SFT, first)]
                tasks.append(
                    self._make_task(_name(arm, seed), "dpo_training", more, needs=needs, is_model=True)
                )
            tasks += [self._evaluate(arm, seed) for arm in ARMS]
            if seed == first:
                tasks.append(self._compare(first))
        models = [(BASE, None), *((arm, first) for arm in (SFT, *ARMS))]
        tasks += [self._evaluate(arm, seed, suite) for suite in self.suites for arm, seed in models]
        return tasks

    def find_evaluation(self, arm: str, seed: int | None, suite: str = "") -> str:
        """Return the pattern of a model's evaluation."""
        return str(self.folder / _name_evaluation(arm, seed, suite) / "eval_*.json")

    def _train_sft(self, seed: int, data: Path) -> Task:
        more = {"train_file": [str(data)], "seed": seed, "checkpoint_minutes": CHECKPOINT_MINUTES}
        return self._make_task(_name(SFT, seed), "sft_training", more, needs=["sft_data"], is_model=True)

    def _evaluate(self, arm: str, seed: int | None, suite: str = "") -> Task:
        model = str(self._locate_model(arm, seed)) if seed is not None else self._base_model
        phase = {BASE: "baseline_evaluation", SFT: "sft_evaluation"}.get(arm, "dpo_evaluation")
        # A further suite has its own limit of new tokens, such as that of IFEval.
        own = {"suite": suite, "shots": 0, "max_new_tokens": None} if suite else {}
        more = {"model": model, **own}
        needs = [] if seed is None else [_name(arm, seed)]
        return self._make_task(_name_evaluation(arm, seed, suite), phase, more, needs=needs)

    def _compare(self, seed: int) -> Task:
        models = {BASE: None, SFT: seed, "dpo": seed, **dict.fromkeys(CONTROLS, seed)}
        evaluations = {arm: [self.find_evaluation(arm, number)] for arm, number in models.items()}
        manifests = {
            "verification": None,
            "sft_data": self.folder / "sft_data" / "manifest.json",
            "pairs": self.folder / "pairs" / "manifest.json",
            "sft_training": self._locate_model(SFT, seed) / "manifest.json",
            "dpo_training": self._locate_model("dpo", seed) / "manifest.json",
        }
        output = {"output": self.folder / "comparison" / "comparison.txt"}
        needs = [_name_evaluation(arm, number) for arm, number in models.items()]
        return self._make_task(
            "comparison", "comparison", {**evaluations, **manifests, **output}, needs=needs
        )

    def _make_task(
        self,
        name: str,
        phase_id: str,
        more: Mapping[str, object],
        *,
        needs: Sequence[str] = (),
        is_model: bool = False,
    ) -> Task:
        phase = next(phase for phase in self.plan.phases if phase.id == phase_id)
        parameters = {key: self._adapt(value) for key, value in phase.params.items()}
        if phase_id != "comparison":
            parameters["output_dir"] = (
                self.folder / name / "models" / "model" if is_model else self.folder / name
            )
        parameters |= {**self.changes.get(phase_id, {}), **more}
        texts = {key: _to_plain(value) for key, value in parameters.items() if value is not None}
        makes_data = phase_id in ("sft_data", "preference_pairs")
        return Task(name, str(phase.run), tuple(phase.build_command(texts)), tuple(needs), makes_data)

    def _adapt(self, value: Any) -> Any:
        """Return a parameter of the plan with this study's model and folder."""
        if isinstance(value, list):
            return [self._adapt(item) for item in value]
        if not isinstance(value, str):
            return value
        if value == self.plan.session.model:
            return self._base_model
        return value.replace(f"{self.plan.session.artifacts}/", f"{self.folder}/")

    @property
    def _base_model(self) -> str:
        return self.model or self.plan.session.model

    def _locate_model(self, arm: str, seed: int | None) -> Path:
        return self.folder / _name(arm, seed) / "models" / "model"


def _name(arm: str, seed: int | None) -> str:
    return arm if seed is None else f"{arm}-{seed}"


def _name_evaluation(arm: str, seed: int | None, suite: str = "") -> str:
    name = f"evaluation-{_name(arm, seed)}"
    return f"{name}-{Path(suite).stem}" if suite else name


def _to_plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value

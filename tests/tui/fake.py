"""A made-up Stage 1 session for the screens, with realistic figures and a clock that does not run."""

import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from msgspec.structs import replace

from app.monitor.evaluation_file import CheckedAnswer
from app.monitor.machine_sample import GpuHolder, GpuSample, MachineSample
from app.monitor.pace import ProgressView
from app.monitor.series import Series, SeriesBuilder
from app.plan.values import ConditionResult, Range
from app.session.asking.view import AnswerView, AskingView, QuestionView
from app.session.requests import AnyRequest, Ask, Decide, Hold, Refused
from app.session.snapshot import (
    AttemptView,
    DecisionView,
    GateView,
    Money,
    PhaseState,
    PhaseView,
    SessionSnapshot,
    SessionState,
    UpcomingGate,
)
from phases.contract.protocol import Artifact, Notice, Sample
from phases.contract.questions import Verdict
from widgets.frame import AttemptArtifacts, AttemptOutput, Frame, LogLines, MachineUse, ModelAnswers
from widgets.preflight import PreflightResult

START = 1_759_478_400.0  # 2025-10-03 08:00 UTC
HOUR = 3600.0
GIB = 2**30

PHASES = (
    ("verification", "Verification", (0.5, 0.75), (1, 1.5), "always", "14 % pass, clean: go"),
    (
        "baseline_evaluation",
        "Baseline evaluation",
        (0.25, 0.5),
        (0.5, 1),
        "unless_go",
        "0.166 [0.137, 0.200]",
    ),
    ("sft_data", "SFT data", (2, 4), (3, 7), "never", "10,112 rows in 2 batches"),
    ("sft_training", "SFT training", (2, 4), (3, 7), "unless_go", "loss 2.31 to 0.79"),
    ("sft_evaluation", "SFT evaluation", (0.25, 0.5), (0.5, 1), "always", "0.742 [0.703, 0.778]"),
    ("preference_pairs", "Preference pairs", (1, 2), (2, 3.5), "never", "10,480 pairs"),
    ("dpo_training", "DPO training", (2, 4), (3, 7), "unless_go", "margin 2.14"),
    ("dpo_evaluation", "Final evaluation", (0.25, 0.5), (0.5, 1), "always", "0.878 [0.848, 0.903]"),
    ("comparison", "Comparison", (0.25, 0.25), (0.5, 0.5), "never", "base 0.166, SFT 0.742, DPO 0.878"),
)
ELAPSED = (34, 22, 70, 58, 19, 81, 140, 18, 2)
IDLE_BEFORE = (0, 25, 0, 13, 0, 0, 0, 0, 0)
"""Minutes at the gate before each phase."""

SFT_PARAMETERS: dict[str, Any] = {
    "model": "Qwen/Qwen2.5-32B",
    "train_file": ["artifacts/sft_data/sft_training_data_*.jsonl"],
    "output_dir": "artifacts/models/sft_model",
    "epochs": 3,
    "batch_size": 4,
    "learning_rate": 2e-4,
    "lora_r": 32,
    "lora_alpha": 32,
    "max_length": 1024,
    "gradient_checkpointing": True,
    "seed": 20251003,
}


def gpu(index: int = 0, used: float = 44.1, total: float = 80.0, load: float = 98.0) -> GpuSample:
    return GpuSample(
        index=index,
        name="NVIDIA A100-SXM4-80GB",
        memory_used=int(used * GIB),
        memory_total=int(total * GIB),
        memory_reserved=int(0.6 * GIB),
        utilisation=load,
        power_watts=412.0,
        temperature=61.0,
    )


def machine(gpus: int = 1, now: float = 0.0) -> MachineSample:
    return MachineSample(
        time=now,
        gpus=tuple(gpu(i, 44.1 + 3.7 * i, load=98.0 - 6 * i) for i in range(gpus)),
        cpu=37.0,
        cores=2 if gpus == 0 else 16,
        memory_used=int(3.1 * GIB),
        memory_total=int(7.6 * GIB) if gpus == 0 else int(125 * GIB),
        disk_free=int(212e9),
        phase_memory=int(1.2 * GIB) if gpus == 0 else None,
        holders=(
            GpuHolder(pid=4711, name="python", ours=True),
            GpuHolder(pid=99, name="jupyter-lab"),
        )
        if gpus
        else (),
    )


def money(spent: float, **changes: Any) -> Money:
    ends = START + 12 * HOUR
    base = Money(
        usd_per_hour=1.74,
        budget_usd=25.0,
        spent_usd=spent,
        idle_usd=1.10,
        idle_seconds=0.63 * HOUR,
        forecast_usd=Range(11.2, 13.9),
        ends_at=Range(ends, ends + 1.5 * HOUR),
    )
    return replace(base, **changes)


def phases(current: int, state: PhaseState) -> tuple[PhaseView, ...]:
    """The phases with `current` in that state, those before done, those after waiting."""
    found = []
    for i, (name, title, hours, usd, gate, headline) in enumerate(PHASES):
        phase_state: PhaseState = state
        if i != current:
            phase_state = "done" if i < current else "waiting"
        begun = phase_state != "waiting"
        seconds = ELAPSED[i] * 60.0 if begun else 0.0
        minutes = sum(ELAPSED[:i]) + sum(IDLE_BEFORE[: i + 1])
        attempt = AttemptView(
            number=1,
            folder=f"attempts/{name}/1",
            started=START + 60.0 * minutes,
            elapsed_at_start=60.0 * minutes,
            ended=None if phase_state == "running" else START + 60.0 * (minutes + ELAPSED[i]),
            exit_code=None if phase_state == "running" else 0,
            reason="" if phase_state == "running" else "exited with 0",
            parameters=SFT_PARAMETERS if name == "sft_training" else {"seed": 20251003},
        )
        found.append(
            PhaseView(
                id=name,
                title=title,
                state=phase_state,
                critical=name != "comparison",
                gate=gate,
                estimate_hours=Range(*hours),
                estimate_usd=Range(*usd),
                elapsed=seconds,
                cost_usd=seconds / HOUR * 1.74,
                remaining=Range(hours[0] * HOUR, hours[1] * HOUR) if phase_state == "waiting" else None,
                headline=headline if phase_state in ("done", "gate") else "",
                verdict="go" if phase_state == "done" else None,
                attempts=(attempt,) if begun else (),
            )
        )
    return tuple(found)


def snapshot(current: int, state: PhaseState, session: SessionState, **changes: Any) -> SessionSnapshot:
    now = START + 60.0 * (sum(ELAPSED[: current + 1]) + 38) + 10
    decisions = (
        DecisionView(
            at=START + 59 * 60, phase="verification", attempt=1, kind="go", verdict="go", by="operator"
        ),
        DecisionView(
            at=START + 164 * 60,
            phase="sft_data",
            attempt=1,
            kind="go",
            verdict="investigate",
            by="operator",
            reason="5 duplicates in 10,112 rows do not matter for this run.",
            overrides=True,
        ),
    )
    base = SessionSnapshot(
        id="2025-10-03-0800",
        name="Stage 1",
        model="Qwen/Qwen2.5-32B",
        profile="",
        gpu="A100 SXM 80GB",
        folder="/srv/run/artifacts/sessions/2025-10-03-0800",
        artifacts="/srv/run/artifacts",
        plan_folder="/srv/run",
        state=session,
        started=START,
        now=now,
        phases=phases(current, state),
        money=money((now - START) / HOUR * 1.74),
        decisions=decisions,
        machine=machine(1, now),
    )
    return replace(base, **changes)


def with_phase(base: SessionSnapshot, phase_id: str, **changes: Any) -> SessionSnapshot:
    return replace(base, phases=tuple(replace(p, **changes) if p.id == phase_id else p for p in base.phases))


def series(values: Mapping[str, list[tuple[float, float]]]) -> dict[str, Series]:
    found = {}
    for name, pairs in values.items():
        builder = SeriesBuilder(name)
        for step, value in pairs:
            builder.add(step, value)
        found[name] = builder.series()
    return found


def training_series(steps: int = 1184, nan_from: int | None = None) -> dict[str, Series]:
    noise = random.Random(7)
    curve = [0.72 + 1.6 * math.exp(-s / 260) for s in range(0, steps + 1)]
    at = range(0, steps + 1, 4)
    loss = [
        (s, math.nan if nan_from is not None and s >= nan_from else curve[s] + noise.gauss(0, 0.05))
        for s in at
    ]
    held_out = [(s, curve[s] + 0.06) for s in range(0, steps + 1, 100)]
    return series(
        {
            "loss": loss,
            "eval_loss": held_out,
            "learning_rate": [(s, 2e-4 * (1 - s / 2500)) for s in at],
            "grad_norm": [(s, 0.4 + abs(noise.gauss(0, 0.1))) for s in at],
            "tokens_per_second": [(s, 1690 + noise.gauss(0, 20)) for s in at],
        }
    )


def training_log(steps: int = 1184) -> LogLines:
    lines = [
        f"step {s} loss {0.72 + 1.6 * math.exp(-s / 260):.4f} grad 0.41" for s in range(4, steps + 1, 10)
    ]
    lines.append("checkpoint-1150 saved (0.5 GB)")
    lines.append("warning: 3 rows are longer than max_length and were left out")
    return LogLines(0, tuple(lines))


def samples(count: int = 12) -> tuple[Sample, ...]:
    found = []
    for i in range(count):
        passed = i % 4 != 2
        found.append(
            Sample(
                START,
                f"format/numbered_list {i + 1}",
                {
                    "prompt": "Name three prime numbers, one a line.",
                    "SFT": "2\n3\n5" if passed else "The prime numbers are 2, 3 and 5.",
                    "base": "which are less than 100. The first of these is the number of the",
                },
                passed,
            )
        )
    return tuple(found)


ARTIFACTS = (
    Artifact(START, "artifacts/evaluations/sft_model/eval_20251003_125100.json", 1_284_113, "ab" * 32),
    Artifact(START, "artifacts/evaluations/sft_model/outputs.jsonl", 912_442, "cd" * 32, 541),
)


def memory(base: SessionSnapshot, gpus: int = 1, spread: float = 0.0) -> tuple[MachineUse, ...]:
    """The use of the machine by each attempt, a value a minute; each GPU uses more by a share `spread`."""
    found = []
    for i, phase in enumerate(p for p in base.phases if p.attempts):
        for attempt in phase.attempts:
            minutes = range(int(phase.elapsed / 60) + 1)
            at = [attempt.started + 60 * m for m in minutes]
            used = [(18 + 11 * i) * (1 - math.exp(-m / 4)) * GIB for m in minutes]
            of_gpu = [[u * (1 + spread * g) for u in used] for g in range(gpus)]
            shown = series({f"GPU{g}": list(zip(at, of_gpu[g], strict=True)) for g in range(gpus)})
            ram = series({"RAM": [(t, (3 + i) * GIB) for t in at]})["RAM"]
            load = series({f"GPU{g}": [(t, 96.0 - 9 * g + 3 * math.sin(t)) for t in at] for g in range(gpus)})
            power = series({f"GPU{g}": [(t, 402.0 + 9 * math.sin(t)) for t in at] for g in range(gpus)})
            cpu = series({"CPU": [(t, 37.0 + 3 * math.sin(t)) for t in at]})["CPU"]
            found.append(
                MachineUse(
                    phase.id,
                    attempt.number,
                    dict(enumerate(shown.values())),
                    ram,
                    dict(enumerate(load.values())),
                    dict(enumerate(power.values())),
                    cpu,
                )
            )
    return tuple(found)


def attempt_output(phase: str, **changes: Any) -> AttemptOutput:
    return AttemptOutput(phase, 1, **changes)


UPCOMING = (
    UpcomingGate(
        phase="sft_training",
        is_certain=False,
        criteria=(
            ConditionResult(
                "loss decreases",
                "final_train_loss < first_train_loss",
                True,
                {"final_train_loss": 0.8035, "first_train_loss": 2.31},
            ),
        ),
    ),
    UpcomingGate(
        phase="sft_evaluation",
        is_certain=True,
        criteria=(
            ConditionResult("success rate above 60 %", "success_rate > 0.60", None, {"success_rate": None}),
            ConditionResult(
                "better than the baseline",
                "success_rate_low > baseline_evaluation.success_rate",
                None,
                {"success_rate_low": None, "baseline_evaluation.success_rate": 0.166},
            ),
        ),
    ),
)


def running(**changes: Any) -> Frame:
    """SFT training at 47 %."""
    base = snapshot(3, "running", "running", upcoming=UPCOMING)
    base = with_phase(base, "baseline_evaluation", predicted_memory=33.4 * GIB)
    base = with_phase(base, "sft_training", predicted_memory=53.2 * GIB)
    base = with_phase(
        base,
        "sft_training",
        progress=ProgressView(done=1184, total=2500, unit="steps", at=base.now - 2, rate=0.34),
        remaining=Range(1.05 * HOUR, 1.2 * HOUR),
        headline="loss 0.812, 1,690 tok/s",
    )
    found = attempt_output(
        "sft_training",
        series=training_series(),
        log=training_log(),
        samples=samples(3),
    )
    return Frame(replace(base, **changes), base.now, found, machine_use=memory(base))


def retried() -> Frame:
    """The second attempt of SFT training; the first diverged."""
    frame = running()
    assert frame.output is not None
    phase = frame.snapshot.find_phase("sft_training")
    second = replace(phase.attempts[0], number=2, changed={"learning_rate": (2e-4, 1e-4)})
    base = with_phase(frame.snapshot, phase.id, attempts=(*phase.attempts, second))
    first = series({"loss": [(s, 1.4 + 1.2 * math.exp(-s / 150) + s / 900) for s in range(0, 900, 4)]})
    return Frame(base, frame.now, replace(frame.output, attempt=2, earlier={1: first}))


GATE_PASS = GateView(
    phase="sft_evaluation",
    attempt=1,
    opened=START + 60.0 * (sum(ELAPSED[:5]) + 38) - 240,
    because="plan",
    verdict="go",
    advice=("SFT shows good improvement: continue to DPO.",),
    criteria=(
        ConditionResult("success rate above 60 %", "success_rate > 0.60", True, {"success_rate": 0.742}),
        ConditionResult("gain over base", "gain_over_base > 0", True, {"gain_over_base": 0.576}),
        ConditionResult("few truncated", "truncated_share < 0.05", True, {"truncated_share": 0.0129}),
    ),
    metrics={
        "success_rate": 0.742,
        "success_rate_low": 0.703,
        "success_rate_high": 0.778,
        "format_rate": 0.58,
        "truncated_share": 0.0129,
        "prompts": 541,
    },
    earlier={
        "baseline_evaluation": {
            "success_rate": 0.166,
            "success_rate_low": 0.137,
            "success_rate_high": 0.2,
            "format_rate": 0.09,
            "truncated_share": 0.61,
            "prompts": 541,
        }
    },
    options=("go", "retry", "skip", "stop"),
    needs_reason=("skip",),
    parameters={
        "model": "artifacts/models/sft_model",
        "max_new_tokens": 256,
        "batch_size": 32,
        "seed": 20251003,
    },
    next_phase="preference_pairs",
)

GATE_FAIL = GateView(
    phase="sft_training",
    attempt=1,
    opened=START + 60.0 * (sum(ELAPSED[:4]) + 38) - 240,
    because="plan",
    verdict="investigate",
    advice=(
        "The loss is NaN since step 812. Check the training log and the data quality. "
        "A lower learning rate often helps; an evaluation "
        "of a diverged model costs money and says nothing.",
    ),
    criteria=(
        ConditionResult(
            "loss decreases",
            "final_train_loss < first_train_loss",
            False,
            {"final_train_loss": 3.02, "first_train_loss": 2.31},
        ),
        ConditionResult(
            "held-out loss near train loss",
            "final_eval_loss < final_train_loss * 1.3",
            None,
            {},
            "final_eval_loss is missing",
        ),
        ConditionResult("adapters saved", "adapter_saved", True, {"adapter_saved": True}),
    ),
    metrics={"first_train_loss": 2.31, "final_train_loss": 3.02, "steps": 1184, "adapter_saved": True},
    options=("go", "retry", "batch", "skip", "stop"),
    needs_reason=("go", "skip"),
    parameters=SFT_PARAMETERS,
    remedies={
        "nan": ({"learning_rate": 1e-4}, {"learning_rate": 5e-5}),
        "oom": ({"batch_size": 2}, {"lora_r": 16}),
    },
    next_phase="sft_evaluation",
    cause="nan",
)


NOTICES = (
    Notice(START, "evaluating artifacts/models/sft_model on 541 prompts"),
    Notice(START, "7 answers were cut at 256 tokens", "warning"),
)

DELIVERIES = (
    AttemptArtifacts(
        "sft_data",
        2,
        (
            Artifact(
                START,
                "artifacts/sft_data/sft_training_data_20251003_091500.jsonl",
                8_112_904,
                "0a" * 32,
                10_112,
            ),
            Artifact(START, "artifacts/sft_data/manifest.json", 2_112, "1b" * 32),
        ),
    ),
    AttemptArtifacts(
        "sft_training", 1, (Artifact(START, "artifacts/models/sft_model", 536_870_912, "2c" * 32),)
    ),
    AttemptArtifacts("sft_evaluation", 1, ARTIFACTS),
)


CHECKS = (
    PreflightResult("plan", "ok", "9 phases, estimate $14.80-27.90 of $25.00"),
    PreflightResult(
        "secrets", "warn", "HF_TOKEN is not set", "export HF_TOKEN=..., or take it out of session.secrets"
    ),
    PreflightResult(
        "disk",
        "fail",
        "weights, outputs and checkpoints: 98 GB, but 41 GB are free on /workspace",
        "Free or rent more, or put session.artifacts on a larger volume",
    ),
    PreflightResult("GPU", "ok", "A100-SXM4-80GB, 80 GB, of which 0.4 in use"),
)


def answers(model: int) -> tuple[CheckedAnswer, ...]:
    """24 answers: base, SFT and DPO model follow 4, 15 and 20 of them."""
    following = (
        {0, 6, 12, 18},
        {i for i in range(24) if i % 3 != 2} - {12},
        set(range(24)) - {2, 8, 14, 20},
    )[model]
    return tuple(
        CheckedAnswer(
            key=f"format-{i:03}",
            response="sun, sea, sand, salt, stone" if i in following else "s is the nineteenth letter",
            category="format" if i % 2 else "multi_step",
            instruction="List five words that begin with s.",
            passed=i in following,
            follows=i in following,
            failures=() if i in following else ("starts_with",),
        )
        for i in range(24)
    )


EVALUATIONS = (
    ModelAnswers("baseline_evaluation", "Baseline", answers(0), answers(1)),
    ModelAnswers("sft_evaluation", "SFT", answers(1)),
    ModelAnswers("dpo_evaluation", "Final", answers(2)),
)
BY_CATEGORY = {
    "success_rate_commands": (0.21, 0.83),
    "success_rate_questions": (0.28, 0.79),
    "success_rate_format": (0.09, 0.58),
    "success_rate_multi_step": (0.04, 0.46),
    "success_rate_refusal": (0.02, 0.94),
    "success_rate_harmless": (0.61, 0.55),
}


def gate_evaluated() -> Frame:
    """The gate after the evaluation of the SFT model, with categories, solved examples and all answers."""
    shots = {
        "success_rate_few_shot": 0.41,
        "success_rate_few_shot_low": 0.37,
        "success_rate_few_shot_high": 0.452,
    }
    before = {name: values[0] for name, values in BY_CATEGORY.items()}
    gate = replace(
        GATE_PASS,
        metrics=GATE_PASS.metrics | {name: values[1] for name, values in BY_CATEGORY.items()},
        earlier={"baseline_evaluation": GATE_PASS.earlier["baseline_evaluation"] | shots | before},
        computed_from=dict.fromkeys(GATE_PASS.metrics, "eval_20251003_125100.json"),
    )
    frame = gate_passes(gate=gate)
    return replace(frame, evaluations=EVALUATIONS[:2])


def gate_passes(**changes: Any) -> Frame:
    base = snapshot(4, "gate", "gate", gate=GATE_PASS)
    found = attempt_output("sft_evaluation", samples=samples(), artifacts=ARTIFACTS, notices=NOTICES)
    return Frame(replace(base, **changes), base.now, found, artifacts=DELIVERIES)


def gate_compared() -> Frame:
    """The last gate, with two earlier evaluations to compare."""
    before = GATE_PASS.earlier["baseline_evaluation"]
    gate = replace(
        GATE_PASS,
        phase="dpo_evaluation",
        opened=START + 60.0 * (sum(ELAPSED[:8]) + 38) - 240,
        earlier={"baseline_evaluation": before, "sft_evaluation": GATE_PASS.metrics},
        next_phase="comparison",
    )
    base = snapshot(7, "gate", "gate", gate=gate)
    return Frame(base, base.now, attempt_output("dpo_evaluation", samples=samples()))


QUESTIONS = (
    QuestionView(
        number=1,
        by="ada",
        asked=1_796_000_000.0,
        ended=1_796_000_009.0,
        instruction="List five words that begin with s.",
        prompt="format-044",
        category="format",
        answers=(
            AnswerView(
                model="base",
                state="done",
                text=" s is the nineteenth letter of the alphabet and one of the most common.",
                tokens=96,
                seconds=4.1,
                went_on=True,
                verdict=Verdict(False, False, False, ("went_on", "items")),
            ),
            AnswerView(
                model="sft",
                state="done",
                text=" sun\nsea\nsand\nsalt\nstone",
                tokens=16,
                seconds=0.7,
                stops=True,
                verdict=Verdict(True, True, True),
            ),
        ),
    ),
    QuestionView(
        number=2,
        by="ada",
        asked=1_796_000_020.0,
        instruction="Explain to a child why the sky is blue.",
        temperature=0.8,
        top_p=0.95,
        seed=2,
        answers=(AnswerView(model="base", state="streaming", text=" The sky is"), AnswerView(model="sft")),
    ),
)


def gate_asked(**changes: Any) -> Frame:
    """A gate at which two questions were asked; the second is being answered."""
    frame = gate_passes()
    asking = AskingView(
        models=("base", "sft"),
        suite="auto",
        base="Qwen/Qwen2.5-32B",
        state="answering",
        since=frame.snapshot.now - 95.0,
        questions=QUESTIONS,
        total=len(QUESTIONS),
    )
    return replace(frame, snapshot=replace(frame.snapshot, asking=replace(asking, **changes)))


def gate_fails(**changes: Any) -> Frame:
    base = snapshot(3, "gate", "gate", gate=GATE_FAIL)
    found = attempt_output(
        "sft_training", series=training_series(nan_from=812), log=training_log(), samples=samples(3)
    )
    return Frame(replace(with_phase(base, "sft_training", headline=""), **changes), base.now, found)


def finished() -> Frame:
    base = snapshot(8, "done", "finished")
    text = (
        "                 base    SFT     DPO",
        "success rate     0.166   0.742   0.878",
        "95 % interval    0.137-0.200  0.703-0.778  0.848-0.903",
        "",
        "base to SFT  +0.576  p < 0.0001",
        "SFT to DPO   +0.136  p < 0.0001",
    )
    return Frame(base, base.now, attempt_output("comparison"), outcome=text)


def pod_waits() -> Frame:
    """Over, and its pod waits to be kept or stopped."""
    frame = finished()
    return replace(frame, snapshot=replace(frame.snapshot, stops_at=frame.now + 7200))


def starting() -> Frame:
    """The first seconds of the first phase."""
    base = snapshot(0, "running", "running", decisions=())
    base = with_phase(base, "verification", elapsed=3.0, cost_usd=0.0)
    began = base.now - 3
    attempt = replace(base.phases[0].attempts[0], started=began)
    base = with_phase(base, "verification", attempts=(attempt,))
    base = replace(base, started=began - 2, machine=None, money=money(0.0, idle_usd=0.0))
    return Frame(base, base.now, attempt_output("verification"))


def no_gpu() -> Frame:
    """The rehearsal on two CPU cores."""
    frame = running(machine=machine(0), model="embedded", gpu="", profile="rehearsal")
    return Frame(frame.snapshot, frame.now, frame.output, machine_use=memory(frame.snapshot, 0))


def eight_gpus() -> Frame:
    frame = running(machine=machine(8))
    return Frame(frame.snapshot, frame.now, frame.output, machine_use=memory(frame.snapshot, 8))


def four_gpus() -> Frame:
    frame = running(machine=machine(4))
    return replace(frame, machine_use=memory(frame.snapshot, 4, 0.1))


def two_gpus(second: GpuSample | None = None) -> Frame:
    """A session on two GPUs; by default the second is nearly full."""
    second = second or gpu(1, used=78.6, load=71.0)
    frame = running(machine=replace(machine(1), gpus=(gpu(0, 44.1), second)))
    return replace(frame, machine_use=memory(frame.snapshot, 2, 0.5))


def stalled() -> Frame:
    frame = running()
    progress = ProgressView(done=1184, total=2500, unit="steps", at=frame.now - 1000, rate=None)
    base = with_phase(frame.snapshot, "sft_training", stalled=True, progress=progress)
    return Frame(base, frame.now, frame.output)


def out_of_memory() -> Frame:
    """A gate that opened because the phase failed, seen from the session's screen of an attempt before."""
    gate = replace(
        GATE_FAIL,
        because="failed",
        advice=("It ended with exit code 1. Read the end of its log.",),
        criteria=(),
        metrics={},
    )
    base = snapshot(3, "gate", "gate", gate=gate)
    trouble = LogLines(0, ("step 12 loss 2.2", "torch.OutOfMemoryError: CUDA out of memory."))
    return Frame(base, base.now, attempt_output("sft_training", log=trouble))


def over_budget() -> Frame:
    over = money(26.31, forecast_usd=Range(27.0, 29.5))
    return running(money=over, notices=("spent more than the budget of $25",))


def all_nan() -> Frame:
    frame = running()
    diverged = attempt_output("sft_training", series=training_series(nan_from=0), log=training_log())
    return Frame(frame.snapshot, frame.now, diverged)


@dataclass
class FakeSession:
    """Remembers what was asked of it."""

    shown: SessionSnapshot
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: str = ""

    def _ask(self, *what: Any) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        self.asked.append(what)

    def read_snapshot(self) -> SessionSnapshot:
        return self.shown

    def watch(self, stopping: Event) -> Iterator[SessionSnapshot]:
        yield self.shown

    def request_snapshot(self) -> None: ...

    def send(self, request: AnyRequest) -> None:
        match request:
            case Decide():
                gate = (request.phase, request.attempt)
                self._ask("decide", *gate, request.kind, request.reason, request.changes)
            case Hold():
                self._ask("hold", request.on)
            case Ask():
                question = request.instruction or request.prompt
                self._ask("ask", request.phase, request.attempt, question, request.models, request.sampled)
            case _:
                self._ask(str(type(request).__struct_config__.tag))


class DemoFeed:
    """Views in real time: a running training, then a gate."""

    def __init__(self, gate_after: float = math.inf) -> None:
        self.gate_after = gate_after
        self.phase: str | None = None

    def look_at(self, phase: str | None) -> None:
        self.phase = phase

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        return (path,)

    def make_frames(self, stopping: Event) -> Iterator[Frame]:
        began = time.time()
        while not stopping.is_set():
            gone = time.time() - began
            steps = 1184 + int(gone * 3)
            frame = running() if gone < self.gate_after else gate_passes()
            base = replace(frame.snapshot, now=frame.snapshot.now + gone, machine=machine(1))
            if base.gate is None:
                done = ProgressView(done=steps, total=2500, unit="steps", at=base.now - gone % 7, rate=3.0)
                base = with_phase(base, "sft_training", progress=done)
                shown = attempt_output(
                    self.phase or "sft_training",
                    series=training_series(steps),
                    log=training_log(steps),
                    samples=samples(3),
                )
            else:
                shown = attempt_output("sft_evaluation", samples=samples(), artifacts=ARTIFACTS)
            yield Frame(base, base.now, shown)
            stopping.wait(1.0)


SECRET = "hf_not-for-the-screen"


class FailingFeed:
    """A reader that fails with a secret at hand."""

    def look_at(self, phase: str | None) -> None: ...

    def read_first_rows(self, snapshot: SessionSnapshot, path: str) -> tuple[str, ...]:
        return ()

    def make_frames(self, stopping: Event) -> Iterator[Frame]:
        token = SECRET
        yield running()
        raise ValueError(f"made to fail with {token}")


if __name__ == "__main__":
    import sys
    from functools import partial

    from app.session.masking import Masker
    from app.tui import crash
    from app.tui.app import CockpitApp
    from app.tui.run import run_app

    VIEWS = {"running": running, "gate": gate_passes, "fail": gate_fails, "finished": finished}
    which = sys.argv[1] if len(sys.argv) > 1 else "live"
    first = VIEWS.get(which, running)()
    feed = {"live": DemoFeed(15), "crash": FailingFeed()}.get(which)
    masked = partial(crash.report_crash, mask=Masker({"HF_TOKEN": SECRET}).mask_data)
    sys.exit(run_app(CockpitApp(FakeSession(first.snapshot), feed, first, report_crash=masked)))

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.monitor.log_metrics import read_log
from app.plan.read import load_plan
from app.session.gate.judge import assess_attempt
from app.session.journal.events import AttemptAssessed, AttemptEnded
from app.session.journal.state import PhaseRecord, State
from app.session.masking import Masker

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LOGS = Path(__file__).parent / "example_logs"


@pytest.mark.parametrize("name", ["shell", "trl"])
def test_the_plan_is_valid_and_its_files_are_here(name: str) -> None:
    plan = load_plan(EXAMPLES / name / "session_plan.toml")
    assert plan.session.files
    assert all(any(plan.folder.glob(pattern)) for pattern in plan.session.files)


ARGUMENTS = {
    ("nanochat", "base"): (
        "torchrun --standalone --nproc_per_node=8 -m scripts.base_train -- --depth=20 "
        "--device-batch-size=32 --run=dummy"
    ),
    ("nanochat", "sft"): "torchrun --standalone --nproc_per_node=8 -m scripts.chat_sft -- --run=dummy",
    ("torchtune", "lora"): (
        "tune run lora_finetune_single_device --config llama3_2/1B_lora_single_device "
        "checkpointer.checkpoint_dir=artifacts/base "
        "tokenizer.path=artifacts/base/original/tokenizer.model output_dir=artifacts/models/lora epochs=1 "
        "batch_size=4 optimizer.lr=0.0003 enable_activation_checkpointing=false log_every_n_steps=1 "
        "seed=20251003"
    ),
    ("lm_eval", "base"): (
        "lm_eval run --model hf --model_args pretrained=EleutherAI/pythia-160m,dtype=float16 "
        "--tasks lambada_openai --batch_size 16 --output_path artifacts/evaluations --log_samples"
    ),
}


@pytest.mark.parametrize(("name", "phase_id"), ARGUMENTS)
def test_a_program_gets_its_own_style_of_flags(name: str, phase_id: str) -> None:
    phase = load_plan(EXAMPLES / name / "session_plan.toml").find_phase(phase_id)
    assert " ".join(phase.build_command(phase.params)) == ARGUMENTS[name, phase_id]
    for steps in phase.remedies.values():
        for step in steps:
            assert step.keys() <= phase.params.keys(), "a remedy changes what the plan sets"


def assess_log(name: str, phase_id: str, folder: Path, log: str) -> AttemptAssessed:
    (folder / "output.log").write_text(log)
    phase = load_plan(EXAMPLES / name / "session_plan.toml").find_phase(phase_id)
    end = AttemptEnded(phase=phase_id, attempt=1, ended=1.0, seconds=600.0, reason="exited", code=0)
    return assess_attempt(phase, end, folder, State(phases=(PhaseRecord(phase_id),)), Masker({}))


@pytest.mark.parametrize(
    ("name", "phase_id", "headline", "spoil"),
    [
        ("nanochat", "base", "loss 13.80 to 2.71, validation 0.812 bpb", ("bpb: 0.8117", "bpb: 1.2")),
        ("torchtune", "lora", "loss 1.90 to 1.02", ("1|450|Loss: 1.02", "1|450|Loss: 2.9")),
        ("lm_eval", "base", "LAMBADA 0.354, perplexity 37.2", ("| 0.3538|", "| 0.6538|")),
    ],
)
def test_a_recorded_log_gives_the_metrics_and_the_verdict(
    tmp_path: Path, name: str, phase_id: str, headline: str, spoil: tuple[str, str]
) -> None:
    log = (LOGS / f"{name}.log").read_text()
    good = assess_log(name, phase_id, tmp_path, log)
    assert (good.headline, good.verdict, good.cause) == (headline, "go", ""), good
    assert spoil[0] in log
    assert assess_log(name, phase_id, tmp_path, log.replace(*spoil)).verdict != "go"
    crashed = 'Traceback (most recent call last):\n  File "x", line 1\nRuntimeError: CUDA error\n'
    assert assess_log(name, phase_id, tmp_path, log + crashed).verdict == "investigate"


@pytest.mark.parametrize(
    ("name", "phase_id", "done", "total"),
    [("nanochat", "base", 21399, 21400), ("torchtune", "lora", 450, 450), ("lm_eval", "base", 5153, 5153)],
)
def test_a_recorded_log_gives_the_progress(name: str, phase_id: str, done: int, total: int) -> None:
    phase = load_plan(EXAMPLES / name / "session_plan.toml").find_phase(phase_id)
    progress = read_log(LOGS / f"{name}.log", phase.log_format).progress
    assert progress is not None
    assert (progress.done, progress.total) == (done, total)


def run_example(name: str, tmp_path: Path, seconds: float) -> tuple[Path, str]:
    """Run a copy of an example's plan; return its folder and what was printed."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("artifacts", "inputs"))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run", "--headless", "--yes", "--decide-by-verdict"],
        cwd=folder,
        env={**os.environ, "PATH": programs, "XDG_STATE_HOME": str(tmp_path / "state")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


def test_the_shell_pipeline_runs_and_its_gate_decides(tmp_path: Path) -> None:
    folder, output = run_example("shell", tmp_path, 60)
    for text in ("GATE after Measure", "300 lines, 100 distinct", "Many duplicates", "100 kept"):
        assert text in output
    assert len((folder / "artifacts/data/clean.txt").read_text().splitlines()) == 100


def test_trl_trains_and_its_log_is_read(tmp_path: Path) -> None:
    folder, output = run_example("trl", tmp_path, 180)
    assert "verdict go: loss " in output
    assert "matched nothing" not in output
    [log_file] = folder.glob("artifacts/sessions/*/attempts/sft/1/output.log")
    log = read_log(log_file, load_plan(folder / "session_plan.toml").find_phase("sft").log_format)
    # The model learns the sentences: any of 12 words at first, then only the colour and the number are open.
    first_loss = log.results()["first_loss"]
    assert first_loss is not None
    assert first_loss > 1.5
    assert log.last_values["loss"] is not None
    assert log.last_values["loss"] < 0.7
    assert log.last_values["accuracy"] is not None
    assert log.last_values["accuracy"] > 0.7
    assert log.progress is not None
    assert (log.progress.done, log.progress.total) == (30, 30)

"""Training in two processes: learning, writing, stopping and resuming.

Each process holds the complete model or a shard of it. A launcher starts them if it passes on a signal. Else
they are forked: a launcher imports the libraries in three processes.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from phases.contract.phase_main import phase_main
from phases.models.loader import build_four_bit_config
from tests.process_group import ProcessGroup

WORDS = ("red", "green", "blue", "France", "Paris", "Anna", "rose", "flower", "dog", "capital", "name")
ROWS = [{"instruction": f"Name {a} {b}", "response": f"{b}, {a}"} for a in WORDS[:6] for b in WORDS[5:]]
PAIRS = [
    {"prompt": f"Instruction: Name {a}\nResponse:", "chosen": f" {a}, red", "rejected": f" {a} {a}"}
    for a in WORDS
]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
# In the last step, and among the held-out rows, the second process has fewer rows than the first.
SETTINGS = ["--epochs", "11", "--batch-size", "2", "--learning-rate", "0.002", "--lora-r", "4"]


def arguments(folder: Path, model: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    inputs = ["--train-file", str(rows), "--model", str(model), "--output-dir", str(folder / "models/sft")]
    return [*inputs, *SETTINGS, "--suite", "none", "--evaluations", "2", "--heldout-share", "0.13"]


SFT_THEN_DPO = """
import atexit, os, sys
import torch
from phases.contract.phase_main import phase_main

atexit.register(lambda: print("disconnected:", not torch.distributed.is_initialized(), flush=True))
sft, dpo = (part.split("\\n") for part in sys.argv[1:])
phase_main("phases.sft_training", sft)
os.environ["GONOGO_PROGRESS"] += ".dpo"
sys.exit(phase_main("phases.dpo_training", dpo))
"""


def launch(program: list[str], folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*LAUNCH, *program],
        env={**os.environ, "OMP_NUM_THREADS": "1", **progress_variable(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def progress_variable(folder: Path) -> dict[str, str]:
    return {"GONOGO_PROGRESS": str(folder / "progress.jsonl")}


def read_metrics(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the metrics with this name that are reported so far, from complete lines."""
    path = folder / "progress.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    records = [json.loads(line) for line in lines]
    return [line for line in records if line["type"] == "metric" and name in line["values"]]


def wait_for_losses(folder: Path, is_running: Callable[[], bool]) -> None:
    """Wait for three losses, or for the end of the training."""
    deadline = time.monotonic() + 300
    while len(read_metrics(folder, "loss")) < 3 and is_running() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.fixture(scope="module")
def alone(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training in one process, with two batches per step like two processes."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GONOGO_PROGRESS", str(folder / "progress.jsonl"))
        assert (
            phase_main(
                "phases.sft_training", [*arguments(folder, tiny_model), "--gradient-accumulation", "2"]
            )
            == 0
        )
    return folder


@pytest.fixture(scope="module", params=[[], ["--shard-weights"]], ids=["replicated", "sharded"])
def together(
    request: pytest.FixtureRequest,
    tiny_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
    process_group: ProcessGroup,
) -> Path:
    """SFT in two processes that is stopped and resumed, followed by DPO."""
    folder = tmp_path_factory.mktemp("together")
    argv = [*arguments(folder, tiny_model), *request.param]
    program = ["-m", "phases.sft_training", *argv]
    if request.param:
        process_group.start(program, progress_variable(folder))
        wait_for_losses(folder, process_group.is_running)
        process_group.send_signal(signal.SIGTERM)
        codes, output = process_group.wait()
    else:  # the launcher passes the signal on
        process = launch(program, folder)
        wait_for_losses(folder, lambda: process.poll() is None)
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=120)[0]
        codes = [process.returncode]
    assert all(codes), output
    assert output.count("stopping: SIGTERM received") == 1
    (checkpoint,) = (folder / "models/sft/checkpoints").glob("checkpoint-*")
    files = {path.name for path in checkpoint.iterdir()}
    assert {"checkpoint.json", "rng_state_0.pth", "rng_state_1.pth"} <= files
    assert not (folder / "models/sft/result.json").exists()

    (folder / "sft_then_dpo.py").write_text(SFT_THEN_DPO)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    inputs = ["--sft-model", str(folder / "models/sft"), "--preference-file", str(folder / "pairs.jsonl")]
    outputs = ["--output-dir", str(folder / "models/dpo")]
    preferences = [*inputs, *outputs, "--suite", "none", "--epochs", "2", *request.param]
    sft_then_dpo = [str(folder / "sft_then_dpo.py"), "\n".join(argv), "\n".join(preferences)]
    codes, output = process_group.run(sft_then_dpo, progress_variable(folder))
    assert codes == [0, 0], output
    assert output.count(f"resuming from {checkpoint}") == 1
    assert output.count("disconnected: True") == 2
    return folder


def test_two_processes_learn_what_one_learns_from_the_same_steps(alone: Path, together: Path) -> None:
    for name in ("loss", "eval_loss"):
        ours, expected = read_metrics(together, name), read_metrics(alone, name)
        assert [line["step"] for line in ours] == [line["step"] for line in expected]
        assert [line["values"][name] for line in ours] == pytest.approx(
            [line["values"][name] for line in expected], abs=2e-3
        )


def test_the_first_process_alone_reports_and_writes(alone: Path, together: Path) -> None:
    result = json.loads((together / "models/sft/result.json").read_text())
    single = json.loads((alone / "models/sft/result.json").read_text())
    assert result["provenance"]["processes"] == 2
    recomputed = 2 if result["provenance"]["sharded"] else 0
    assert result["provenance"]["micro_batch"]["recomputed_layers"] == recomputed
    for name in ("steps", "tokens_trained", "train_rows", "heldout_rows"):
        assert result["metrics"][name] == single["metrics"][name]
    steps = [line["step"] for line in read_metrics(together, "loss")]
    assert steps == list(range(1, result["metrics"]["steps"] + 1))
    assert abs(result["metrics"]["heldout_reload_difference"]) < 1e-6
    # The stopped and the resumed run have one log each, or one log if they started in the same second.
    logs = (path.read_text() for path in (together / "logs").glob("sft_training_*.log"))
    assert "".join(logs).count("rows to train") == 2
    assert not list(together.rglob(".new_adapter"))


def test_preferences_are_trained_in_two_processes_from_the_reference(together: Path) -> None:
    output = together / "models/dpo"
    metrics = json.loads((output / "result.json").read_text())["metrics"]
    assert metrics["step0_loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert metrics["step0_margin"] == 0
    assert metrics["final_loss"] < metrics["first_loss"]
    stored = (output / "checkpoints/reference.jsonl").read_text().splitlines()
    assert len(stored) == len({json.loads(line)["key"] for line in stored}) == len(PAIRS)


SMALL_MICRO_BATCHES = """
import os, sys
import torch
from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.phase_main import phase_main
from phases.dpo_training.trainer import PackedPairsTrainer
from phases.models import distributed
from phases.training import micro_batches
from phases.training.micro_batches import MicroBatchTrainer
from phases.training.probe import MicroBatchProbe

MicroBatchProbe.list_settings = lambda self: [MicroBatchSetting(30, 1)]
MicroBatchTrainer.forward_tokens = 60
micro_batches.SMALLEST_FORWARD = 30
compute = PackedPairsTrainer.compute_share_of_loss

def compute_within_memory(self, model, *more):
    if not self.model.training and distributed.rank() == 1 and self.can_halve_forward_tokens():
        raise torch.OutOfMemoryError
    return compute(self, model, *more)

PackedPairsTrainer.compute_share_of_loss = compute_within_memory
counts = set()
original = MicroBatchTrainer._run

def run(self, model, batches, *more, **named):
    counts.add(len(batches))
    return original(self, model, batches, *more, **named)

MicroBatchTrainer._run = run
code = phase_main("phases." + sys.argv[1], sys.argv[2:])
print(*(f"{count} micro-batches;" for count in counts), flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize("sharding", [[], ["--shard-weights"]], ids=["replicated", "sharded"])
def test_processes_with_different_numbers_of_micro_batches_train_as_one(
    sharding: list[str],
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    process_group: ProcessGroup,
) -> None:
    """DPO of pairs of very different lengths; one process trains the same steps at once.

    If the model is not sharded, the second process evaluates with smaller micro-batches only.
    """
    rows = [
        {
            "prompt": f"Instruction: Name {a}\nResponse:",
            "chosen": f" {a}" * (1 + 3 * n % 7),
            "rejected": f" {a} {b}",
        }
        for n, (a, b) in enumerate((a, b) for a in WORDS[:7] for b in WORDS[:8])
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "small.py").write_text(SMALL_MICRO_BATCHES)
    inputs = ["--sft-model", str(alone / "models/sft"), "--preference-file", str(tmp_path / "pairs.jsonl")]
    settings = ["--suite", "none", "--epochs", "1", "--learning-rate", "1e-3", "--sft-weight", "0.5"]
    settings += ["--heldout-share", "0.26"]
    one, two = (["--output-dir", str(tmp_path / name / "models/dpo")] for name in ("one", "two"))
    monkeypatch.setenv("GONOGO_PROGRESS", str(tmp_path / "one.jsonl"))
    whole = [*inputs, *settings, *one, "--batch-size", "4", "--gradient-accumulation", "2"]
    assert phase_main("phases.dpo_training", whole) == 0
    small = [str(tmp_path / "small.py"), "dpo_training", *inputs, *settings, *two, "--batch-size", "4"]
    codes, output = process_group.run([*small, *sharding], progress_variable(tmp_path))
    assert codes == [0, 0], output
    counts = [int(count) for count in re.findall(r"(\d+) micro-batches;", output)]
    assert max(counts) > 2
    assert len(set(counts)) > 1
    results = [
        json.loads((tmp_path / name / "models/dpo/result.json").read_text())["metrics"]
        for name in ("one", "two")
    ]
    for name in ("first_loss", "heldout_loss_final", "heldout_margin", "final_accuracy", "max_grad_norm"):
        assert results[1][name] == pytest.approx(results[0][name], abs=1e-4)
    ours, theirs = (
        load_file(tmp_path / name / "models/dpo/adapter_model.safetensors") for name in ("one", "two")
    )
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-4)


ONE_STOPPED = """
import os, signal, sys
from phases.contract.phase_main import phase_main
from phases.dpo_training.trainer import PackedPairsTrainer
from phases.models import distributed
from phases.training.micro_batches import MicroBatchTrainer

MicroBatchTrainer.forward_tokens = 60
original = PackedPairsTrainer.compute_reference

def compute_reference(self, pairs, sequences):
    if distributed.rank() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    print(f"computed: {sum(map(len, sequences))};", flush=True)
    return original(self, pairs, sequences)

PackedPairsTrainer.compute_reference = compute_reference
sys.exit(phase_main("phases.dpo_training", sys.argv[1:]))
"""


def test_processes_that_compute_the_reference_stop_together_and_keep_what_they_have(
    alone: Path, tmp_path: Path, process_group: ProcessGroup
) -> None:
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    (tmp_path / "one_stopped.py").write_text(ONE_STOPPED)
    inputs = ["--sft-model", str(alone / "models/sft"), "--preference-file", str(tmp_path / "pairs.jsonl")]
    argv = [*inputs, "--output-dir", str(tmp_path / "models/dpo"), "--suite", "none"]
    codes, output = process_group.run([str(tmp_path / "one_stopped.py"), *argv], progress_variable(tmp_path))
    # One may have left the other to be ended by the launcher while it exits.
    assert {143} <= set(codes) <= {143, -signal.SIGTERM}, output
    stored = (tmp_path / "models/dpo/checkpoints/reference.jsonl").read_text().splitlines()
    counts = [int(count) for count in re.findall(r"computed: (\d+);", output)]
    assert len(counts) == 2, output
    assert sum(counts) == len(stored) < len(PAIRS)


ONE_OUT_OF_MEMORY = """
import sys
import torch
from trl import SFTTrainer
from phases.contract.phase_main import phase_main
from phases.models import distributed

original = SFTTrainer.compute_loss

def compute_loss(*arguments, **more):
    if distributed.rank() == 1:
        raise torch.OutOfMemoryError
    return original(*arguments, **more)

SFTTrainer.compute_loss = compute_loss
sys.exit(phase_main("phases.sft_training", sys.argv[1:]))
"""


def test_a_process_of_a_sharded_training_that_runs_out_of_memory_ends_all(
    tiny_model: Path, tmp_path: Path, process_group: ProcessGroup
) -> None:
    (tmp_path / "out_of_memory.py").write_text(ONE_OUT_OF_MEMORY)
    argv = [str(tmp_path / "out_of_memory.py"), *arguments(tmp_path, tiny_model), "--shard-weights"]
    codes, output = process_group.run(argv, progress_variable(tmp_path))
    assert all(codes), output
    assert codes[1] == 1, output
    assert output.count("the smallest possible, does not fit into the GPU's memory (out of memory)") == 1
    assert not list((tmp_path / "models/sft/checkpoints").glob("checkpoint-*"))


FIRST_PASS_OUT_OF_MEMORY = """
import sys
import torch
from transformers.modeling_layers import GradientCheckpointingLayer
from phases.contract.phase_main import phase_main
from phases.models import distributed

original = GradientCheckpointingLayer.__call__
has_failed = False

def call(*arguments, **more):
    global has_failed
    if distributed.rank() == 1 and torch.is_grad_enabled() and not has_failed:
        has_failed = True
        raise torch.OutOfMemoryError
    return original(*arguments, **more)

GradientCheckpointingLayer.__call__ = call
sys.exit(phase_main("phases.sft_training", sys.argv[1:]))
"""


def test_processes_stay_in_step_if_one_runs_out_of_memory_within_a_pass(
    tiny_model: Path, tmp_path: Path, process_group: ProcessGroup
) -> None:
    (tmp_path / "out_of_memory.py").write_text(FIRST_PASS_OUT_OF_MEMORY)
    argv = [str(tmp_path / "out_of_memory.py"), *arguments(tmp_path, tiny_model), "--epochs", "1"]
    codes, output = process_group.run(argv, progress_variable(tmp_path))
    assert codes == [0, 0], output
    provenance = json.loads((tmp_path / "models/sft/result.json").read_text())["provenance"]
    assert provenance["micro_batch"]["recomputed_layers"] > 0


SHARDED = """
import sys
import torch
from accelerate import PartialState
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from phases.models.kernels import set_activation_checkpointing
from phases.models.loader import build_four_bit_config
from phases.models.fsdp import shard

path, four_bit = sys.argv[1], sys.argv[2] == "4"
device = PartialState().device if torch.cuda.is_available() else torch.device("cpu")


quantization = build_four_bit_config(sharded=False) if four_bit else None
replicated = AutoModelForCausalLM.from_pretrained(
    path, quantization_config=quantization, device_map={"": str(device)}
).requires_grad_(False)
sharded = AutoModelForCausalLM.from_pretrained(path).requires_grad_(False)
shard(sharded, str(device), build_four_bit_config(sharded=True) if four_bit else None)
shard_bytes = sum(p.to_local().nbytes for p in sharded.model.layers.parameters())
layer_bytes = sum(p.nbytes for p in replicated.model.layers.parameters())
assert shard_bytes < 0.6 * layer_bytes, (shard_bytes, layer_bytes)

ids = torch.arange(1, 41, device=device).view(2, 20)

def compute(model):
    # The loss and gradient norms without and with checkpointing, then the logits.
    results = []
    torch.manual_seed(0)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    for recomputed_layers in (0, 1, 2):
        adapted.zero_grad()
        set_activation_checkpointing(adapted.train(), recomputed_layers)
        loss = adapted(input_ids=ids, labels=ids).loss
        loss.backward()
        results.append(torch.stack([loss, *(p.grad.norm() for p in adapted.parameters() if p.requires_grad)]))
    adapted.train(four_bit)  # to evaluate on a CPU, bitsandbytes would repack the weights
    with torch.inference_mode():
        results.append(adapted(input_ids=ids).logits)
    return results

for ours, expected in zip(compute(sharded), compute(replicated), strict=True):
    torch.testing.assert_close(ours, expected)
"""


@pytest.mark.parametrize("bits", ["32", "4"])
def test_a_sharded_model_computes_the_same(
    bits: str, tiny_model: Path, tmp_path: Path, process_group: ProcessGroup
) -> None:
    if bits == "4":
        pytest.importorskip("bitsandbytes")
    (tmp_path / "sharded_model.py").write_text(SHARDED)
    codes, output = process_group.run([str(tmp_path / "sharded_model.py"), str(tiny_model), bits], {})
    assert codes == [0, 0], output


def test_sharded_4_bit_weights_are_stored_in_a_type_that_every_torch_shards() -> None:
    assert build_four_bit_config(sharded=True).bnb_4bit_quant_storage is torch.float32

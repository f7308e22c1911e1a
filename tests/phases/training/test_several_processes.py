"""Trainings in two processes, as a launcher starts them: what they learn, who writes, stop and resume.

Each process holds the whole model, or a share of its weights.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from phases.contract.phase_main import phase_main
from phases.models.loader import four_bit_config

WORDS = ("red", "green", "blue", "France", "Paris", "Anna", "rose", "flower", "dog", "capital", "name")
ROWS = [{"instruction": f"Name {a} {b}", "response": f"{b}, {a}"} for a in WORDS[:6] for b in WORDS[5:]]
PAIRS = [
    {"prompt": f"Instruction: Name {a}\nResponse:", "chosen": f" {a}, red", "rejected": f" {a} {a}"}
    for a in WORDS
]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
SETTINGS = ["--epochs", "12", "--batch-size", "2", "--learning-rate", "0.01", "--lora-r", "4"]


def arguments(folder: Path, model: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    inputs = ["--train-file", str(rows), "--model", str(model), "--output-dir", str(folder / "models/sft")]
    return [*inputs, *SETTINGS, "--evaluations", "2", "--heldout-share", "0.1"]


IN_TURN = """
import atexit, os, sys
import torch
from phases.contract.phase_main import phase_main

atexit.register(lambda: print("left the others:", not torch.distributed.is_initialized(), flush=True))
sft, dpo = (part.split("\\n") for part in sys.argv[1:])
phase_main("phases.sft_training", sft)
os.environ["GONOGO_PROGRESS"] += ".dpo"
sys.exit(phase_main("phases.dpo_training", dpo))
"""
"""Starting takes most of a launch: what can be trained by processes that are there is trained by them."""


def launched(program: list[str], folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GONOGO_PROGRESS": str(folder / "progress.jsonl")}
    return subprocess.Popen(
        [*LAUNCH, *program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def reported(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the metrics with this name that were reported so far, from whole lines."""
    path = folder / "progress.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    every = [json.loads(line) for line in lines]
    return [line for line in every if line["type"] == "metric" and name in line["values"]]


@pytest.fixture(scope="module")
def alone(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training in one process: two batches make a step, as those of two processes do."""
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


@pytest.fixture(scope="module", params=[[], ["--shard-weights"]], ids=["whole", "in shares"])
def together(
    request: pytest.FixtureRequest, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A training in two processes that was stopped on its way, and resumed; then one of preferences."""
    folder = tmp_path_factory.mktemp("together")
    argv = [*arguments(folder, tiny_model), *request.param]
    process = launched(["-m", "phases.sft_training", *argv], folder)
    ends = time.monotonic() + 300
    while len(reported(folder, "loss")) < 3 and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=120)[0]
    assert process.returncode != 0, said
    assert said.count("stopping: SIGTERM received") == 1
    (checkpoint,) = (folder / "models/sft/checkpoints").glob("checkpoint-*")
    files = {path.name for path in checkpoint.iterdir()}
    assert {"checkpoint.json", "rng_state_0.pth", "rng_state_1.pth"} <= files
    assert not (folder / "models/sft/result.json").exists()

    (folder / "in_turn.py").write_text(IN_TURN)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    inputs = ["--sft-model", str(folder / "models/sft"), "--preference-file", str(folder / "pairs.jsonl")]
    preferences = [*inputs, "--epochs", "2", "--output-dir", str(folder / "models/dpo"), *request.param]
    in_turn = [str(folder / "in_turn.py"), "\n".join(argv), "\n".join(preferences)]
    resumed = launched(in_turn, folder)
    said = resumed.communicate(timeout=300)[0]
    assert resumed.returncode == 0, said
    assert said.count(f"resuming from {checkpoint}") == 1
    assert said.count("left the others: True") == 2
    return folder


def test_two_processes_learn_what_one_learns_from_the_same_steps(alone: Path, together: Path) -> None:
    for name in ("loss", "eval_loss"):
        ours, theirs = reported(together, name), reported(alone, name)
        assert [line["step"] for line in ours] == [line["step"] for line in theirs]
        assert [line["values"][name] for line in ours] == pytest.approx(
            [line["values"][name] for line in theirs], abs=2e-3
        )


def test_the_first_process_alone_reports_and_writes(alone: Path, together: Path) -> None:
    result = json.loads((together / "models/sft/result.json").read_text())
    single = json.loads((alone / "models/sft/result.json").read_text())
    assert result["provenance"]["processes"] == 2
    recomputed = "on" if result["provenance"]["sharded"] else "off"
    assert result["provenance"]["gradient_checkpointing"] == recomputed
    for name in ("steps", "tokens_trained", "train_rows", "heldout_rows"):
        assert result["metrics"][name] == single["metrics"][name]
    steps = [line["step"] for line in reported(together, "loss")]
    assert steps == list(range(1, result["metrics"]["steps"] + 1))
    assert abs(result["metrics"]["heldout_reload_difference"]) < 1e-6
    assert len(list((together / "logs").glob("sft_training_*.log"))) == 2  # the stopped run's and the resumed
    assert not list(together.rglob(".new_adapter"))


def test_preferences_are_trained_in_two_processes_from_the_reference(together: Path) -> None:
    output = together / "models/dpo"
    metrics = json.loads((output / "result.json").read_text())["metrics"]
    assert metrics["step0_loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert metrics["step0_margin"] == 0
    assert metrics["final_loss"] < metrics["first_loss"]
    kept = (output / "checkpoints/reference.jsonl").read_text().splitlines()
    assert len(kept) == len({json.loads(line)["key"] for line in kept}) == len(PAIRS)


FULL = """
import sys
import torch
from trl import SFTTrainer
from phases.contract.phase_main import phase_main
from phases.models import distributed

trained = SFTTrainer.compute_loss

def compute_loss(*arguments, **more):
    if distributed.rank() == 1:
        raise torch.OutOfMemoryError
    return trained(*arguments, **more)

SFTTrainer.compute_loss = compute_loss
sys.exit(phase_main("phases.sft_training", sys.argv[1:]))
"""


def test_one_process_that_runs_out_of_memory_in_shares_says_so_and_ends_all(
    tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "full.py").write_text(FULL)
    argv = [str(tmp_path / "full.py"), *arguments(tmp_path, tiny_model), "--shard-weights"]
    process = launched(argv, tmp_path)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 1, said
    assert said.count("the largest batch, 2 rows, does not fit into the GPU's memory (out of memory)") == 1
    assert not list((tmp_path / "models/sft/checkpoints").glob("checkpoint-*"))


IN_SHARES = """
import sys
import torch
from accelerate import PartialState
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from phases.models.kernels import Checkpointing, set_activation_checkpointing
from phases.models.loader import four_bit_config
from phases.models.fsdp import shard

path, four_bit = sys.argv[1], sys.argv[2] == "4"
device = PartialState().device if torch.cuda.is_available() else torch.device("cpu")


packing = four_bit_config(sharded=False) if four_bit else None
packed = {"quantization_config": packing, "device_map": {"": str(device)}}
whole = AutoModelForCausalLM.from_pretrained(path, **packed).requires_grad_(False)
shared = AutoModelForCausalLM.from_pretrained(path).requires_grad_(False)
shard(shared, str(device), four_bit_config(sharded=True) if four_bit else None)
layers = [sum(p.to_local().nbytes for p in shared.model.layers.parameters())]
layers += [sum(p.nbytes for p in whole.model.layers.parameters())]
assert layers[0] < 0.6 * layers[1], layers

ids = torch.arange(1, 41, device=device).view(2, 20)
found = []
for model in (whole, shared):
    torch.manual_seed(0)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    for checkpointing in (Checkpointing.OFF, Checkpointing.ALL):
        adapted.zero_grad()
        set_activation_checkpointing(adapted.train(), checkpointing)
        loss = adapted(input_ids=ids, labels=ids).loss
        loss.backward()
        found.append(torch.stack([loss, *(p.grad.norm() for p in adapted.parameters() if p.requires_grad)]))
    adapted.train(four_bit)  # to evaluate on a CPU, bitsandbytes packs weights in another way
    with torch.inference_mode():
        found.append(adapted(input_ids=ids).logits)
for ours, theirs in zip(found[3:], found[:3], strict=True):
    torch.testing.assert_close(ours, theirs)
"""


@pytest.mark.parametrize("bits", ["32", "4"])
def test_a_model_in_shares_computes_what_it_computes_whole(
    bits: str, tiny_model: Path, tmp_path: Path
) -> None:
    if bits == "4":
        pytest.importorskip("bitsandbytes")
    (tmp_path / "in_shares.py").write_text(IN_SHARES)
    process = launched([str(tmp_path / "in_shares.py"), str(tiny_model), bits], tmp_path)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said


def test_weights_of_4_bits_are_shared_out_as_numbers_that_every_torch_takes_and_gathers_as_bytes() -> None:
    assert four_bit_config(sharded=True).bnb_4bit_quant_storage is torch.float32

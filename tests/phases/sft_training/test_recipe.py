"""SFT training of a tiny model: labels, exact resume, and failures."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.phase_main import phase_main
from phases.models import prompt_format
from phases.models.loader import load_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import Prompt, load_suite
from phases.sft_training import recipe as sft_training
from phases.sft_training.spec import METRICS
from phases.sft_training.trainer import PackedRowsTrainer, collate_rows
from phases.training import micro_batches
from phases.training.micro_batches import MicroBatchTrainer, RowBatch
from phases.training.probe import MicroBatchProbe
from phases.training.split import TrainingData
from tests.phases.models.varlen import allow_packed_attention

WORDS = (
    "red",
    "green",
    "blue",
    "France",
    "Paris",
    "Anna",
    "rose",
    "flower",
    "dog",
    "capital",
    "name",
    "three",
)
ROWS = [{"instruction": f"Swap {a} {b}", "response": f"{b}, {a}"} for a in WORDS[:6] for b in WORDS[6:]]


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sft_data") / "sft_training_data_1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


Train = Callable[..., int]
ADAPTER = "models/sft/adapter_model.safetensors"


@pytest.fixture(scope="module")
def train(tiny_model: Path, rows_file: Path) -> Train:
    def run(folder: Path, *more: str) -> int:
        base = ["--model", str(tiny_model)]
        if "--train-file" not in more:  # Repeated flags of a list accumulate.
            base += ["--train-file", str(rows_file.parent / "*.jsonl")]
        settings = ["--epochs", "2", "--batch-size", "4", "--learning-rate", "0.01", "--lora-r", "4"]
        schedule = ["--gradient-checkpointing", "off", "--heldout-share", "0.1", "--evaluations", "4"]
        output = ["--output-dir", str(folder / "models" / "sft")]
        return phase_main("phases.sft_training", [*base, *output, *settings, *schedule, *more])

    return run


@pytest.fixture(scope="module")
def unbroken(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GONOGO_PROGRESS", str(folder / "progress.jsonl"))
        assert train(folder) == 0
    return folder


def adapter_bytes(folder: Path) -> bytes:
    return (folder / ADAPTER).read_bytes()


def read_result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "models/sft/result.json").read_text())


def read_history(folder: Path) -> list[dict[str, float]]:
    (checkpoint,) = (folder / "models/sft/checkpoints").glob("checkpoint-*")
    entries = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    names = ("step", "loss", "eval_loss", "learning_rate", "grad_norm", "tokens")
    return [{name: entry[name] for name in names if name in entry} for entry in entries]


def call_before(number: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Call `act` before the n-th call of a method of the trainer."""
    original = getattr(PackedRowsTrainer, method)
    calls = iter(range(1, 10_000))

    def patched(*arguments: Any, **more: Any) -> Any:
        if next(calls) == number:
            act()
        return original(*arguments, **more)

    monkeypatch.setattr(PackedRowsTrainer, method, patched)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_response_and_the_end_of_text_are_trained_and_nothing_else(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model))
    example = sft_training.encode_row(sft_training.Row("Swap red", "dog, rose"), tokenizer)
    prompt = tokenizer.encode("Instruction: Swap red\nResponse:")
    response = tokenizer.encode(" dog, rose")
    assert example.ids == [*prompt, *response, tokenizer.eos_id]
    assert example.labels == [-100] * len(prompt) + [*response, tokenizer.eos_id]
    expected = prompt_format.format_prompt("Swap red") + prompt_format.format_completion(
        "dog, rose", tokenizer.eos
    )
    assert tokenizer.decode(example.ids) == expected


def test_the_model_sees_these_labels(
    train: Train, tiny_model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    original = PackedRowsTrainer.training_step

    def recording(self: Any, model: Any, inputs: RowBatch, *more: Any) -> Any:
        seen.extend((tuple(row["input_ids"]), tuple(row["labels"])) for row in inputs.rows)
        return original(self, model, inputs, *more)

    monkeypatch.setattr(PackedRowsTrainer, "training_step", recording)
    assert train(tmp_path) == 0
    tokenizer = load_tokenizer(str(tiny_model))
    examples = [sft_training.encode_row(sft_training.Row(**row), tokenizer) for row in ROWS]
    expected = {(tuple(e.ids), tuple(e.labels)) for e in examples}
    assert set(seen) <= expected
    assert len(set(seen)) == read_result(tmp_path)["metrics"]["train_rows"]
    assert len(seen) == 2 * len(set(seen))


def test_it_learns_and_says_so(unbroken: Path) -> None:
    record = read_result(unbroken)
    metrics = record["metrics"]
    assert set(metrics) <= {metric.name for metric in METRICS}
    assert metrics["final_train_loss"] < metrics["first_train_loss"] - 0.5
    assert metrics["heldout_loss_final"] < metrics["heldout_loss_first"]
    assert metrics["loss_slope_low"] <= metrics["loss_slope"] <= metrics["loss_slope_high"] < 0
    assert abs(metrics["heldout_reload_difference"]) < 1e-6
    assert metrics["train_rows"] + metrics["heldout_rows"] == len(ROWS)
    assert {a["path"].rsplit("/", 1)[-1] for a in record["artifacts"]} == {
        "adapter_model.safetensors",
        "adapter_config.json",
    }
    (log,) = (unbroken / "logs").glob("sft_training_*.log")
    assert "eval_loss" in log.read_text()
    assert "it/s" not in log.read_text()


@pytest.fixture
def weights_at(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, torch.Tensor]]:
    """Make the held-out loss rise with the steps; collect the adapter at each evaluation."""
    log, weights = PackedRowsTrainer.log, {}

    def overfit(self: Any, logs: dict[str, float], *more: Any, **named: Any) -> None:
        if "eval_loss" in logs:
            logs["eval_loss"] += self.state.global_step
            weights[self.state.global_step] = {
                name.replace(".default.", "."): parameter.detach().clone()
                for name, parameter in self.model.named_parameters()
                if ".default." in name
            }
        log(self, logs, *more, **named)

    monkeypatch.setattr(PackedRowsTrainer, "log", overfit)
    return weights


def has_weights(folder: Path, weights: dict[str, torch.Tensor]) -> bool:
    saved = load_file(folder / ADAPTER)
    return saved.keys() == weights.keys() and all(torch.equal(saved[name], weights[name]) for name in saved)


def test_the_adapter_with_the_lowest_heldout_loss_is_delivered(
    train: Train, tmp_path: Path, weights_at: dict[int, dict[str, torch.Tensor]]
) -> None:
    assert train(tmp_path) == 0
    metrics = read_result(tmp_path)["metrics"]
    best, last = metrics["delivered_step"], metrics["steps"]
    assert best == metrics["heldout_best_step"] == last / 4  # the first of four evaluations
    assert metrics["delivered_heldout_loss"] == metrics["heldout_loss_min"] < metrics["heldout_loss_final"]
    # The loss of the adapter as reloaded has no such addition.
    assert metrics["heldout_reload_difference"] == pytest.approx(-best, abs=1e-5)
    assert has_weights(tmp_path, weights_at[best])
    assert not has_weights(tmp_path, weights_at[last])
    assert load_model(str(tmp_path / "models/sft")).source.base
    # The checkpoints of the ended training still have both adapters.
    assert train(tmp_path, "--deliver", "last") == 0
    assert has_weights(tmp_path, weights_at[last])
    assert read_result(tmp_path)["metrics"]["delivered_step"] == last
    assert train(tmp_path) == 0
    assert has_weights(tmp_path, weights_at[best])
    folders = sorted(path.name for path in (tmp_path / "models/sft/checkpoints").iterdir() if path.is_dir())
    assert folders == [f"best-{best}", f"checkpoint-{last}"]


def test_a_resumed_training_delivers_the_best_adapter_from_before_the_stop(
    train: Train,
    tmp_path: Path,
    weights_at: dict[int, dict[str, torch.Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        call_before(9, terminate, patch, "training_step")
        with pytest.raises(SystemExit):
            train(tmp_path)
    assert train(tmp_path) == 0
    metrics = read_result(tmp_path)["metrics"]
    assert metrics["delivered_step"] < 9 < metrics["steps"]
    assert has_weights(tmp_path, weights_at[metrics["delivered_step"]])


def test_another_training_in_the_same_folder_does_not_deliver_the_earlier_one(
    train: Train, tmp_path: Path, weights_at: dict[int, dict[str, torch.Tensor]]
) -> None:
    assert train(tmp_path, "--learning-rate", "0.02") == 0
    earlier = weights_at[read_result(tmp_path)["metrics"]["delivered_step"]]
    assert train(tmp_path) == 0
    assert not has_weights(tmp_path, earlier)
    assert has_weights(tmp_path, weights_at[read_result(tmp_path)["metrics"]["delivered_step"]])


def test_a_training_that_ends_best_delivers_its_last_adapter(unbroken: Path) -> None:
    metrics = read_result(unbroken)["metrics"]
    assert metrics["delivered_step"] == metrics["steps"]
    assert metrics["delivered_heldout_loss"] == metrics["heldout_loss_min"] == metrics["heldout_loss_final"]


def test_adapter_and_base_are_loaded_together(unbroken: Path, tiny_model: Path) -> None:
    loaded = load_model(str(unbroken / "models/sft"))
    assert loaded.source.base
    assert loaded.source.base.path == str(tiny_model)
    assert {p.dtype for n, p in loaded.model.named_parameters() if "lora" in n} == {loaded.model.dtype}


def test_live_lines(unbroken: Path) -> None:
    lines = [json.loads(line) for line in (unbroken / "progress.jsonl").read_text().splitlines()]
    steps = read_result(unbroken)["metrics"]["steps"]
    trained = [line for line in lines if line["type"] == "metric" and "loss" in line["values"]]
    assert [line["step"] for line in trained] == list(range(1, steps + 1))
    assert set(trained[0]["values"]) == {"loss", "learning_rate", "grad_norm", "tokens_per_second"}
    held = [line["step"] for line in lines if line["type"] == "metric" and "eval_loss" in line["values"]]
    assert (held[0], held[-1], len(held)) == (0, steps, 5)
    assert [line for line in lines if line["type"] == "progress"][-1]["done"] == steps
    samples = [line for line in lines if line["type"] == "sample"]
    assert len(samples) >= 3
    assert set(samples[0]["texts"]) == {"instruction", "expected", "answer"}


@pytest.mark.parametrize(("method", "call"), [("training_step", 5), ("prediction_step", 2)])
def test_a_run_that_was_stopped_ends_as_the_uninterrupted_one(  # noqa: PLR0917
    method: str, call: int, train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as stopping:
        call_before(call, terminate, stopping, method)
        with pytest.raises(SystemExit) as exit_:
            train(tmp_path)
    assert exit_.value.code == 143
    assert not (tmp_path / "models/sft/adapter_config.json").exists()
    assert train(tmp_path) == 0
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)
    assert read_history(tmp_path) == read_history(unbroken)


def test_a_run_that_was_killed_continues_from_the_last_complete_checkpoint(
    train: Train,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class KilledError(Exception):
        pass

    def kill() -> None:
        raise KilledError

    with monkeypatch.context() as killing:
        call_before(8, kill, killing, "training_step")
        with pytest.raises(KilledError):
            train(tmp_path, "--checkpoint-minutes", "0")
    checkpoints = tmp_path / "models/sft/checkpoints"
    assert sorted(p.name for p in checkpoints.glob("checkpoint-*")) == ["checkpoint-6", "checkpoint-7"]
    # A full disk leaves all files, one of them truncated.
    torn = checkpoints / "checkpoint-7" / "optimizer.pt"
    torn.write_bytes(torn.read_bytes()[:-10])
    shutil.copytree(checkpoints / "checkpoint-7", checkpoints / "checkpoint-8")
    (checkpoints / "checkpoint-8" / "trainer_state.json").unlink()

    assert train(tmp_path) == 0
    output = capsys.readouterr().out
    assert "checkpoint-8 is incomplete" in output
    assert "checkpoint-7 is incomplete" in output
    assert f"resuming from {checkpoints / 'checkpoint-6'}" in output
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)
    assert read_history(tmp_path) == read_history(unbroken)


def test_the_same_command_again_finds_itself_done(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(unbroken, folder)

    def unwanted() -> None:
        raise AssertionError("a step was trained again")

    call_before(1, unwanted, monkeypatch, "training_step")
    assert train(folder) == 0
    assert adapter_bytes(folder) == adapter_bytes(unbroken)
    again, first = read_result(folder)["metrics"], read_result(unbroken)["metrics"]
    assert again == first


def test_checkpoints_of_other_parameters_are_stale(
    train: Train, unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(unbroken, tmp_path / "a")
    assert train(tmp_path / "a", "--learning-rate", "0.002") == 0
    assert "stale and not used: made with other learning_rate" in capsys.readouterr().out
    assert train(tmp_path / "b", "--learning-rate", "0.002") == 0
    assert adapter_bytes(tmp_path / "a") == adapter_bytes(tmp_path / "b") != adapter_bytes(unbroken)


def test_a_model_that_gives_no_numbers_stops_at_once(
    tiny_model: Path, rows_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = load_model(str(tiny_model))
    with torch.no_grad():
        broken.model.model.norm.weight[0] = float("nan")
    broken.model.save_pretrained(tmp_path / "model")
    broken.tokenizer.hf.save_pretrained(tmp_path / "model")
    argv = ["--train-file", str(rows_file), "--model", str(tmp_path / "model"), "--output-dir"]
    assert phase_main("phases.sft_training", [*argv, str(tmp_path / "models/sft")]) == 1
    assert "step 0: eval_loss is nan, so training has diverged" in capsys.readouterr().err


def test_a_loss_that_diverges_stops_the_run_before_it_is_saved(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = SFTTrainer.compute_loss
    calls = iter(range(10_000))

    def diverging(self: Any, model: Any, *arguments: Any, **more: Any) -> Any:
        loss = original(self, model, *arguments, **more)
        # The first call is the probe's.
        return loss * float("inf") if model.training and next(calls) == 5 else loss

    monkeypatch.setattr(SFTTrainer, "compute_loss", diverging)
    assert train(tmp_path, "--checkpoint-minutes", "0") == 1
    assert "step 5: loss is inf" in capsys.readouterr().err
    assert not (tmp_path / "models/sft/checkpoints/checkpoint-5").exists()
    assert (tmp_path / "models/sft/checkpoints/checkpoint-4").exists()


def test_rows_that_are_too_long_are_dropped_completely(
    train: Train, tmp_path: Path, rows_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"instruction": "Name", "response": "red " * 400}) + "\n")
    assert train(tmp_path, "--max-length", "64", "--train-file", str(rows_file), str(more)) == 0
    metrics = read_result(tmp_path)["metrics"]
    assert metrics["dropped_too_long"] == 1
    assert metrics["train_rows"] + metrics["heldout_rows"] == len(ROWS)
    assert train(tmp_path, "--max-length", "64", "--train-file", str(more)) == 2
    assert "all 1 rows are longer than --max-length 64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--train-file", "/nowhere/*.jsonl"), "no file matches"),
        (("--model", "/nowhere"), "--model: model /nowhere"),
        (("--suite", "/nowhere"), "--suite: suite /nowhere: expected embedded, embedded_test, stage1"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(
    more: tuple[str, ...], message: str, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "planted",
    [
        lambda prompt: (f"{prompt.instruction.upper()}!", prompt.reference),
        lambda prompt: (prompt.instruction.replace(" ", " - ").strip("."), prompt.reference),
        lambda prompt: (f"Hello. {prompt.instruction} Take your time.", prompt.reference),
        lambda prompt: ("Go on.", f"Instruction: {prompt.instruction}\nResponse: {prompt.reference}"),
    ],
    ids=["case", "punctuation", "embedded", "in the response"],
)
def test_evaluation_prompts_planted_in_the_rows_are_caught_before_anything_is_trained(
    planted: Callable[[Prompt], tuple[str, str]],
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prompts = load_suite("stage1").prompts[:5]
    bad = [dict(zip(("instruction", "response"), planted(prompt), strict=True)) for prompt in prompts]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS, *bad]))
    given = ["--train-file", str(rows), "--model", str(tiny_model), "--output-dir", str(tmp_path / "m" / "s")]
    assert phase_main("phases.sft_training", [*given, "--epochs", "1", "--batch-size", "8"]) == 2
    output = capsys.readouterr().err
    assert "5 texts reveal a prompt of the suite stage1: " in output
    assert " contains commands-001" in output
    assert "and 2 more" in output
    assert not list(tmp_path.rglob("*.safetensors"))
    assert (
        phase_main("phases.sft_training", [*given, "--epochs", "1", "--batch-size", "8", "--suite", "none"])
        == 0
    )


def test_sft_does_not_start_from_an_adapter(
    train: Train, unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, "--model", str(unbroken / "models/sft")) == 2
    assert "is an adapter" in capsys.readouterr().err


def test_packed_rows_have_the_loss_that_they_have_alone(tiny_model: Path) -> None:
    loaded = load_model(str(tiny_model))
    examples = [sft_training.encode_row(sft_training.Row(**row), loaded.tokenizer) for row in ROWS[:9]]

    def losses(batch: dict[str, torch.Tensor]) -> list[float]:
        """Return the loss of each trained token."""
        labels = batch.pop("labels")
        with torch.no_grad():
            logits = loaded.model(**batch, use_cache=False).logits[:, :-1]
        every = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return every[labels[:, 1:] != -100].tolist()

    rows = [{"input_ids": e.ids, "labels": e.labels} for e in examples]
    alone = [
        loss for row in rows for loss in losses({name: torch.tensor([ids]) for name, ids in row.items()})
    ]

    def collate(sequences: list[list[int]], **how: bool) -> dict[str, torch.Tensor]:
        length = 3 + max(sum(len(rows[i]["input_ids"]) for i in sequence) for sequence in sequences)
        return collate_rows(rows, sequences, length=length, pad_id=0, **how)

    packed = [[0, 1, 2, 3], [4], [5, 6, 7, 8]]
    assert losses(collate(packed, is_packed=True)) == pytest.approx(alone, abs=1e-5)
    padded = collate([[i] for i in range(9)], is_packed=False)
    assert losses(padded) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("packing", ["--packing", "--no-packing"])
def test_packing_and_the_size_of_micro_batches_change_rounding_only(
    packing: str, train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MicroBatchProbe, "list_settings", lambda self: [MicroBatchSetting(30, 1)])
    monkeypatch.setattr(MicroBatchTrainer, "forward_tokens", 100)
    monkeypatch.setattr(micro_batches, "SMALLEST_FORWARD", 50)
    shapes = []
    original = SFTTrainer.compute_loss

    def recording(self: Any, model: Any, inputs: dict[str, Any], *more: Any) -> Any:
        if inputs["input_ids"].numel() > 50:
            raise torch.OutOfMemoryError
        shapes.append(inputs["input_ids"].shape)
        return original(self, model, inputs, *more)

    monkeypatch.setattr(SFTTrainer, "compute_loss", recording)
    assert train(tmp_path, packing, "--max-length", "30") == 0
    assert len(shapes) > 2 * read_result(tmp_path)["metrics"]["steps"]
    assert max(rows * length for rows, length in shapes) <= 50
    ours, theirs = (load_file(folder / ADAPTER) for folder in (tmp_path, unbroken))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-4)
    for entry, other in zip(read_history(tmp_path), read_history(unbroken), strict=True):
        assert entry == pytest.approx(other, abs=1e-3)


def test_attention_within_runs_changes_rounding_only(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_packed_attention(monkeypatch)
    monkeypatch.setattr(MicroBatchProbe, "list_settings", lambda self: [MicroBatchSetting(40, 1)])
    shapes = []
    original = SFTTrainer.compute_loss

    def recording(self: Any, model: Any, inputs: dict[str, Any], *more: Any) -> Any:
        shapes.append((len(inputs["input_ids"]), "packed_runs" in inputs))
        return original(self, model, inputs, *more)

    monkeypatch.setattr(SFTTrainer, "compute_loss", recording)
    assert train(tmp_path, "--packing") == 0
    assert set(shapes) == {(1, True)}
    assert read_result(tmp_path)["provenance"]["attention"] == "packed"
    ours, theirs = (load_file(folder / ADAPTER) for folder in (tmp_path, unbroken))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-4)


def test_rows_that_are_not_packed_need_no_attention_within_runs(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_packed_attention(monkeypatch)
    assert train(tmp_path) == 0
    assert read_result(tmp_path)["provenance"]["attention"] == "sdpa"
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)


def test_a_step_has_the_gradients_that_padded_rows_have_in_trl(tiny_model: Path, tmp_path: Path) -> None:
    """Compare a step of three micro-batches with TRL's own data path."""
    parameters = sft_training.Parameters(
        train_file=["x"], output_dir=tmp_path, packing=True, max_length=32, lora_r=4, batch_size=9
    )

    def prepare() -> Any:
        loaded = load_model(str(tiny_model))
        examples = [sft_training.encode_row(sft_training.Row(**row), loaded.tokenizer) for row in ROWS[:9]]
        trainer = sft_training.build_trainer(
            parameters, loaded, 1, TrainingData(examples, examples[:1], 9, 0)
        )
        torch.manual_seed(5)
        for name, parameter in trainer.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        trainer.model.train()
        return trainer

    packed, padded = prepare(), prepare()
    packed.setting = MicroBatchSetting(64, 0)
    loss = packed.training_step(packed.model, RowBatch(list(packed.train_dataset)))
    batch = DataCollatorForLanguageModeling(pad_token_id=0)(list(padded.train_dataset))
    expected = SFTTrainer.compute_loss(padded, padded.model, batch)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for ours, theirs in zip(packed.model.parameters(), padded.model.parameters(), strict=True):
        if ours.requires_grad:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-5)
    for name in ("entropy", "mean_token_accuracy"):
        assert packed._metrics["train"][name] == pytest.approx(padded._metrics["train"][name], abs=1e-5)


def test_a_packed_run_trains_every_row_and_resumes_exactly(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = ("--max-length", "64", "--batch-size", "2")
    packing = (*batches, "--packing")
    assert train(tmp_path / "unbroken", *packing) == 0
    assert train(tmp_path / "padded", *batches) == 0
    metrics, padded = (read_result(tmp_path / name)["metrics"] for name in ("unbroken", "padded"))
    assert metrics["tokens_trained"] == padded["tokens_trained"]
    assert metrics["heldout_loss_first"] == pytest.approx(padded["heldout_loss_first"], abs=1e-5)
    assert metrics["final_train_loss"] < metrics["first_train_loss"]
    with monkeypatch.context() as stopping:
        call_before(4, terminate, stopping, "training_step")
        with pytest.raises(SystemExit):
            train(tmp_path / "stopped", *packing)
    assert train(tmp_path / "stopped", *packing) == 0
    assert adapter_bytes(tmp_path / "stopped") == adapter_bytes(tmp_path / "unbroken")
    assert read_history(tmp_path / "stopped") == read_history(tmp_path / "unbroken")


def test_the_probe_changes_nothing(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MicroBatchProbe, "on_train_begin", lambda *arguments, **more: None)
    assert train(tmp_path) == 0
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)
    assert read_history(tmp_path) == read_history(unbroken)


@pytest.mark.parametrize(
    ("shards", "use_fsdp", "why"),
    [
        (["--shard-weights"], "", "expected several processes on each host"),
        ([], "true", "use --shard-weights instead"),
    ],
)
def test_weights_are_shared_by_several_processes_and_by_nothing_else(  # noqa: PLR0917
    shards: list[str],
    use_fsdp: str,
    why: str,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", use_fsdp)
    assert train(tmp_path, *shards) == 2
    output = capsys.readouterr().err
    assert why in output
    assert output.count("\n") == 1


def run_out_of_memory(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the first passes through the model run out of memory."""
    original = SFTTrainer.compute_loss
    calls = iter(range(10_000))

    def patched(*arguments: Any, **more: Any) -> Any:
        if next(calls) < times:
            raise torch.OutOfMemoryError
        return original(*arguments, **more)

    monkeypatch.setattr(SFTTrainer, "compute_loss", patched)


@pytest.mark.parametrize(("failures", "recomputed"), [(0, 0), (1, 1), (2, 2)])
def test_layers_recompute_only_where_memory_needs_it(  # noqa: PLR0917
    failures: int,
    recomputed: int,
    train: Train,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_out_of_memory(failures, monkeypatch)
    assert train(tmp_path, "--gradient-checkpointing", "auto") == 0
    chosen = read_result(tmp_path)["provenance"]["micro_batch"]
    assert chosen["recomputed_layers"] == recomputed
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)


@pytest.mark.parametrize("wanted", ["auto", "off"])
def test_a_plan_that_does_not_fit_is_reported_before_training(
    wanted: str,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_out_of_memory(10_000, monkeypatch)
    assert train(tmp_path, "--gradient-checkpointing", wanted) == 1
    output = capsys.readouterr().err
    assert "a micro-batch of 19 tokens, the smallest possible, does not fit into the GPU's memory" in output
    assert ("gradient_checkpointing = auto" in output) == (wanted == "off")
    assert not list((tmp_path / "models/sft/checkpoints").glob("checkpoint-*"))


def test_a_training_reports_to_tensorboard_too(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_DIR", "WANDB_PROJECT", "WANDB_MODE"):
        monkeypatch.setenv(name, "")  # Restored after the test, which sets them.
        monkeypatch.delenv(name)
    assert train(tmp_path, "--epochs", "1", "--report-to", "tensorboard") == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "logs" / "tensorboard"))
    events.Reload()
    losses = [event.value for event in events.Scalars("train/loss")]
    assert len(losses) > 1
    assert losses[-1] < losses[0]

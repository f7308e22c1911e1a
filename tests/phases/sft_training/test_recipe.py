"""SFT training of a tiny model: labels, exact resume, and failures."""

import dataclasses
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import SFTTrainer

from phases.contract.phase_main import phase_main
from phases.models import prompt_format
from phases.models.loader import load_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import Prompt, load_suite
from phases.sft_training import recipe as sft_training
from phases.sft_training.spec import METRICS
from phases.training.probe import LargestBatchProbe

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
ROWS = [{"instruction": f"Name {a} {b}", "response": f"{b}, {a}"} for a in WORDS[:6] for b in WORDS[6:]]


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sft_data") / "sft_training_data_1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


Train = Callable[..., int]


@pytest.fixture(scope="module")
def train(tiny_model: Path, rows_file: Path) -> Train:
    def run(folder: Path, *more: str) -> int:
        base = ["--train-file", str(rows_file.parent / "*.jsonl"), "--model", str(tiny_model)]
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
    return (folder / "models/sft/adapter_model.safetensors").read_bytes()


def read_result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "models/sft/result.json").read_text())


def read_history(folder: Path) -> list[dict[str, float]]:
    (checkpoint,) = (folder / "models/sft/checkpoints").glob("checkpoint-*")
    entries = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    names = ("step", "loss", "eval_loss", "learning_rate", "grad_norm", "tokens")
    return [{name: entry[name] for name in names if name in entry} for entry in entries]


def call_before(number: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Call `act` before the n-th call of a method of the trainer."""
    original = getattr(SFTTrainer, method)
    calls = iter(range(1, 10_000))

    def patched(*arguments: Any, **more: Any) -> Any:
        if next(calls) == number:
            act()
        return original(*arguments, **more)

    monkeypatch.setattr(SFTTrainer, method, patched)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_response_and_the_end_of_text_are_trained_and_nothing_else(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model))
    example = sft_training.encode_row(sft_training.Row("Name red", "dog, rose"), tokenizer)
    prompt = tokenizer.encode("Instruction: Name red\nResponse:")
    response = tokenizer.encode(" dog, rose")
    assert example.ids == [*prompt, *response, tokenizer.eos_id]
    assert example.labels == [-100] * len(prompt) + [*response, tokenizer.eos_id]
    expected = prompt_format.format_prompt("Name red") + prompt_format.format_completion(
        "dog, rose", tokenizer.eos
    )
    assert tokenizer.decode(example.ids) == expected


def test_the_model_sees_these_labels(
    train: Train, tiny_model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    original = SFTTrainer.training_step

    def recording(self: Any, model: Any, inputs: dict[str, Any], *more: Any, **named: Any) -> Any:
        for ids, labels, mask in zip(
            inputs["input_ids"].tolist(),
            inputs["labels"].tolist(),
            inputs["attention_mask"].tolist(),
            strict=True,
        ):
            length = sum(mask)
            assert set(labels[length:]) <= {-100}
            seen.append((tuple(ids[:length]), tuple(labels[:length])))
        return original(self, model, inputs, *more, **named)

    monkeypatch.setattr(SFTTrainer, "training_step", recording)
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
def test_a_run_that_was_stopped_ends_as_the_unbroken_one(  # noqa: PLR0917
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


def test_a_run_that_was_killed_goes_on_from_the_last_whole_checkpoint(
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


def test_rows_that_are_too_long_are_left_out_whole(
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
        (("--suite", "/nowhere"), "--suite: suite /nowhere: expected embedded, stage1"),
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
    assert "5 texts hold a prompt of the suite stage1: " in output
    assert " holds commands-001" in output
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
    sequences = [examples[:4], examples[4:5], examples[5:]]

    def losses(batch: dict[str, torch.Tensor]) -> list[float]:
        """Return the loss of each trained token."""
        labels = batch.pop("labels")
        with torch.no_grad():
            logits = loaded.model(**batch, use_cache=False).logits[:, :-1]
        every = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return every[labels[:, 1:] != -100].tolist()

    rows = [{"ids": e.ids, "labels": e.labels} for e in examples]
    alone = [
        loss
        for row in rows
        for loss in losses({"input_ids": torch.tensor([row["ids"]]), "labels": torch.tensor([row["labels"]])})
    ]
    dataset = sft_training.build_dataset(sequences)
    collate = sft_training.build_packed_collator(loaded)
    packed = collate([dataset[i] for i in range(3)])
    assert packed["input_ids"].shape == (3, max(sum(len(e.ids) for e in s) for s in sequences))
    assert losses(packed) == pytest.approx(alone, abs=1e-5)
    # Flash attention takes one sequence with the positions where rows begin; the losses are the same.
    flat = sft_training.build_packed_collator(dataclasses.replace(loaded, model=_Flash(loaded.model)))
    assert losses(flat([dataset[i] for i in range(3)])) == pytest.approx(alone, abs=1e-5)


class _Flash:
    """A model that reports flash attention."""

    def __init__(self, model: Any) -> None:
        self.config = type("Config", (), {"_attn_implementation": "flash_attention_2"})


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
    monkeypatch.setattr(LargestBatchProbe, "on_train_begin", lambda *arguments, **more: None)
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


@pytest.mark.parametrize(("failures", "then"), [(0, "off"), (1, "every second layer"), (2, "on")])
def test_layers_recompute_only_where_memory_needs_it(  # noqa: PLR0917
    failures: int,
    then: str,
    train: Train,
    unbroken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_out_of_memory(failures, monkeypatch)
    assert train(tmp_path, "--gradient-checkpointing", "auto") == 0
    assert read_result(tmp_path)["provenance"]["gradient_checkpointing"] == then
    assert adapter_bytes(tmp_path) == adapter_bytes(unbroken)


@pytest.mark.parametrize(("wanted", "failures"), [("auto", 3), ("off", 1)])
def test_what_does_not_fit_is_said_before_anything_is_trained(  # noqa: PLR0917
    wanted: str,
    failures: int,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_out_of_memory(failures, monkeypatch)
    assert train(tmp_path, "--gradient-checkpointing", wanted) == 1
    output = capsys.readouterr().err
    assert "the largest batch, 4 rows, does not fit into the GPU's memory (out of memory)" in output
    assert ("gradient_checkpointing = auto" in output) == (wanted == "off")
    assert not list((tmp_path / "models/sft/checkpoints").glob("checkpoint-*"))

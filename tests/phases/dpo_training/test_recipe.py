"""DPO training of a tiny model: pairs, reference, exact resume and warnings."""

import json
import math
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import trl.trainer.dpo_trainer as library
from safetensors.torch import load_file
from trl import DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from phases.contract.micro_batch import MicroBatchSetting
from phases.contract.phase_main import phase_main
from phases.dpo_training import recipe as dpo_training
from phases.dpo_training.spec import METRICS, SPEC
from phases.dpo_training.trainer import PackedPairsTrainer
from phases.models import prompt_format
from phases.models.loader import load_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import Prompt, load_suite
from phases.training import micro_batches
from phases.training.micro_batches import MicroBatch, MicroBatchTrainer, RowBatch
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
PAIRS = [
    {
        "prompt": f"Instruction: Swap {a} {b}\nResponse:",
        "chosen": f" {b}, {a}",
        "rejected": f" {a} {a} {a}",
        "chosen_finished": True,
        "rejected_finished": n % 2 == 0,
        "margin": 1.0,
    }
    for n, (a, b) in enumerate((a, b) for a in WORDS[:6] for b in WORDS[6:])
]
Train = Callable[..., int]
ADAPTER = "models/dpo/adapter_model.safetensors"


@pytest.fixture(scope="module")
def sft_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sft")
    rows = [{"instruction": f"Swap {a}", "response": f"{a}, red"} for a in WORDS]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = folder / "models" / "sft_model"
    argv = [
        "--train-file",
        str(folder / "rows.jsonl"),
        "--model",
        str(tiny_model),
        "--output-dir",
        str(output),
    ]
    assert (
        phase_main(
            "phases.sft_training",
            # "Swap three" counts as a paraphrase of a suite prompt about three things.
            [*argv, "--suite", "none", "--epochs", "2", "--learning-rate", "0.01", "--lora-r", "4"],
        )
        == 0
    )
    return output


@pytest.fixture(scope="module")
def train(sft_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    pairs = tmp_path_factory.mktemp("pairs") / "preference_pairs_1.jsonl"
    pairs.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))

    def run(folder: Path, *more: str) -> int:
        inputs = ["--sft-model", str(sft_model), "--preference-file", str(pairs)]
        settings = ["--epochs", "2", "--batch-size", "4", "--learning-rate", "0.003", "--evaluations", "2"]
        output = ["--output-dir", str(folder / "models" / "dpo"), "--gradient-checkpointing", "off"]
        return phase_main(
            "phases.dpo_training", [*inputs, *output, *settings, "--heldout-share", "0.1", *more]
        )

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


def read_history(folder: Path) -> list[dict[str, float]]:
    (checkpoint,) = (folder / "models/dpo/checkpoints").glob("checkpoint-*")
    entries = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    unequal = ("runtime", "seconds", "per_second")
    return [{n: v for n, v in e.items() if not n.endswith(unequal)} for e in entries[:-1]]


def read_result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "models/dpo/result.json").read_text())


def test_an_answer_that_did_not_end_is_not_taught_to_end(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model))
    prompt = "Instruction: Name red\nResponse:"
    pair = dpo_training.encode_row(dpo_training.Row(prompt, " dog", " rose", True, False), tokenizer)
    assert pair.prompt == tokenizer.encode(prompt)
    assert pair.chosen == [*tokenizer.encode(" dog"), tokenizer.eos_id]
    assert pair.rejected == tokenizer.encode(" rose")
    assert pair.longest == len(pair.prompt) + max(len(pair.chosen), len(pair.rejected))
    assert pair.tokens == 2 * len(pair.prompt) + len(pair.chosen) + len(pair.rejected)


def test_the_model_sees_these_pairs(
    train: Train, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = PackedPairsTrainer.training_step

    def recording(self: Any, model: Any, inputs: RowBatch, *more: Any) -> Any:
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        seen.extend(tuple(tuple(row[name]) for name in names) for row in inputs.rows)
        return original(self, model, inputs, *more)

    monkeypatch.setattr(PackedPairsTrainer, "training_step", recording)
    assert train(tmp_path) == 0
    tokenizer = load_tokenizer(str(tiny_model))
    names = ("prompt", "chosen", "rejected", "chosen_finished", "rejected_finished")
    expected = set()
    for row in PAIRS:
        pair = dpo_training.encode_row(dpo_training.Row(*(row[name] for name in names)), tokenizer)  # type: ignore[arg-type]
        expected.add((tuple(pair.prompt), tuple(pair.chosen), tuple(pair.rejected)))
    assert set(seen) <= expected
    assert len(set(seen)) == read_result(tmp_path)["metrics"]["train_rows"]


def test_attention_within_runs_changes_rounding_only(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_packed_attention(monkeypatch)
    monkeypatch.setattr(MicroBatchProbe, "list_settings", lambda self: [MicroBatchSetting(60, 1)])
    seen = []
    original = PackedPairsTrainer.compute_share_of_loss

    def recording(self: Any, model: Any, batch: MicroBatch, shares: Any) -> Any:
        seen.append((len(batch.tensors["input_ids"]), batch.runs is not None))
        return original(self, model, batch, shares)

    monkeypatch.setattr(PackedPairsTrainer, "compute_share_of_loss", recording)
    assert train(tmp_path) == 0
    assert set(seen) == {(1, True)}
    ours, theirs = (load_file(folder / ADAPTER) for folder in (tmp_path, unbroken))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-4)
    for name, value in read_result(unbroken)["metrics"].items():
        if "per_second" not in name:
            assert read_result(tmp_path)["metrics"][name] == pytest.approx(value, abs=1e-3), name


def test_a_share_of_sft_keeps_chosen_answers_likely(train: Train, unbroken: Path, tmp_path: Path) -> None:
    assert train(tmp_path, "--sft-weight", "2") == 0
    alone, both = read_result(unbroken)["metrics"], read_result(tmp_path)["metrics"]
    assert both["chosen_logp_change"] > alone["chosen_logp_change"]
    # The held-out loss is that of DPO alone; training adds the SFT loss.
    assert both["step0_loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert both["first_loss"] > alone["first_loss"] + 0.5
    assert set(both) == {metric.name for metric in METRICS} - {"overfit_gap"}


def test_without_the_dpo_loss_only_chosen_answers_are_learnt(
    train: Train, unbroken: Path, tmp_path: Path
) -> None:
    assert train(tmp_path / "control", "--dpo-weight", "0", "--sft-weight", "1") == 0
    assert train(tmp_path / "both", "--sft-weight", "1") == 0
    control, both = (read_result(tmp_path / name)["metrics"] for name in ("control", "both"))
    assert control["rejected_logp_change"] > both["rejected_logp_change"]
    assert control["heldout_margin"] < both["heldout_margin"]
    # The held-out loss is the SFT loss, which is not log 2 at the start, and it falls.
    assert "step0_loss" not in control
    assert control["step0_margin"] == pytest.approx(0, abs=1e-6)
    assert control["heldout_loss_first"] > 1
    assert control["heldout_loss_final"] < control["heldout_loss_first"]
    assert control["first_loss"] == pytest.approx(control["heldout_loss_first"], rel=0.3)


def test_rejected_answers_do_not_matter_without_the_dpo_loss(sft_model: Path, tmp_path: Path) -> None:
    for name, rejected in (("one", " red red"), ("other", " dog")):
        rows = [{**pair, "rejected": rejected} for pair in PAIRS]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        argv = ["--sft-model", str(sft_model), "--preference-file", str(path), "--epochs", "1"]
        argv += [
            "--output-dir",
            str(tmp_path / name / "models/dpo"),
            "--batch-size",
            "4",
            "--dpo-weight",
            "0",
        ]
        assert (
            phase_main("phases.dpo_training", [*argv, "--sft-weight", "1", "--learning-rate", "0.003"]) == 0
        )
    one, other = (load_file(tmp_path / name / ADAPTER) for name in ("one", "other"))
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_a_training_without_a_loss_is_rejected(train: Train, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as exit_:
        train(tmp_path, "--dpo-weight", "0")
    assert exit_.value.code == 2
    assert "set sft_weight to 1" in capsys.readouterr().err


def test_answers_change_places_at_random_in_a_share_of_the_pairs() -> None:
    rows = [dpo_training.Row("p", f" good {n}", f" bad {n}", True, False) for n in range(400)]
    assert dpo_training.swap_labels(rows, 0, 1) == rows
    swapped = dpo_training.swap_labels(rows, 1, 1)
    assert swapped[7] == dpo_training.Row("p", " bad 7", " good 7", False, True)
    half = dpo_training.swap_labels(rows, 0.5, 1)
    assert half == dpo_training.swap_labels(rows, 0.5, 1)
    assert 150 < sum(row in swapped for row in half) < 250


def test_a_preference_whose_labels_are_shuffled_is_not_learnt(
    train: Train, unbroken: Path, tmp_path: Path
) -> None:
    assert train(tmp_path, "--swapped-share", "0.5") == 0
    shuffled, right = (read_result(folder)["metrics"]["heldout_accuracy"] for folder in (tmp_path, unbroken))
    assert right == 1
    assert shuffled < right


def test_it_starts_as_the_reference_and_learns_the_preference(unbroken: Path) -> None:
    metrics = read_result(unbroken)["metrics"]
    assert set(metrics) == {metric.name for metric in METRICS}
    assert metrics["step0_loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert metrics["step0_margin"] == 0
    assert metrics["final_loss"] < metrics["first_loss"]
    assert metrics["final_margin"] > 0.1
    assert metrics["heldout_accuracy"] > 0.9
    assert metrics["heldout_rows"] == 4
    assert abs(metrics["heldout_reload_difference"]) < 1e-6


def test_shuffled_labels_teach_nothing(sft_model: Path, tmp_path: Path) -> None:
    """With contradicting labels for each prompt, the model cannot rank held-out pairs."""
    pairs = [{**pair, "rejected_finished": True} for pair in PAIRS]
    swapped = [{**pair, "chosen": pair["rejected"], "rejected": pair["chosen"]} for pair in pairs]
    rows = [*pairs, *swapped]  # both pairs of a prompt are trained or held out together
    random.Random(5).shuffle(rows)
    path = tmp_path / "shuffled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    inputs = [
        "--sft-model",
        str(sft_model),
        "--preference-file",
        str(path),
        "--gradient-checkpointing",
        "off",
    ]
    settings = ["--epochs", "1", "--batch-size", "4", "--learning-rate", "0.003", "--heldout-share", "0.3"]
    settings += ["--deliver", "last"]  # the best adapter is that of the first step, whose rate is 0
    assert (
        phase_main("phases.dpo_training", [*inputs, "--output-dir", str(tmp_path / "models/dpo"), *settings])
        == 0
    )
    metrics = read_result(tmp_path)["metrics"]
    assert metrics["heldout_accuracy"] == pytest.approx(0.5)
    assert metrics["heldout_margin"] == pytest.approx(0, abs=1e-4)
    assert metrics["heldout_loss_final"] >= math.log(2) - 1e-4


def test_it_saves_one_adapter_and_leaves_that_of_sft_alone(unbroken: Path, sft_model: Path) -> None:
    before = load_file(sft_model / "adapter_model.safetensors")
    after = load_file(unbroken / "models/dpo/adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert all((before[name] != after[name]).any() for name in before)
    assert not (unbroken / "models/dpo/ref").exists()
    assert (unbroken / "models/dpo/base_model.json").read_bytes() == (
        sft_model / "base_model.json"
    ).read_bytes()
    assert list((unbroken / "logs").glob("dpo_training_*.log"))


def test_another_reference_is_noticed_before_anything_is_trained(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = library.use_adapter
    # A known mistake: with the adapter switched off, the reference is the base model.
    monkeypatch.setattr(library, "use_adapter", lambda model, adapter_name: original(model, None))
    assert train(tmp_path) == 1
    assert "the reference is not the model that is trained" in capsys.readouterr().err
    assert not list((tmp_path / "models").rglob("*.safetensors"))
    # Nothing is stored of the wrong reference either.
    assert not list((tmp_path / "models").rglob("reference.jsonl"))


@pytest.mark.parametrize("accumulation", ["1", "2"])
def test_a_run_that_was_stopped_ends_as_the_uninterrupted_one(
    accumulation: str, train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("--gradient-accumulation", accumulation)
    complete = unbroken if accumulation == "1" else tmp_path / "whole"
    assert complete == unbroken or train(complete, *settings) == 0
    original = PackedPairsTrainer.training_step
    calls = iter(range(1, 10_000))

    def stopping(*arguments: Any, **more: Any) -> Any:
        if next(calls) == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(PackedPairsTrainer, "training_step", stopping)
        with pytest.raises(SystemExit) as exit_:
            train(tmp_path / "stopped", *settings)
    assert exit_.value.code == 143
    assert train(tmp_path / "stopped", *settings) == 0
    assert adapter_bytes(tmp_path / "stopped") == adapter_bytes(complete)
    ours, theirs = read_result(tmp_path / "stopped")["metrics"], read_result(complete)["metrics"]
    assert {**ours, "tokens_per_second": 0} == {**theirs, "tokens_per_second": 0}


@pytest.mark.parametrize("options", [(), ("--sft-weight", "0.5")], ids=["alone", "with SFT"])
def test_the_size_of_micro_batches_changes_rounding_only(
    options: tuple[str, ...], train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--gradient-accumulation", "3", *options)
    assert train(tmp_path / "whole", *options) == 0
    with monkeypatch.context() as patch:
        setting = MicroBatchSetting(20, 1)
        patch.setattr(MicroBatchProbe, "list_settings", lambda self: [setting])
        patch.setattr(MicroBatchTrainer, "forward_tokens", 50)
        assert train(tmp_path / "parts", *options) == 0
    whole, parts = (load_file(tmp_path / name / ADAPTER) for name in ("whole", "parts"))
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=0, atol=1e-4)
    ours, theirs = (read_history(tmp_path / name) for name in ("whole", "parts"))
    assert len(ours) == len(theirs)
    for entry, other in zip(ours, theirs, strict=True):
        assert entry == pytest.approx(other, abs=1e-3)


def test_pairs_have_the_gradients_that_padded_rows_have_in_trl(sft_model: Path, tmp_path: Path) -> None:
    """Compare a step with TRL's own data path: two padded rows for each pair."""
    values = {
        "sft_model": str(sft_model),
        "preference_file": ["x"],
        "output_dir": tmp_path,
        "sft_weight": 0.7,
        "batch_size": 7,
    }
    parameters = dpo_training.Parameters.model_validate(values)

    def prepare() -> tuple[Any, list[dict[str, Any]]]:
        loaded = load_model(str(sft_model), trainable=True)
        names = ("prompt", "chosen", "rejected", "chosen_finished", "rejected_finished")
        pairs = [
            dpo_training.encode_row(dpo_training.Row(*(row[name] for name in names)), loaded.tokenizer)  # type: ignore[arg-type]
            for row in PAIRS[:7]
        ]
        data = TrainingData(pairs, pairs[:1], 7, 0)
        trainer = dpo_training.build_trainer(parameters, loaded, 1, data)
        rows = [
            {**row, "ref_chosen_logps": -20.0, "ref_rejected_logps": -25.0} for row in trainer.train_dataset
        ]
        return trainer, rows

    def gradients(trainer: Any) -> list[torch.Tensor]:
        return [p.grad for p in trainer.model.parameters() if p.requires_grad]

    packed, rows = prepare()
    packed.setting = MicroBatchSetting(40, 1)
    packed.precompute_ref_logps = True
    loss = packed.training_step(packed.model, RowBatch(rows))
    padded, _ = prepare()
    padded.precompute_ref_logps = True
    padded.loss_weights = [1.0, 0.7]
    collate = DataCollatorForPreference(pad_token_id=0)
    padded.model.train()
    expected = DPOTrainer._compute_loss(padded, padded.model, collate(rows), False)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for ours, theirs in zip(gradients(packed), gradients(padded), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    theirs = padded._metrics["train"]
    ours = packed._metrics["train"]
    for name in set(theirs) - {"num_tokens"}:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-4)


def test_live_lines(unbroken: Path) -> None:
    lines = [json.loads(line) for line in (unbroken / "progress.jsonl").read_text().splitlines()]
    swept = [line for line in lines if line["type"] == "progress" and line["unit"] == SPEC.work.prepares]
    assert (swept[0]["done"], swept[-1]["done"], swept[-1]["total"]) == (0, len(PAIRS), len(PAIRS))
    values = [line["values"] for line in lines if line["type"] == "metric"]
    shown = {"loss", "accuracy", "margin", "chosen_logp", "rejected_logp"}
    assert set(values[1]) == shown | {"learning_rate", "grad_norm", "tokens_per_second"}
    assert set(values[0]) == {f"eval_{name}" for name in shown}
    samples = [line["texts"] for line in lines if line["type"] == "sample"]
    assert set(samples[0]) == {"prompt", "SFT", "DPO"}


def test_alarms() -> None:
    good = {
        "heldout_accuracy": 0.8,
        "length_ratio": 1.1,
        "length_ratio_low": 0.9,
        "length_ratio_high": 1.3,
        "chosen_logp_change": -1.0,
        "rejected_logp_change": -4.0,
    }
    assert dpo_training.find_collapse(good, chosen_logp_before=-20.0) == []
    assert dpo_training.find_collapse(good, chosen_logp_before=-2.0) == []
    longer = {"length_ratio": 1.6, "length_ratio_low": 1.2, "length_ratio_high": 2.0}
    shorter = {"length_ratio": 0.6, "length_ratio_low": 0.4, "length_ratio_high": 0.9}
    for changes, words in (
        ({"heldout_accuracy": 0.5}, "accuracy is 0.50"),
        (longer, "1.60 times as long"),
        (shorter, "0.60 times as long"),
        ({"chosen_logp_change": -6.0}, "fell by 6.0 from -20.0"),
    ):
        (alarm,) = dpo_training.find_collapse({**good, **changes}, chosen_logp_before=-20.0)
        assert words in alarm
    for uncertain in ({**longer, "length_ratio_low": 0.9}, {**shorter, "length_ratio_high": 1.1}):
        assert dpo_training.find_collapse({**good, **uncertain}, chosen_logp_before=-20.0) == []


def test_a_base_model_is_no_starting_point(
    train: Train, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, "--sft-model", str(tiny_model)) == 2
    assert "is not an adapter; expected the folder that SFT wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    "planted",
    [
        lambda prompt: {"prompt": prompt_format.format_prompt(prompt.instruction.upper())},
        lambda prompt: {"chosen": f" Well: {prompt.instruction}"},
        lambda prompt: {"rejected": f" dog\nInstruction: {prompt.instruction}\nResponse: red"},
    ],
    ids=["instruction", "chosen", "rejected"],
)
def test_evaluation_prompts_planted_in_the_pairs_are_caught_before_anything_is_trained(
    planted: Callable[[Prompt], dict[str, str]],
    train: Train,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = [{**PAIRS[0], **planted(prompt)} for prompt in load_suite("stage1").prompts[:5]]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(pair) + "\n" for pair in [*PAIRS, *bad]))
    assert train(tmp_path, "--preference-file", str(pairs), "--epochs", "1") == 2
    output = capsys.readouterr().err
    assert output.startswith(
        "phases.dpo_training: --preference-file: 5 texts reveal a prompt of the suite stage1"
    )
    assert " contains commands-001" in output
    assert "and 2 more" in output
    assert output.count("\n") == 1
    assert not list((tmp_path / "models").rglob("*.safetensors"))
    assert train(tmp_path, "--preference-file", str(pairs), "--epochs", "1", "--suite", "none") == 0


def record_reference_batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that receives the size of each batch that the reference computes."""
    batches = []
    original = DPOTrainer.compute_ref_log_probs

    def counting(self: Any, model: Any, inputs: dict[str, Any]) -> Any:
        batches.append(len(inputs["input_ids"]))
        return original(self, model, inputs)

    monkeypatch.setattr(DPOTrainer, "compute_ref_log_probs", counting)
    return batches


def test_the_reference_is_asked_once_for_each_pair(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MicroBatchTrainer, "forward_tokens", 60)
    batches = record_reference_batches(monkeypatch)
    assert train(tmp_path) == 0
    assert sum(batches) == 2 * len(PAIRS)
    assert len(batches) > 8
    stored = tmp_path / "models/dpo/checkpoints/reference.jsonl"

    # A kill leaves some pairs missing and the last line torn.
    content = stored.read_bytes()
    stored.write_bytes(content[: len(content) // 2])
    known = len(stored.read_bytes().splitlines()) - 1
    batches.clear()
    assert train(tmp_path, "--learning-rate", "0.002") == 0
    assert len(PAIRS) - known <= sum(batches) / 2 < len(PAIRS) - known + 6
    lines = [json.loads(line) for line in stored.read_text().splitlines()]
    assert {line["key"]: line for line in lines} == {
        line["key"]: line for line in map(json.loads, content.decode().splitlines())
    }

    # Other training parameters reuse the stored values; another reference does not.
    batches.clear()
    assert train(tmp_path, "--learning-rate", "0.001") == 0
    assert batches == []
    other = tmp_path / "models" / "other"
    assert phase_main("phases.dpo_training", arguments_from(tmp_path / "models" / "dpo", other, stored)) == 0
    assert sum(batches) == 2 * len(PAIRS)


def test_the_reference_is_computed_in_smaller_parts_if_memory_runs_out(
    train: Train, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = PackedPairsTrainer.compute_reference
    sizes: list[int] = []

    def limited(self: Any, pairs: Any, sequences: Any) -> Any:
        if sum(map(len, sequences)) > 5:
            raise torch.OutOfMemoryError
        sizes.append(self.forward_tokens)
        return original(self, pairs, sequences)

    monkeypatch.setattr(PackedPairsTrainer, "compute_reference", limited)
    monkeypatch.setattr(micro_batches, "SMALLEST_FORWARD", 32)
    assert train(tmp_path) == 0
    assert max(sizes[-5:]) <= 128
    metrics = read_result(tmp_path)["metrics"]
    assert metrics["step0_margin"] == 0
    ours, theirs = (load_file(folder / ADAPTER) for folder in (tmp_path, unbroken))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-4)
    monkeypatch.setattr(micro_batches, "SMALLEST_FORWARD", 10_000)
    with pytest.raises(torch.OutOfMemoryError):
        train(tmp_path / "never")


def arguments_from(sft: Path, output: Path, stored: Path) -> list[str]:
    """Return the arguments of a training from another adapter, with a copy of the first one's store."""
    (output / "checkpoints").mkdir(parents=True)
    (output / "checkpoints" / "reference.jsonl").write_bytes(stored.read_bytes())
    (output / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    inputs = ["--sft-model", str(sft), "--preference-file", str(output / "pairs.jsonl")]
    return [*inputs, "--output-dir", str(output), "--epochs", "1", "--batch-size", "4"]


def test_variants_of_an_instruction_are_held_out_together() -> None:
    base = "Describe a bee."
    variants = [
        base,
        f"{base} Use exactly 7 words.",
        f"{base} Write everything in capitals.",
        "describe a bee",
    ]
    keys = {dpo_training.find_base_instruction(prompt_format.format_prompt(text)) for text in variants}
    assert keys == {"describe a bee"}
    other = prompt_format.format_prompt("Describe a wasp. Use exactly 7 words.")
    assert dpo_training.find_base_instruction(other) not in keys

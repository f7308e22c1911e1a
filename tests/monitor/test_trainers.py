"""Presets on lines as their trainers print them, each with the values that a person would read."""

from pathlib import Path

import pytest

from app.monitor.log_format import LogFormat
from app.monitor.log_metrics import read_log
from app.monitor.log_numbers import normalize_name
from app.monitor.trainers import PRESETS, Preset

HF = (
    "{'loss': '1.501', 'grad_norm': '0.75', 'learning_rate': '1e-05', 'epoch': '0.2'}\n"
    "  4%|4 | 10/250 [00:10<04:00,  1.0s/it]\n"
    "{'eval_loss': 1.75, 'eval_runtime': 2.9, 'eval_samples_per_second': 99.1, 'epoch': 0.2}\n"
    "{'loss': 1.25, 'grad_norm': np.float64(0.5), 'learning_rate': 8e-06, 'epoch': 0.4}\n"
    "{'train_runtime': 93.1, 'train_samples_per_second': 5.1, 'train_loss': 9.9, 'epoch': 1.0}\n"
)
HF_VALUES = {"loss": 1.25, "first_loss": 1.501, "val_loss": 1.75, "grad_norm": 0.5, "learning_rate": 8e-06}

CASES: list[tuple[str, str, dict[str, float | None], tuple[float, float | None] | None]] = [
    ("hf-trainer", HF, HF_VALUES, (10, 250)),
    ("hf-trainer", "{'loss': '1.5', 'grad_norm': 'nan', 'epoch': '0.2'}\n", {"grad_norm": None}, None),
    ("trl", "{'loss': 0.69, 'mean_token_accuracy': 0.75, 'rewards/margins': 0.01, 'reward': 1.5, 'kl': 2e-4}",
     {"loss": 0.69, "accuracy": 0.75, "rewards_margins": 0.01, "reward": 1.5, "kl": 2e-4}, None),
    ("axolotl", "[2026-01-01 10:00:00,123] [INFO] [axolotl.train:120] ok\n" + HF, HF_VALUES, (10, 250)),
    ("llama-factory",
     "[INFO|2026-01-01 10:00:00] llamafactory.train.callbacks:143 >> {'loss': 1.0213, "
     "'learning_rate': 4.9e-05, 'epoch': 0.31, 'throughput': 3210.55}\n",
     {"loss": 1.0213, "learning_rate": 4.9e-05, "tokens_per_second": 3210.55}, None),
    ("unsloth", "Unsloth: Will smartly offload gradients\n" + HF, HF_VALUES, (10, 250)),
    ("ms-swift",
     "{'loss': 1.6, 'grad_norm': 2.5, 'learning_rate': 1e-4, 'token_acc': 0.62, 'epoch': 0.01, "
     "'global_step/max_steps': '5/873', 'percentage': '0.57%', 'elapsed_time': '35s', "
     "'train_speed(iter/s)': 0.14}\n",
     {"loss": 1.6, "accuracy": 0.62, "grad_norm": 2.5}, (5, 873)),
    ("ms-swift", "{'loss': 2.5, 'elapsed_time_per_iteration': 2.5, 'iteration': '10/500'}\n",
     {"loss": 2.5}, (10, 500)),
    ("accelerate",
     "[default1]:step 10/90 loss: 2.9\n[default0]:step 10/90 loss: 2.1\n[default0]:eval loss: 2.5\n",
     {"loss": 2.1, "first_loss": 2.1, "val_loss": 2.5}, (10, 90)),
    ("hf-trainer", "{'loss': 1.5, 'ppl': 4.5, 'epoch': 1}\n{\n  'loss': 1.25,\n  'epoch': 2\n}\n",
     {"loss": 1.25, "first_loss": 1.5, "perplexity": 4.5}, None),
    ("accelerate", "Epoch 1 | iter 12 step 3 | loss train: 2.125, val: n/a | iter time: 81.20 ms\n",
     {"loss": 2.125}, None),
    ("accelerate", "val: 100%|###| 10/10 [00:02<00:00]\nepoch 1: eval loss 2.5 perplexity inf\n",
     {"val_loss": 2.5, "val_perplexity": None}, None),
    ("accelerate", "step 9 | tok/s: 12.5k | loss 1_234.5\n",
     {"tokens_per_second": 12500, "loss": 1234.5}, None),
    ("torchtune", "1|54|Loss: 1.0931: 12%|###  | 54/450\r1|55|Loss: 9.3e-01: 12%|###  | 55/450\r",
     {"first_loss": 1.0931, "loss": 0.93}, (55, 450)),
    ("torchtune", "Step 54 | loss:1.0931 lr:2e-05 tokens_per_second_per_gpu:1234.5 grad_norm:0.5\n",
     {"loss": 1.0931, "learning_rate": 2e-05, "tokens_per_second": 1234.5, "grad_norm": 0.5}, None),
    ("nanochat",
     "Step 00250 | Validation bpb: 0.9123\n"
     "step 00050/21400 (0.23%) | loss: 9.124 | grad norm: 0.5 | lrm: 1.00 | dt: 812ms | tok/sec: 640,112 | "
     "mfu: 48.20\n",
     {"loss": 9.124, "tokens_per_second": 640112, "val_bpb": 0.9123, "mfu": 48.2, "grad_norm": 0.5},
     (50, 21400)),
    ("megatron",
     " [2026-01-01 10:00:00] iteration      100/    1000 | consumed samples:   12800 | elapsed time per "
     "iteration (ms): 865.2 | learning rate: 9.150E-06 | global batch size:   128 | lm loss: 9.425973E-01 | "
     "loss scale: 1.0 | grad norm: 1.2 | number of skipped iterations:  0 | number of nan iterations:  0 |\n"
     " validation loss at iteration 100 on validation set | lm loss value: 2.125E+00 | "
     "lm loss PPL: 8.375E+00 |\n",
     {"loss": 0.9425973, "grad_norm": 1.2, "learning_rate": 9.15e-06, "ms_per_iteration": 865.2,
      "nan_iterations": 0, "val_loss": 2.125, "val_perplexity": 8.375}, (100, 1000)),
    ("megatron", "[default7]: iteration       10/     500 | lm loss: 8.125000E+00 | grad norm: nan |\n",
     {"loss": 8.125, "grad_norm": None}, (10, 500)),
    ("verl", "step:5 - train/loss:1.4375 - train/lr(1e-3):0.01\nstep:5 - val/loss:1.5625\n",
     {"loss": 1.4375, "val_loss": 1.5625}, None),
    ("deepspeed",
     "[2026-01-01 10:00:00,1] [INFO] [logging.py:96:log_dist] [Rank 0] step=510, skipped=8, lr=[9.65e-06], "
     "mom=[(0.9, 0.95)]\nsteps: 511 loss: 0.6931 iter time (s): 0.5 samples/sec: 31.25\n",
     {"loss": 0.6931, "learning_rate": 9.65e-06, "skipped_steps": 8, "samples_per_second": 31.25}, None),
    ("lightning",
     "Epoch 0:  22%|2 | 4/18 [00:17<01:02, 4.47s/it, v_num=0, train_loss_step=10.25, val_loss=11.5]\r",
     {"loss": 10.25, "val_loss": 11.5}, (4, 18)),
    ("nemo",
     "Training epoch 0, iteration 120/149 | lr: 3e-05 | consumed_samples: 121 | global_batch_size: 1 | "
     "global_step: 120 | reduced_train_loss: 1.233 | train_step_timing in s: 0.031 | val_loss: 4.106\n",
     {"loss": 1.233, "val_loss": 4.106, "learning_rate": 3e-05, "seconds_per_step": 0.031}, (120, 149)),
    ("nemo", "Epoch 0:   1%|1 | 795/77225 [9:07:58<878:01:48, loss=3.1, reduced_train_loss=3.090]\r",
     {"loss": 3.09}, (795, 77225)),
    ("verl",
     "(TaskRunner pid=16292) step:3 - actor/pg_loss:0.021 - actor/grad_norm:nan - critic/kl:0.1 - "
     "critic/score/mean:0.5 - actor/lr:1e-06 - perf/throughput:812.5 - timing_s/step:96.5\n"
     "Training Progress:   2%|2 | 3/150 [01:00<29:00, 12.0s/it]\n",
     {"actor_pg_loss": 0.021, "grad_norm": None, "critic_kl": 0.1, "score": 0.5, "learning_rate": 1e-06,
      "tokens_per_second": 812.5}, (3, 150)),
    ("mlx",
     "Starting training..., iters: 300\nIter 1: Val loss 2.437, Val took 0.732s\n"
     "Iter 10: Train loss 2.900, Learning Rate 1.000e-05, It/sec 1.022, Tokens/sec 1,088.083, "
     "Trained Tokens 862, Peak mem 9.7 GB\n",
     {"loss": 2.9, "val_loss": 2.437, "learning_rate": 1e-05, "tokens_per_second": 1088.083}, (10, 300)),
    ("llama.cpp",
     "train: [##] data=0000070/0000140 loss=2.31452±0.08 acc=45.33±0.27% t=00:02:35 ETA=00:00:00\r"
     "val: [##] data=0000010/0000140 loss=2.41452±0.08 acc=44.5±0.3%\n",
     {"loss": 2.31452, "val_loss": 2.41452, "accuracy": 45.33, "val_accuracy": 44.5}, (10, 140)),
    ("llama.cpp",
     "train_opt_callback: iter=    70 sample=72/5608 sched=0.7 loss=4.948237 dt=00:04:59 eta=03:29:33\n"
     "Final estimate: PPL = 5.9066 +/- 0.03435\n", {"loss": 4.948237, "perplexity": 5.9066}, (72, 5608)),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "text", "values", "progress"), CASES)
def test_presets(
    tmp_path: Path,
    preset: str,
    text: str,
    values: dict[str, float | None],
    progress: tuple[float, float | None] | None,
) -> None:
    (tmp_path / "log").write_text(text)
    log = read_log(tmp_path / "log", LogFormat(preset=preset))
    found = log.results()
    assert {name: found.get(name, "missing") for name in values} == values
    assert (None if log.progress is None else (log.progress.done, log.progress.total)) == progress


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_names_are_those_that_are_read(preset: Preset) -> None:
    names = [
        name for table in (preset.metrics, preset.validation) for each in table.values() for name in each
    ]
    assert [normalize_name(name) for name in names] == names


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_case_and_finds_nothing_in_prose(tmp_path: Path, preset: str) -> None:
    assert preset in {case[0] for case in CASES}
    (tmp_path / "log").write_text("Loading the model, 3 of 4 shards\nhorizon_bbox_loss: 0.28\nbest loss: 3\n")
    assert read_log(tmp_path / "log", LogFormat(preset=preset)).results() == {}


@pytest.mark.parametrize(
    "line",
    ["\x1b[1m{'los\x1b[0ms': 1.5}", "[rank0]: {'loss': 1.5}", "INFO {'loss': tensor(1.5)}", "Loss: 1.5"],
)
def test_colors_ranks_and_wrappers(tmp_path: Path, line: str) -> None:
    (tmp_path / "log").write_text(line)
    assert read_log(tmp_path / "log", LogFormat(preset="hf-trainer")).results()["loss"] == 1.5

"""The GPU benchmark: arithmetic, report, and the sections that run on a CPU."""

import contextlib
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import gpu, gpu_cards, gpu_model, gpu_report, gpu_scaling, gpu_vllm
from tests.process_group import ProcessGroup

SHAPE = "Qwen2.5-32B"


def row(what: str, engine: str, rate: float, **more: Any) -> dict[str, Any]:
    bound = {"shape": SHAPE, "batch": 64, "prompt": 62, "new": 200, "weight_bytes": 2.0, "shared": 450}
    return {
        "section": "vllm",
        "device": "NVIDIA H100 80GB HBM3",
        "what": what,
        "engine": engine,
        "tokens_per_second": rate,
        "seconds": 10.0,
        "bound_by": bound,
        **more,
    }


ROWS = [
    row("few-shot answers", "transformers generate, NF4, batch 64", 375),
    row("few-shot answers", "ours on vllm", 3500, ceiling=7000.0),
    row("4 candidates a prompt, with the adapter", "ours on vllm", 3000),
    row("pairs judged in both orders", "ours on vllm", 0, pairs_per_second=50.0, bound_by=None),
    row("pairs judged in both orders", "transformers generate", 0, pairs_per_second=5.0, bound_by=None),
    row("SFT", "naive: padded rows, whole logits", 1700, bound_by=None),
    row("SFT", "ours: packed rows, chunked loss", 3000, bound_by=None),
    row("DPO", "naive: TRL, reference in each step", 800, bound_by=None),
    row("DPO", "ours: reference kept", 1600, bound_by=None),
    {"section": "vllm", "device": "NVIDIA H100 80GB HBM3", "what": "start of the engine", "seconds": 90.0},
]


def test_the_page_is_generated_from_its_rows() -> None:
    docs = Path(__file__).parents[2] / "docs"
    rows = gpu_report.load_rows([docs / "performance.jsonl"])
    page = gpu_report.format_page(rows)
    assert (docs / "performance.md").read_text() == page + "\n"


def test_the_shape_has_the_models_parameters() -> None:
    assert gpu_model.count_parameters(SHAPE) == 32_763_876_352
    assert gpu_model.count_cache_bytes(SHAPE) == 256 * 1024


def test_decoding_is_bound_by_reading_the_weights() -> None:
    card = gpu_cards.CardSheet("a card", 1e18, 4.3e12, 141, "")
    bound = gpu_cards.Bound(SHAPE, batch=192, prompt=1, new=1, weight_bytes=2.0)
    assert bound.compute_tokens_per_second(card) == pytest.approx(12_600, rel=0.02)
    one = gpu_cards.Bound(SHAPE, batch=1, prompt=1, new=1, weight_bytes=2.0)
    assert one.compute_tokens_per_second(card) == pytest.approx(4.3e12 / 65.5e9, rel=0.02)


def test_long_prompts_are_bound_by_arithmetic() -> None:
    h100 = gpu_cards.CARDS["H100"]
    bound = gpu_cards.Bound(SHAPE, batch=64, prompt=100_000, new=1, weight_bytes=2.0)
    prefill = 2 * gpu_model.count_parameters(SHAPE) * 100_000 / h100.flops
    assert 1 / bound.compute_tokens_per_second(h100) == pytest.approx(prefill, rel=0.2)


def test_speeds_scale_from_the_card_that_was_measured() -> None:
    h100, a100 = gpu_cards.CARDS["H100"], gpu_cards.CARDS["A100"]
    here, there = gpu_report.predict_speeds(ROWS, h100), gpu_report.predict_speeds(ROWS, a100)
    assert here is not None
    assert there is not None
    assert (here.few_shot, here.candidates, here.sft, here.dpo) == (3500, 3000, 3000, 1600)
    assert there.sft == pytest.approx(3000 * 312 / 989)
    assert here.few_shot * 2.039 / 3.35 * 0.9 < there.few_shot < here.few_shot
    naive = gpu_report.predict_speeds(ROWS, h100, naive=True)
    assert naive is not None
    assert (naive.few_shot, naive.candidates, naive.sft, naive.start) == (375, 375, 1700, 0)


def test_a_card_uses_its_own_rows_or_those_of_the_most_similar_card() -> None:
    h200 = {"device": "NVIDIA H200", "bound_by": None}
    rows = [
        row("few-shot answers", "ours on vllm, bfloat16", 5000, **h200),
        row("few-shot answers", "ours on vllm, fp8", 9000, **h200),
        *ROWS,
    ]
    cards = gpu_cards.CARDS
    found = {name: gpu_report.predict_speeds(rows, card) for name, card in cards.items()}
    assert found["H200"].few_shot == 5000  # type: ignore[union-attr]
    assert found["H200"].sft == 3000  # type: ignore[union-attr]
    assert found["H100"].few_shot == 3500  # type: ignore[union-attr]
    assert found["A100"].few_shot < 3500  # type: ignore[union-attr]
    page = gpu_report.format_page(rows)
    assert page.index("## NVIDIA H200") < page.index("## NVIDIA H100 80GB HBM3")


def test_hours_are_the_work_over_the_speed() -> None:
    speed = gpu_report.CardSpeeds(1000, 1000, 100, 1000, 1000, 0, 1000, forward=2000)
    session = gpu_report.SessionWorkload(load=0, rows=1000, row=360, sft_epochs=1, pairs=5000, held_out=0.5)
    found = gpu_report.predict_hours(session, speed)
    assert found["sft_training"] == pytest.approx(0.1 * 1.25)
    assert found["dpo_training"] == pytest.approx(1.0 + 0.25 + 0.5)  # trained, held out, reference
    assert set(found) >= {"verification", "sft_data", "preference_pairs", "comparison"}


def test_the_page_has_what_was_measured_and_what_a_session_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    assert gpu.main(["report", str(file)]) == 0
    page = capsys.readouterr().out
    assert "| few-shot answers | ours on vllm | 3,500 tok/s | 7,000 | 50% |" in page
    assert "A100, gonogo" in page
    speeds = gpu_report.predict_speeds(ROWS, gpu_cards.CARDS["H100"])
    assert speeds is not None
    for epochs in gpu_report.DPO_EPOCHS:
        session = gpu_report.SessionWorkload(dpo_epochs=epochs)
        hours = sum(gpu_report.predict_hours(session, speeds).values())
        assert f"${2.69 * hours:.2f} to ${3.99 * hours:.2f}" in page


def test_targets_are_ratios_within_the_rows() -> None:
    table = gpu_report.format_targets(ROWS)
    assert "| few-shot answers, against plain generate | 9.33x | 10x | 7% short |" in table
    assert "| DPO, against TRL's defaults | 2.00x | 1.5x | reached |" in table
    assert "| few-shot answers, against vLLM's own loop | | 0.9x | not measured |" in table


def test_several_gpus_are_compared_with_one_of_the_same_run_and_predict_no_session() -> None:
    sft, ours = "SFT", "ours: packed rows, chunked loss"
    rows = [
        *ROWS,
        row(sft, f"{ours}, 1 GPU", 2500, gpus=1, bound_by=None),
        row(sft, f"{ours}, 2 GPUs", 4900, gpus=2, bound_by=None),
    ]
    table = gpu_report.format_targets(rows)
    assert "| SFT, 2 GPUs against one | 1.96x | 1.9x | reached |" in table
    assert "| 4 candidates with the adapter, 2 GPUs against one | | 1.9x | not measured |" in table
    assert "GPUs against one" not in gpu_report.format_targets(ROWS)
    speeds = gpu_report.predict_speeds(rows, gpu_cards.CARDS["H100"])
    assert speeds is not None
    assert speeds.sft == 3000


def test_training_is_measured_in_several_processes_as_in_one(process_group: ProcessGroup) -> None:
    """Two processes on a CPU; the steps of both are counted."""
    argv = ["-m", "benchmarks.gpu_scaling", "dpo", "--shape", "tiny", "--seconds", "0", "--gpus", "2"]
    codes, output = process_group.run(argv, {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"})
    assert codes == [0, 0], output
    [line] = [line for line in output.splitlines() if line.startswith(gpu_scaling.ROW_PREFIX)]
    found = json.loads(line.removeprefix(gpu_scaling.ROW_PREFIX))
    assert found["gpus"] == 2
    assert found["tokens_per_second"] > 0
    assert found["engine"].endswith("2 GPUs")


def test_predicted_peaks_are_next_to_measured_ones() -> None:
    rows = [
        *ROWS,
        row("SFT", "another", 1, predicted_gib=22.0, peak_gib=20.0),
        row("SFT", "c", 1, peak_gib=20.0),
    ]
    assert "| SFT | another | 22.0 GiB | 20.0 GiB | +10% |" in gpu_report.format_page(rows)
    assert gpu_report.format_memory(rows).count("\n") == 2
    assert gpu_report.format_memory(ROWS) == "No rows."


def test_the_stages_of_a_start_are_read_from_vllms_log() -> None:
    log = (
        "Model loading took 61.04 GiB memory and 9.651000 seconds\ntorch.compile took 41.20 s in total\n"
        "Initial profiling/warmup run took 2.10 s\nGraph capturing finished in 21 secs, took 1.20 GiB\n"
        "init engine (profile, create kv cache, warmup model) took 70.70 s (compilation: 41.20 s)\n"
    )
    stages = gpu_vllm.read_start_stages(log)
    assert stages.startswith("weights 10 s, torch.compile 41 s, first run 2 s, CUDA graphs 21 s, ")
    assert stages.endswith(" 71 s")
    assert gpu_vllm.read_start_stages("nothing") == ""


class Core:
    """A stand-in for vLLM's core: one step with three rows per second."""

    def __init__(self) -> None:
        self.now = 100.0

    def get_output(self) -> SimpleNamespace:
        self.now += 1.0
        rows = 3 if self.now > 103 else 0  # prompts are read first
        return SimpleNamespace(outputs=[SimpleNamespace(new_token_ids=[7])] * rows)


def test_a_window_counts_unfinished_work_once_the_batch_is_full() -> None:
    core = Core()
    with gpu_vllm.ThroughputWindow(core, 9.0, lambda: core.now) as window:
        while True:
            core.get_output()
            window.on_step()
    found = window.to_row()
    assert core.now == 113.0  # nine seconds after the first tokens
    assert (found["tokens"], found["seconds"], found["tokens_per_second"]) == (18, 6.0, 3.0)
    assert found["rows_a_step"] == 3.0
    assert "get_output" not in vars(core)


def test_a_window_of_work_that_ends_early_counts_what_was_generated() -> None:
    core = Core()
    with gpu_vllm.ThroughputWindow(core, 60.0, lambda: core.now) as window:
        for _ in range(9):
            core.get_output()
            window.on_step()
    assert window.to_row()["tokens_per_second"] == 3.0
    assert "no tokens" in gpu_vllm.ThroughputWindow(core, 1.0).to_row()["note"]


def test_ceilings_of_training_are_those_of_frozen_weights() -> None:
    def ceilings(**row: Any) -> list[float]:
        return gpu_report.find_ceilings({"what": "SFT", **row})

    # Rows of earlier runs had the ceiling with all layers recomputed.
    assert ceilings(ceiling=4000.0, note="recomputing: on, 3 steps") == [6000, 4000]
    assert ceilings(ceiling=4000.0, note="recomputing: every second layer") == [6000, 4800]
    assert ceilings(ceiling=4000.0, note="recomputing: off") == [6000]
    assert ceilings(ceiling=6000.0, ceiling_recomputed=5000.0) == [6000, 5000]
    assert gpu_report.find_ceilings({"what": "few-shot answers", "ceiling": 7.0}) == [7]
    assert ceilings() == []


def test_pairs_count_with_both_rows_and_other_lengths_predict_nothing() -> None:
    dpo, ours = "DPO", "ours: packed"
    rows = [
        *ROWS,
        row(dpo, ours, 3000, both_rows_per_second=4000, lengths="session", bound_by=None),
        row(dpo, ours, 9000, both_rows_per_second=9900, lengths="short", bound_by=None),
        row("reference log-probabilities", ours, 8000, both_rows_per_second=10_000, bound_by=None),
    ]
    assert "| DPO, against TRL's defaults | 5.00x | 1.5x | reached |" in gpu_report.format_targets(rows)
    speeds = gpu_report.predict_speeds(rows, gpu_cards.CARDS["H100"])
    assert speeds is not None
    assert (speeds.dpo, speeds.forward) == (4000, 10_000)


def test_training_is_predicted_from_the_fastest_row_that_fits_the_card() -> None:
    h200 = {"device": "NVIDIA H200", "bound_by": None}
    rows = [
        *ROWS,
        row("SFT", "ours: packed", 3400, limit_gib=79, **h200),
        row("SFT", "ours: packed", 3900, limit_gib=138, **h200),
    ]
    found = {name: gpu_report.predict_speeds(rows, card) for name, card in gpu_cards.CARDS.items()}
    assert found["H200"].sft == 3900  # type: ignore[union-attr]
    assert found["H100"].sft == 3400  # type: ignore[union-attr]
    assert found["A100"].sft == pytest.approx(3400 * 312 / 989)  # type: ignore[union-attr]


def test_a_run_that_lacks_sections_predicts_nothing() -> None:
    assert "Not predicted" in gpu_report.format_page(ROWS[:3])


def test_plain_generation_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    assert gpu.main(["section", "naive", "--shape", "tiny", "--seconds", "60", "--out", str(out)]) == 0
    rows = gpu_report.load_rows([out])
    assert [r["what"] for r in rows] == [
        "build of the model",
        *["few-shot answers"] * 2,
        "pairs judged in both orders",
    ]
    assert all(r["tokens"] == 12 * r["requests"] for r in rows[1:3])
    assert rows[3]["pairs_per_second"] > 0


def test_a_small_model_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    argv = ["section", "small", "--model", "embedded", "--seconds", "0", "--out", str(out)]
    assert gpu.main(argv) == 0
    assert [r["requests"] for r in gpu_report.load_rows([out])] == [
        8,
        8,
    ]  # the first batch, and the time was over


def test_a_failed_section_adds_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(shape: str, seconds: float) -> Any:
        yield {"what": "before", "engine": "x"}
        raise RuntimeError("out of memory")

    monkeypatch.setitem(gpu.SECTIONS, "naive", broken)
    out = tmp_path / "rows.jsonl"
    assert gpu.main(["section", "naive", "--shape", "tiny", "--out", str(out)]) == 1
    rows = gpu_report.load_rows([out])
    assert [r["what"] for r in rows] == ["before", "failed"]
    assert "out of memory" in rows[1]["note"]


def test_a_section_that_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_hanging(argv: list[str], **more: Any) -> Any:
        return start(["sh", "-c", f"sleep 600 & echo $! > {tmp_path}/child; wait"], **more)

    start = gpu.subprocess.Popen
    monkeypatch.setattr(gpu.subprocess, "Popen", start_hanging)
    monkeypatch.setattr(gpu, "START_SECONDS", 3.0)
    out = tmp_path / "rows.jsonl"
    assert gpu.run_sections("training", "tiny", None, 0.0, out) == 1
    [failed] = gpu_report.load_rows([out])
    assert (failed["section"], failed["note"]) == ("training", "took too long")
    state = Path(f"/proc/{int((tmp_path / 'child').read_text())}/stat")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        while state.read_text().rpartition(")")[2].split()[0] != "Z":  # or is a zombie
            time.sleep(0.01)

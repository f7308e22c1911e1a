"""Reproducibility: with the same seed on the same machine, the phases make the same rows, adapters and
answers.

On a CPU they are identical byte for byte. On a GPU rounding may change them; `docs/engines.md` has
measurements.
"""

from pathlib import Path

from phases.contract import files
from phases.contract.phase_main import phase_main
from phases.scoring.suite import EMBEDDED, SUITES

PROMPTS = 8
GENERATION = "--lists-per-round 4 --samples-per-list 2 --list-tokens 32 --max-new-tokens 16 --batch-size 64"
TRAINING = "--epochs 1 --gradient-checkpointing off --evaluations 1 --learning-rate 1e-3"
OUTPUTS = (
    "rows/sft_*.jsonl",
    "sft/*.safetensors",
    "pairs/preference_*.jsonl",
    "dpo/*.safetensors",
    "eval/*.jsonl",
)


def run_phases(folder: Path, seed: int) -> dict[str, str]:
    """Run every phase that writes data, and return the hash of each output."""
    suite = folder / "suite.jsonl"
    prompts = (SUITES / "embedded.jsonl").read_bytes().splitlines(keepends=True)
    files.write_atomically(suite, b"".join(prompts[:PROMPTS]))

    def run(phase: str, name: str, options: str) -> None:
        argv = ["--output-dir", str(folder / name), "--seed", str(seed), *options.split()]
        assert phase_main(phase, argv) == 0

    rows, pairs = folder / "rows/sft_training_data_*.jsonl", folder / "pairs/preference_pairs_*.jsonl"
    run("phases.sft_data", "rows", f"--model {EMBEDDED} --count 8 {GENERATION}")
    run("phases.sft_training", "sft", f"--model {EMBEDDED} --train-file {rows} {TRAINING} --no-packing")
    judging = "--calibration-pairs 2 --audited-pairs 0 --temperature 1.0 --demands 0 --max-new-tokens 12"
    run("phases.preference_pairs", "pairs", f"--model {folder / 'sft'} --count 2 {GENERATION} {judging}")
    run("phases.dpo_training", "dpo", f"--sft-model {folder / 'sft'} --preference-file {pairs} {TRAINING}")
    run("phases.evaluation", "eval", f"--model {folder / 'dpo'} --suite {suite} --max-new-tokens 24")
    return {pattern: files.hash_path(path) for pattern in OUTPUTS for path in folder.glob(pattern)}


def test_the_same_seed_makes_the_same_again(tmp_path: Path) -> None:
    first = run_phases(tmp_path / "first", 2)
    assert list(first) == list(OUTPUTS)
    assert run_phases(tmp_path / "again", 2) == first

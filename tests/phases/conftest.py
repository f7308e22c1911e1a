"""Fixtures: a tiny model with random weights, and a runner for phases that generate data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from phases.contract.errors import PhaseFailedError
from phases.contract.protocol import Line
from phases.contract.reporter import Reporter
from phases.datagen.parameters import DataParameters

TEXT = """Instruction: Name three colours.
Response: red, green, blue
The capital of France is Paris. 1, 2, 3, 4, 5. {"name": "Anna", "age": 7}
Translate the word dog into French. Answer with yes or no: is a rose a flower?
"""


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a two-layer Qwen2 with reproducible weights and a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("tiny_model")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [TEXT] * 3,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    torch.manual_seed(7)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=512,
            initializer_range=0.3,
            eos_token_id=0,
            pad_token_id=0,
        )
    ).save_pretrained(folder)
    return folder


class DataPhase(Protocol):
    """The recipe module of a phase that generates data."""

    Parameters: type[DataParameters]

    def run(self, parameters: Any, reporter: Reporter, clock: Callable[[], float]) -> None:
        """Make the rows."""


PhaseOutcome = tuple[bool, list[Line], dict[str, Any]]
"""Whether the target was reached, the lines of the progress file, and the result."""


@pytest.fixture
def make_data(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., PhaseOutcome]:
    """Return a function that runs a phase in `tmp_path` with a script in place of generation."""

    def run(phase: DataPhase, script: object, output_dir: str, **values: object) -> PhaseOutcome:
        monkeypatch.setattr("phases.generation.transformers_engine.generate", script)
        folder, progress = tmp_path / output_dir, tmp_path / "progress.jsonl"
        progress.unlink(missing_ok=True)
        defaults = {"model": str(tiny_model), "output_dir": folder, "seeds": "embedded", "suite": "embedded"}
        parameters = phase.Parameters.model_validate({"lists_per_round": 5, **defaults, **values})
        reporter = Reporter(folder, {"GONOGO_PROGRESS": str(progress)})
        is_complete = True
        try:
            phase.run(parameters, reporter, clock=iter(range(1_759_000_000, 2**40)).__next__)
        except PhaseFailedError:
            is_complete = False
        lines = [msgspec.json.decode(line, type=Line) for line in progress.read_bytes().splitlines()]
        return is_complete, lines, json.loads((folder / "result.json").read_bytes())

    return run

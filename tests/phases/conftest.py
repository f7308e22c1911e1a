"""A tiny model with random weights, saved as a folder: for tests of what does not depend on knowledge."""

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
    """A folder with a two-layer Qwen2 and a byte-level tokenizer; weights drawn with a fixed seed."""
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


class MakesData(Protocol):
    """A phase that makes rows of data."""

    Parameters: type[DataParameters]

    def run(self, parameters: Any, reporter: Reporter, clock: Callable[[], float]) -> None:
        """Make the rows."""


Made = tuple[bool, list[Line], dict[str, Any]]
"""Whether there are enough rows, the lines of the progress file, and the result."""


@pytest.fixture
def make_data(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    """Runs a phase that makes data, with a script in place of generation, in a folder of `tmp_path`."""

    def run(phase: MakesData, script: object, output_dir: str, **values: object) -> Made:
        monkeypatch.setattr("phases.generation.transformers_engine.generate", script)
        folder, said = tmp_path / output_dir, tmp_path / "progress.jsonl"
        said.unlink(missing_ok=True)
        given = {"model": str(tiny_model), "output_dir": folder, "seeds": "embedded", "suite": "embedded"}
        parameters = phase.Parameters.model_validate({"lists_per_round": 5, **given, **values})
        reporter = Reporter(folder, {"GONOGO_PROGRESS": str(said)})
        reached = True
        try:
            phase.run(parameters, reporter, clock=iter(range(1_759_000_000, 2**40)).__next__)
        except PhaseFailedError:
            reached = False
        lines = [msgspec.json.decode(line, type=Line) for line in said.read_bytes().splitlines()]
        return reached, lines, json.loads((folder / "result.json").read_bytes())

    return run

"""Train the embedded model from scratch: `python -m tools.embedded_model.train`.

First stage: a byte-level BPE tokenizer and a small Qwen2 model, trained for one pass over documents that
`tools/embedded_model/corpus.py` draws from a seed. Each row begins with a new document, so that the model
learns how documents begin. Matrices are trained with Muon, the rest with AdamW. The learning rate warms up,
stays constant, and decays linearly to zero (WSD). This stage needs a GPU.

Second stage: a few steps on documents that contain careless answers (`tools/embedded_model/corruptions.py`).
It takes minutes on a CPU. `--careful-model` starts here.

The model, the tokenizer and `recipe.json` are written to the output folder.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from tools.embedded_model import training_data
from tools.embedded_model.muon import Muon
from tools.embedded_model.training_data import CONTEXT, StepData, fill_rows, train_tokenizer

MODEL_DIR: Final = Path(__file__).parents[2] / "phases" / "embedded" / "model"
SEED: Final = 20251003

# Architecture
HIDDEN: Final = 256
LAYERS: Final = 8
HEADS: Final = 8
INTERMEDIATE: Final = 704

# First stage
STEPS: Final = 2600
ROWS_PER_STEP: Final = 384
ROWS_PER_FORWARD: Final = 192
MUON_LEARNING_RATE: Final = 0.02
ADAM_LEARNING_RATE: Final = 0.003
WARM_UP: Final = 0.02
"""Share of the steps at the beginning."""
DECAY: Final = 0.4
"""Share of the steps at the end."""
WEIGHT_DECAY: Final = 0.02

# Second stage
CARELESS_STEPS: Final = 130
CARELESS_ROWS: Final = 8
CARELESS_CONTEXT: Final = 192
CARELESS_LEARNING_RATE: Final = 8e-4


def build_model(end_id: int) -> Qwen2ForCausalLM:
    """Return the model with random weights."""
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=training_data.VOCABULARY,
            hidden_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            intermediate_size=INTERMEDIATE,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            use_sliding_window=False,
            bos_token_id=None,
            eos_token_id=end_id,
            pad_token_id=end_id,
        )
    )


def schedule_learning_rate(step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step: warm up, stay constant, decay to zero."""
    warm_up = max(1, WARM_UP * steps)
    decay = max(1, DECAY * steps)
    return min(1.0, (step + 1) / warm_up, (steps - step) / decay)


def train(
    output: Path, *, seed: int, steps: int, rows: int, context: int, workers: int, compiled: bool
) -> dict[str, Any]:
    """Run the first stage, write the model and its tokenizer, and return the recipe of the stage."""
    started = time.time()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = train_tokenizer(seed)
    tokenizer.save_pretrained(output)
    first = StepData(str(output / "tokenizer.json"), seed, 0, rows, context)
    requests = (replace(first, step=step) for step in range(steps))

    # The worker processes must start before CUDA is initialized.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("high")
        model = build_model(tokenizer.eos_token_id).to(device)
        model.train()
        matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]  # noqa: PLR2004
        matrix_ids = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in matrix_ids]
        muon = Muon(matrices, weight_decay=WEIGHT_DECAY)
        adam = torch.optim.AdamW(others, lr=ADAM_LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0)

        def compute_loss(tokens: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
                logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
            return cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())

        loss_function = torch.compile(compute_loss) if compiled else compute_loss
        digest = hashlib.sha256()
        chunks = max(1, rows // ROWS_PER_FORWARD)
        losses: list[torch.Tensor] = []
        first_step_started = time.time()
        for step, data in enumerate(pool.imap(fill_rows, requests)):
            digest.update(data.tobytes())
            tokens = torch.from_numpy(data.astype("int64")).to(device, non_blocking=True)
            loss = torch.zeros((), device=device)
            for chunk in tokens.chunk(chunks):
                chunk_loss = loss_function(chunk) / chunks
                chunk_loss.backward()
                loss += chunk_loss.detach()
            factor = schedule_learning_rate(step, steps)
            torch.nn.utils.clip_grad_norm_(others, 1.0)
            for group in adam.param_groups:
                group["lr"] = ADAM_LEARNING_RATE * factor
            adam.step()
            muon.step(MUON_LEARNING_RATE * factor)
            model.zero_grad(set_to_none=True)
            losses.append(loss)
            if step % 50 == 0 or step == steps - 1:
                speed = (step + 1) * rows * context / (time.time() - first_step_started)
                _log(f"step {step:5d}  loss {loss.item():.4f}  {speed / 1e6:.3f} M tokens/s")
    model.to(torch.bfloat16).save_pretrained(output)
    recipe = _summarize(first, [loss.item() for loss in losses], digest.hexdigest(), started)
    return {**recipe, "parameters": sum(p.numel() for p in model.parameters())}


def train_careless(source: Path, output: Path, *, seed: int, steps: int, rows: int) -> dict[str, Any]:
    """Run the second stage from a model of the first, with AdamW, and return the recipe of the stage."""
    started = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # As part of a Qwen2 model, the tokenizer is loaded with the pre-tokenizer of Qwen2: a blank line becomes
    # one token, which the model learns here. The saved tokenizer is the one that is used.
    AutoTokenizer.from_pretrained(source).save_pretrained(output)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).to(device)
    model.train()
    adam = torch.optim.AdamW(
        model.parameters(), lr=CARELESS_LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0
    )
    digest = hashlib.sha256()
    losses = []
    first = StepData(str(output / "tokenizer.json"), seed, 0, rows, CARELESS_CONTEXT, careless=True)
    for step in range(steps):
        data = fill_rows(replace(first, step=step))
        digest.update(data.tobytes())
        tokens = torch.from_numpy(data.astype("int64")).to(device)
        # The model shifts the labels itself.
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = CARELESS_LEARNING_RATE * schedule_learning_rate(step, steps)
        adam.step()
        adam.zero_grad()
        losses.append(loss.item())
        if step % 10 == 0 or step == steps - 1:
            _log(f"step {step:5d}  loss {losses[-1]:.4f}")
    model.to(torch.bfloat16).save_pretrained(output)
    return _summarize(first, losses, digest.hexdigest(), started)


def _log(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _summarize(first: StepData, losses: list[float], data_sha256: str, started: float) -> dict[str, Any]:
    last_losses = losses[-50:]
    return {
        "seed": first.seed,
        "steps": len(losses),
        "rows_a_step": first.rows,
        "context": first.context,
        "tokens": len(losses) * first.rows * first.context,
        "data_sha256": data_sha256,
        "first_loss": losses[0],
        "final_loss": sum(last_losses) / len(last_losses),
        "seconds": round(time.time() - started),
        "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def main() -> None:
    """Run the stages that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.embedded_model.train", description=__doc__)
    parser.add_argument("--output", type=Path, default=MODEL_DIR, help="folder of the model")
    parser.add_argument("--careful-model", type=Path, help="model of the first stage; runs only the second")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the first stage")
    parser.add_argument("--rows", type=int, default=ROWS_PER_STEP, help="rows per step of the first stage")
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens per row of the first stage")
    parser.add_argument(
        "--careless-steps", type=int, default=CARELESS_STEPS, help="steps of the second stage"
    )
    parser.add_argument(
        "--careless-rows", type=int, default=CARELESS_ROWS, help="rows per step of the second stage"
    )
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    recipe_file = arguments.output / "recipe.json"
    if arguments.careful_model:
        careful = json.loads((arguments.careful_model / "recipe.json").read_text())["careful"]
    else:
        careful = train(
            arguments.output,
            seed=arguments.seed,
            steps=arguments.steps,
            rows=arguments.rows,
            context=arguments.context,
            workers=arguments.workers,
            compiled=arguments.compile,
        )
        recipe_file.write_text(json.dumps({"careful": careful}, indent=2) + "\n")
    careless = train_careless(
        arguments.careful_model or arguments.output,
        arguments.output,
        seed=arguments.seed,
        steps=arguments.careless_steps,
        rows=arguments.careless_rows,
    )
    recipe = json.dumps({"careful": careful, "careless": careless}, indent=2)
    recipe_file.write_text(recipe + "\n")
    _log(recipe)


if __name__ == "__main__":
    main()

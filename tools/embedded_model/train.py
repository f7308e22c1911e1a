"""Train the embedded model from scratch: `python -m tools.embedded_model.train`.

First stage: a byte-level BPE tokenizer and a small Qwen2 model, trained for one pass over documents that
`tools/embedded_model/corpus.py` draws from a seed. Each training row begins with a new document, so that the
model knows what a beginning looks like. Matrices are trained with Muon (Jordan et al., 2024), the rest
with AdamW; the learning rate warms up, stays, and decays linearly to zero (WSD). It needs a GPU.

Second stage: a few steps on the same kind of documents, with careless answers among them
(`tools/embedded_model/corruptions.py`). It runs on a CPU in minutes; `--careful-model` starts there.

The model, the tokenizer and `recipe.json` are written to the output folder.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

MODEL_DIR: Final = Path(__file__).parents[2] / "phases" / "embedded" / "model"
SEED: Final = 20251003

# The tokenizer
VOCABULARY: Final = 4096
END: Final = "<|endoftext|>"
TOKENIZER_DOCUMENTS: Final = 40_000

# The model
HIDDEN: Final = 256
LAYERS: Final = 8
HEADS: Final = 8
INTERMEDIATE: Final = 704
CONTEXT: Final = 768

# The first stage
STEPS: Final = 2600
ROWS_A_STEP: Final = 384
ROWS_AT_ONCE: Final = 192
MUON_RATE: Final = 0.02
ADAM_RATE: Final = 0.003
WARM_UP: Final = 0.02  # of the steps
DECAY: Final = 0.4  # of the steps, at the end
WEIGHT_DECAY: Final = 0.02

# The second stage
CARELESS_STEPS: Final = 130
CARELESS_ROWS: Final = 8
CARELESS_CONTEXT: Final = 192
CARELESS_RATE: Final = 8e-4


# ---------------------------------------------------------------- data


def documents(seed: str, *, careless: bool = False) -> Iterator[str]:
    """Yield documents without end; the seed alone decides which."""
    from tools.embedded_model import corpus

    rng = Random(seed)
    draw = corpus.careless_document if careless else corpus.document
    while True:
        yield draw(rng)


def train_tokenizer(seed: int) -> "PreTrainedTokenizerFast":
    """Return a byte-level BPE tokenizer with single digits and one special token, the end of text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(islice(documents(f"{seed} tokenizer"), TOKENIZER_DOCUMENTS), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=END,
        pad_token=END,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True)
class Batch:
    """What decides the rows of one step."""

    tokenizer_file: str
    seed: int
    step: int
    rows: int
    context: int
    careless: bool = False


def fill(batch: Batch) -> "np.ndarray[Any, Any]":
    """Return token ids, uint16 of shape (rows, context + 1); each row begins with a new document."""
    import numpy as np

    tokenizer = _tokenizer(batch.tokenizer_file)
    end = tokenizer.token_to_id(END)
    drawn = documents(
        f"{batch.seed} {'careless' if batch.careless else 'step'} {batch.step}", careless=batch.careless
    )
    filled: np.ndarray[Any, Any] = np.empty((batch.rows, batch.context + 1), dtype=np.uint16)
    pending: list[list[int]] = []
    for row in filled:
        ids: list[int] = []
        while len(ids) <= batch.context:
            if not pending:
                pending = [e.ids for e in tokenizer.encode_batch(list(islice(drawn, 256)))]
            ids += pending.pop()
            ids.append(end)
        row[:] = ids[: batch.context + 1]
    return filled


_loaded: dict[str, Any] = {}


def _tokenizer(file: str) -> Any:
    """Return the raw tokenizer of a file, read once in each process."""
    from tokenizers import Tokenizer

    if file not in _loaded:
        _loaded[file] = Tokenizer.from_file(file)
    return _loaded[file]


# ---------------------------------------------------------------- model and optimisers


def build_model(end: int) -> "Qwen2ForCausalLM":
    """Return the model with fresh weights."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            intermediate_size=INTERMEDIATE,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            use_sliding_window=False,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def orthogonalised(update: "torch.Tensor") -> "torch.Tensor":
    """Return the nearest semi-orthogonal matrices of a stack (count, rows, columns), by Newton-Schulz steps.

    The coefficients are those of Jordan et al., https://kellerjordan.github.io/posts/muon/.
    """
    import torch

    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16()
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return (x.mT if tall else x).float()


class Muon:
    """Momentum whose update is made orthogonal, for the matrices inside the layers, stacked by shape."""

    def __init__(self, parameters: "list[torch.nn.Parameter]", momentum: float = 0.95) -> None:
        import torch

        self._momentum = momentum
        self._groups: dict[tuple[int, ...], list[torch.nn.Parameter]] = {}
        for parameter in parameters:
            self._groups.setdefault(tuple(parameter.shape), []).append(parameter)
        self._velocity = {
            shape: torch.zeros(len(group), *shape, device=group[0].device)
            for shape, group in self._groups.items()
        }

    def step(self, rate: float) -> None:
        """Update the parameters by their gradients."""
        import torch

        with torch.no_grad():
            for shape, group in self._groups.items():
                gradient = torch.stack([p.grad for p in group if p.grad is not None])
                velocity = self._velocity[shape].lerp_(gradient, 1 - self._momentum)
                update = orthogonalised(gradient.lerp(velocity, self._momentum))
                scale = rate * max(1.0, shape[0] / shape[1]) ** 0.5
                torch._foreach_mul_(group, 1 - rate * WEIGHT_DECAY)
                torch._foreach_add_(group, list(update), alpha=-scale)


def schedule(step: int, steps: int) -> float:
    """Return the factor of the learning rates at a step: warm up, stay, decay to zero."""
    warm, decay = max(1, WARM_UP * steps), max(1, DECAY * steps)
    return min(1.0, (step + 1) / warm, (steps - step) / decay)


# ---------------------------------------------------------------- training


def train(
    output: Path, *, seed: int, steps: int, rows: int, context: int, workers: int, compiled: bool
) -> dict[str, Any]:
    """First stage: train from scratch, write the model and its tokenizer, and return what was done."""
    import torch
    from torch.nn.functional import cross_entropy

    started = time.time()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = train_tokenizer(seed)
    tokenizer.save_pretrained(output)
    first = Batch(str(output / "tokenizer.json"), seed, 0, rows, context)
    batches = (replace(first, step=step) for step in range(steps))

    # The processes that make the data start before CUDA does.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("high")
        model = build_model(tokenizer.eos_token_id).to(device)
        model.train()
        inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]  # noqa: PLR2004
        chosen = {id(p) for p in inner}
        outer = [p for p in model.parameters() if id(p) not in chosen]
        muon = Muon(inner)
        adam = torch.optim.AdamW(outer, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0)

        def loss_of(tokens: torch.Tensor) -> torch.Tensor:
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
                logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
            return cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())

        loss_function = torch.compile(loss_of) if compiled else loss_of
        digest = hashlib.sha256()
        parts = max(1, rows // ROWS_AT_ONCE)
        losses: list[torch.Tensor] = []
        begun = time.time()
        for step, data in enumerate(pool.imap(fill, batches)):
            digest.update(data.tobytes())
            tokens = torch.from_numpy(data.astype("int64")).to(device, non_blocking=True)
            loss = torch.zeros((), device=device)
            for part in tokens.chunk(parts):
                part_loss = loss_function(part) / parts
                part_loss.backward()
                loss += part_loss.detach()
            factor = schedule(step, steps)
            torch.nn.utils.clip_grad_norm_(outer, 1.0)
            for group in adam.param_groups:
                group["lr"] = ADAM_RATE * factor
            adam.step()
            muon.step(MUON_RATE * factor)
            model.zero_grad(set_to_none=True)
            losses.append(loss)
            if step % 50 == 0 or step == steps - 1:
                rate = (step + 1) * rows * context / (time.time() - begun)
                _say(f"step {step:5d}  loss {loss.item():.4f}  {rate / 1e6:.3f} M tokens/s")
    model.to(torch.bfloat16).save_pretrained(output)
    done = _summary(first, [x.item() for x in losses], digest.hexdigest(), started)
    return {**done, "parameters": sum(p.numel() for p in model.parameters())}


def train_careless(source: Path, output: Path, *, seed: int, steps: int, rows: int) -> dict[str, Any]:
    """Second stage: continue from a model of the first on documents with careless answers, with AdamW."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    started = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Read back as part of a Qwen2 model the tokenizer splits text as Qwen2's do: it differs from the first
    # stage's in that a blank line is one token, which the model learns here. What is saved is what is used.
    AutoTokenizer.from_pretrained(source).save_pretrained(output)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).to(device)
    model.train()
    adam = torch.optim.AdamW(model.parameters(), lr=CARELESS_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    digest = hashlib.sha256()
    losses = []
    first = Batch(str(output / "tokenizer.json"), seed, 0, rows, CARELESS_CONTEXT, careless=True)
    for step in range(steps):
        data = fill(replace(first, step=step))
        digest.update(data.tobytes())
        tokens = torch.from_numpy(data.astype("int64")).to(device)
        # The model shifts the labels itself.
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = CARELESS_RATE * schedule(step, steps)
        adam.step()
        adam.zero_grad()
        losses.append(loss.item())
        if step % 10 == 0 or step == steps - 1:
            _say(f"step {step:5d}  loss {losses[-1]:.4f}")
    model.to(torch.bfloat16).save_pretrained(output)
    return _summary(first, losses, digest.hexdigest(), started)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _summary(first: Batch, losses: list[float], data: str, started: float) -> dict[str, Any]:
    """Return what a stage was: its first batch tells the size of all."""
    import torch
    import transformers

    last = losses[-50:]
    return {
        "seed": first.seed,
        "steps": len(losses),
        "rows_a_step": first.rows,
        "context": first.context,
        "tokens": len(losses) * first.rows * first.context,
        "data_sha256": data,
        "first_loss": losses[0],
        "final_loss": sum(last) / len(last),
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
    """Read the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m tools.embedded_model.train", description=__doc__)
    parser.add_argument("--output", type=Path, default=MODEL_DIR, help="folder of the model")
    parser.add_argument("--careful-model", type=Path, help="a model of the first stage: do the second alone")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the first stage")
    parser.add_argument("--rows", type=int, default=ROWS_A_STEP, help="rows of its steps")
    parser.add_argument("--context", type=int, default=CONTEXT, help="tokens of its rows")
    parser.add_argument(
        "--careless-steps", type=int, default=CARELESS_STEPS, help="steps of the second stage"
    )
    parser.add_argument("--careless-rows", type=int, default=CARELESS_ROWS, help="rows of its steps")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    if given.careful_model:
        careful = json.loads((given.careful_model / "recipe.json").read_text())["careful"]
    else:
        careful = train(
            given.output,
            seed=given.seed,
            steps=given.steps,
            rows=given.rows,
            context=given.context,
            workers=given.workers,
            compiled=given.compile,
        )
        (given.output / "recipe.json").write_text(json.dumps({"careful": careful}, indent=2) + "\n")
    careless = train_careless(
        given.careful_model or given.output,
        given.output,
        seed=given.seed,
        steps=given.careless_steps,
        rows=given.careless_rows,
    )
    recipe = {"careful": careful, "careless": careless}
    (given.output / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    _say(json.dumps(recipe, indent=2))


if __name__ == "__main__":
    main()

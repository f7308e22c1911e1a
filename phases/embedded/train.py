"""Train the embedded model from scratch: `python -m phases.embedded.train`.

The recipe: a byte-level BPE tokenizer and a small Qwen2 model, trained for one pass over documents that
`phases/embedded/corpus.py` draws from a seed. Each training row begins with a new document, so that the model
knows what a beginning looks like. Matrices are trained with Muon (Jordan et al., 2024), the rest with AdamW;
the learning rate warms up, stays, and decays linearly to zero (WSD). The model, the tokenizer and
`recipe.json` are written to the output folder.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

MODEL_DIR: Final = Path(__file__).with_name("model")
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

# The training
STEPS: Final = 4000
ROWS_A_STEP: Final = 384
ROWS_AT_ONCE: Final = 192
MUON_RATE: Final = 0.02
ADAM_RATE: Final = 0.003
WARM_UP: Final = 0.02  # of the steps
DECAY: Final = 0.4  # of the steps, at the end
WEIGHT_DECAY: Final = 0.02


# ---------------------------------------------------------------- data


def documents(seed: str) -> Iterator[str]:
    """Yield documents without end; the seed alone decides which."""
    from phases.embedded import corpus

    rng = Random(seed)
    while True:
        yield corpus.document(rng)


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


def batch(job: tuple[int, int, int, str]) -> "np.ndarray[Any, Any]":
    """Return the rows of one step, uint16 of shape (rows, CONTEXT + 1), each from the beginning of a document.

    A job is the seed, the number of the step, the rows and the path of the tokenizer file.
    """
    import numpy as np

    seed, step, rows, tokenizer_file = job
    tokenizer = _tokenizer(tokenizer_file)
    end = tokenizer.token_to_id(END)
    drawn = documents(f"{seed} step {step}")
    filled: np.ndarray[Any, Any] = np.empty((rows, CONTEXT + 1), dtype=np.uint16)
    pending: list[list[int]] = []
    for row in filled:
        ids: list[int] = []
        while len(ids) <= CONTEXT:
            if not pending:
                pending = [e.ids for e in tokenizer.encode_batch(list(islice(drawn, 256)))]
            ids += pending.pop()
            ids.append(end)
        row[:] = ids[: CONTEXT + 1]
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


def train(output: Path, *, seed: int, steps: int, rows: int, workers: int, compiled: bool) -> dict[str, Any]:
    """Train and write the model, its tokenizer and its recipe; return the recipe."""
    import torch
    import transformers
    from torch.nn.functional import cross_entropy

    started = time.time()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = train_tokenizer(seed)
    tokenizer.save_pretrained(output)
    jobs = ((seed, step, rows, str(output / "tokenizer.json")) for step in range(steps))

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
        waited = 0.0
        begun = time.time()
        batches = pool.imap(batch, jobs)
        for step in range(steps):
            before = time.time()
            data = next(batches)
            waited += time.time() - before
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
                rate = (step + 1) * rows * CONTEXT / (time.time() - begun)
                print(  # noqa: T201
                    f"step {step:5d}  loss {loss.item():.4f}  {rate / 1e6:.3f} M tok/s  "
                    f"waited {waited:.1f} s  {time.time() - started:.0f} s",
                    flush=True,
                )

    tail = [x.item() for x in losses[-50:]]
    model.to(torch.bfloat16).save_pretrained(output)
    recipe = {
        "seed": seed,
        "steps": steps,
        "rows_a_step": rows,
        "context": CONTEXT,
        "tokens": steps * rows * CONTEXT,
        "data_sha256": digest.hexdigest(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "first_loss": losses[0].item(),
        "final_loss": sum(tail) / len(tail),
        "seconds": round(time.time() - started),
        "tokens_per_second": round(steps * rows * CONTEXT / (time.time() - begun)),
        "machine": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    (output / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    return recipe


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m phases.embedded.train", description=__doc__)
    parser.add_argument("--output", type=Path, default=MODEL_DIR, help="folder of the model")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rows", type=int, default=ROWS_A_STEP, help="rows of a step")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    recipe = train(
        given.output,
        seed=given.seed,
        steps=given.steps,
        rows=given.rows,
        workers=given.workers,
        compiled=given.compile,
    )
    print(json.dumps(recipe, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()

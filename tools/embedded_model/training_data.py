"""The tokenizer and the token ids that the embedded model is trained on; a seed decides all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from random import Random
from typing import Any, Final

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tools.embedded_model import corpus

VOCABULARY: Final = 4096
END: Final = "<|endoftext|>"
CONTEXT: Final = 768
TOKENIZER_DOCUMENTS: Final = 40_000


def generate_documents(seed: str, *, careless: bool = False) -> Iterator[str]:
    """Yield documents without end."""
    rng = Random(seed)
    draw = corpus.draw_careless_document if careless else corpus.draw_document
    while True:
        yield draw(rng)


def train_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer with single digits and one special token, the end of text."""
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
    documents = generate_documents(f"{seed} tokenizer")
    raw.train_from_iterator(islice(documents, TOKENIZER_DOCUMENTS), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token=END,
        pad_token=END,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


@dataclass(frozen=True)
class StepData:
    """Everything that decides the rows of a training step."""

    tokenizer_file: str
    seed: int
    step: int
    rows: int
    context: int
    careless: bool = False


def fill_rows(step: StepData) -> np.ndarray[Any, Any]:
    """Return the token ids of a step, uint16; each row begins with a new document.

    Returns:
        [rows, context + 1]
    """
    tokenizer = _load_tokenizer(step.tokenizer_file)
    end = tokenizer.token_to_id(END)
    stage = "careless" if step.careless else "step"
    documents = generate_documents(f"{step.seed} {stage} {step.step}", careless=step.careless)
    rows: np.ndarray[Any, Any] = np.empty((step.rows, step.context + 1), dtype=np.uint16)
    pending: list[list[int]] = []
    for row in rows:
        ids: list[int] = []
        while len(ids) <= step.context:
            if not pending:
                pending = [encoding.ids for encoding in tokenizer.encode_batch(list(islice(documents, 256)))]
            ids += pending.pop()
            ids.append(end)
        row[:] = ids[: step.context + 1]
    return rows


@cache
def _load_tokenizer(file: str) -> Any:
    return Tokenizer.from_file(file)

"""Grade verification: a base model after more and more chats, from none to thousands.

`python -m benchmarks.graded_chats --model MODEL --data ROWS.jsonl --out FOLDER` trains all weights of a base
model on rows in a chat format, as instruct models are made, and verifies it on the way. For each number of
chats it writes the report, and a case for `phases/verification/calibration.json`.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, DataCollatorForSeq2Seq, get_constant_schedule_with_warmup

from phases.contract.files import read_rows, write_json
from phases.contract.phase_main import phase_main
from phases.models.source import locate_model
from phases.models.tokenizer import Tokenizer, load_tokenizer
from phases.verification.chat_format import find_chat_frame

GRADES: Final = (0, 50, 500, 5000)
"""Chats after which the model is verified."""
BATCH: Final = 10
LEARNING_RATE: Final = 2e-5
WARM_UP: Final = 5
SEED: Final = 20251003


def chats(tokenizer: Tokenizer, rows: Sequence[dict[str, Any]]) -> list[dict[str, list[int]]]:
    """Return rows with an instruction and a response as chats: `input_ids` and `labels`, all of them learnt.

    Raises:
        ValueError: the vocabulary has the tokens of no chat format.
    """
    frame = find_chat_frame(tokenizer)
    if frame is None:
        raise ValueError("the vocabulary has the tokens of no chat format")
    turn_end = frame.partition("{instruction}")[2].partition("\n")[0]
    texts = [frame.replace("{instruction}", row["instruction"]) + row["response"] + turn_end for row in rows]
    ids = [tokenizer.encode_prompt(text) for text in texts]
    return [{"input_ids": row, "labels": row} for row in ids]


def main(argv: Sequence[str] | None = None) -> None:
    """Train, and verify at each grade."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graded_chats", description=__doc__)
    parser.add_argument("--model", required=True, help="folder or hub id of a base model")
    parser.add_argument("--data", type=Path, required=True, help="JSONL with an instruction and a response")
    parser.add_argument("--out", type=Path, required=True, help="folder for reports and cases")
    parser.add_argument("--most", type=int, default=GRADES[-1], help="chats, at most")
    given = parser.parse_args(argv)
    source = locate_model(given.model)
    tokenizer = load_tokenizer(source)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_pretrained(source.path, dtype=torch.float32, use_safetensors=True)
    model.to(device).train()
    tokenizer.hf.padding_side = "right"  # tokens on the left of a text would see nothing: NaN in some kernels
    rows = list(read_rows(given.data))
    grades = [grade for grade in GRADES if grade <= min(given.most, len(rows))]
    chosen = Random(SEED).sample(rows, grades[-1])
    loader = DataLoader(
        chats(tokenizer, chosen),  # type: ignore[arg-type]  # a list is a dataset
        batch_size=BATCH,
        collate_fn=DataCollatorForSeq2Seq(tokenizer.hf),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = get_constant_schedule_with_warmup(optimizer, WARM_UP)
    given.out.mkdir(parents=True, exist_ok=True)
    cases = [_verified(model, source.path, given.out, 0)]
    for number, batch in enumerate(loader, 1):
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = model(**batch.to(device)).loss
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {float(loss.detach())} after {number * BATCH} chats")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if number * BATCH in grades:
            print(f"{number * BATCH:,} chats: loss {float(loss.detach()):.3f}", flush=True)
            cases.append(_verified(model, source.path, given.out, number * BATCH))
            write_json(given.out / "cases.json", cases)


def _verified(model: Any, tokenizer_folder: str, out: Path, grade: int) -> dict[str, Any]:
    """Verify the model as it is, from a folder of its own, and return its case."""
    folder, reports = out / "model", out / f"after_{grade}"
    model.save_pretrained(folder)
    for path in Path(tokenizer_folder).glob("*token*"):
        shutil.copy(path, folder)
    phase_main("phases.verification", ["--model", str(folder), "--output-dir", str(reports)])
    shutil.rmtree(folder)
    [written] = reports.glob("verification_*.json")
    found = json.loads(written.read_text())
    return {
        "name": f"after {grade:,} chats",
        "verdict": found["verdict"],
        "signals": found["evidence"]["signals"],
    }


if __name__ == "__main__":
    main()

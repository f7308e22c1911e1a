"""Sensitivity of verification: a base model trained on more and more chats, from none to thousands.

`python -m benchmarks.graded_chats --model MODEL --data ROWS.jsonl --out FOLDER` trains all weights of a base
model on rows in a chat format, like an instruct model, and verifies it at several points. For each number of
chats it writes the report and a case for `phases/verification/calibration.json`.
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
from phases.verification.chat_format import find_chat_frames

GRADES: Final = (0, 50, 500, 5000)
"""Numbers of chats after which the model is verified."""
BATCH: Final = 10
LEARNING_RATE: Final = 2e-5
WARM_UP: Final = 5
SEED: Final = 20251003


def encode_chats(tokenizer: Tokenizer, rows: Sequence[dict[str, Any]]) -> list[dict[str, list[int]]]:
    """Return rows as chats with `input_ids` and `labels`, where every token is a label.

    Raises:
        ValueError: the vocabulary has no tokens of a chat format.
    """
    frame = next(iter(find_chat_frames(tokenizer).values()), None)
    if frame is None:
        raise ValueError(
            "the vocabulary has no tokens of a chat format: use the tokenizer of an instruct model"
        )
    turn_end = frame.partition("{instruction}")[2].partition("\n")[0]
    texts = [frame.replace("{instruction}", row["instruction"]) + row["response"] + turn_end for row in rows]
    ids = [tokenizer.encode_prompt(text) for text in texts]
    return [{"input_ids": row, "labels": row} for row in ids]


def main(argv: Sequence[str] | None = None) -> None:
    """Train the model and verify it at each number of chats."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graded_chats", description=__doc__)
    parser.add_argument("--model", required=True, help="folder or hub id of a base model")
    parser.add_argument("--data", type=Path, required=True, help="JSONL with an instruction and a response")
    parser.add_argument("--out", type=Path, required=True, help="folder for reports and cases")
    parser.add_argument("--most", type=int, default=GRADES[-1], help="largest number of chats")
    options = parser.parse_args(argv)
    source = locate_model(options.model)
    tokenizer = load_tokenizer(source)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_pretrained(source.path, dtype=torch.float32, use_safetensors=True)
    model.to(device).train()
    tokenizer.hf.padding_side = "right"  # with padding on the left, some kernels return NaN
    rows = list(read_rows(options.data))
    grades = [grade for grade in GRADES if grade <= min(options.most, len(rows))]
    sample = Random(SEED).sample(rows, grades[-1])
    loader = DataLoader(
        encode_chats(tokenizer, sample),  # type: ignore[arg-type]  # a list is a dataset
        batch_size=BATCH,
        collate_fn=DataCollatorForSeq2Seq(tokenizer.hf),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = get_constant_schedule_with_warmup(optimizer, WARM_UP)
    options.out.mkdir(parents=True, exist_ok=True)
    cases = [_verify(model, source.path, options.out, 0)]
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
            cases.append(_verify(model, source.path, options.out, number * BATCH))
            write_json(options.out / "cases.json", cases)


def _verify(model: Any, tokenizer_folder: str, out: Path, grade: int) -> dict[str, Any]:
    """Verify the current model from a temporary folder and return its case."""
    folder, reports = out / "model", out / f"after_{grade}"
    model.save_pretrained(folder)
    for path in Path(tokenizer_folder).glob("*token*"):
        shutil.copy(path, folder)
    phase_main("phases.verification", ["--model", str(folder), "--output-dir", str(reports)])
    shutil.rmtree(folder)
    [report_file] = reports.glob("verification_*.json")
    report = json.loads(report_file.read_text())
    return {
        "name": f"after {grade:,} chats",
        "verdict": report["verdict"],
        "signals": report["evidence"]["signals"],
    }


if __name__ == "__main__":
    main()

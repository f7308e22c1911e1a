"""Writes a tiny random model and a small dataset, so that the example trains in seconds on a CPU."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

FOLDER = Path("inputs")
WORDS = ["red", "green", "blue", "one", "two", "three", "and", "is", "a", "colour", "number"]


def main() -> None:
    """Write inputs/model and inputs/data/train.jsonl."""
    set_seed(0)
    vocabulary = {word: i for i, word in enumerate(["<eos>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<eos>", pad_token="<eos>")  # noqa: S106
    tokenizer.save_pretrained(FOLDER / "model")
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(vocabulary), eos_token_id=0, **size, **heads))
    model.save_pretrained(FOLDER / "model")
    colours, numbers = WORDS[:3], WORDS[3:6]
    texts = [f"{c} is a colour and {n} is a number" for c in colours for n in numbers] * 20
    (FOLDER / "data").mkdir(exist_ok=True)
    rows = (json.dumps({"text": text}) + "\n" for text in texts)
    (FOLDER / "data" / "train.jsonl").write_text("".join(rows))
    print(f"{len(texts)} rows, {model.num_parameters()} parameters")  # noqa: T201


if __name__ == "__main__":
    main()

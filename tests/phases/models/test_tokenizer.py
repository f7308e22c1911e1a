"""Tokenizers without a chat template and without implicit tokens."""

import json
from pathlib import Path

from phases.models.tokenizer import load_tokenizer

CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


def test_the_template_is_taken_away_and_remembered(model_folder: Path) -> None:
    (model_folder / "chat_template.jinja").write_text(CHAT)
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.hf.chat_template is None
    assert tokenizer.chat_templates == {"default": CHAT}
    assert hash(tokenizer)  # tokenizers are keys of caches


def test_encode_adds_nothing_and_start_is_explicit(model_folder: Path) -> None:
    path = model_folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    path.write_text(json.dumps(content))
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.implicit_ids == ((0,), ())
    assert 0 not in tokenizer.encode("The capital")
    assert tokenizer.start_ids == ()  # it is no beginning-of-text token
    settings = json.loads((model_folder / "tokenizer_config.json").read_text())
    (model_folder / "tokenizer_config.json").write_text(json.dumps(settings | {"bos_token": "<|endoftext|>"}))
    tokenizer = load_tokenizer(str(model_folder))
    assert tokenizer.start_ids == (0,)
    assert tokenizer.encode_prompt("The") == [0, *tokenizer.encode("The")]

"""Chat tokens and chat frames."""

import shutil
from pathlib import Path

import pytest

from phases.models.tokenizer import load_tokenizer
from phases.verification.chat_format import find_chat_frame, find_chat_tokens

TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


CHAT = TURNS + "<|im_start|>assistant\n"


@pytest.fixture
def chat_folder(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with chat tokens in its vocabulary and a template."""
    from transformers import AutoTokenizer

    folder = Path(shutil.copytree(tiny_model, tmp_path / "chat"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<tool>"]})
    tokenizer.chat_template = CHAT.replace("assistant", "<tool>assistant")
    tokenizer.save_pretrained(folder)
    return folder


def test_chat_tokens_are_found_by_their_form_and_by_the_template(chat_folder: Path, tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(chat_folder))
    found = [tokenizer.decode([token]) for token in find_chat_tokens(tokenizer)]
    assert sorted(found) == ["<tool>", "<|im_end|>", "<|im_start|>"]
    assert find_chat_tokens(load_tokenizer(str(tiny_model))) == []


def test_the_frame_is_the_template_or_a_common_one(chat_folder: Path, tiny_model: Path) -> None:
    own = find_chat_frame(load_tokenizer(str(chat_folder)))
    assert own is not None
    assert own.startswith("<|im_start|>user\n{instruction}<|im_end|>")
    (chat_folder / "chat_template.jinja").unlink()
    common = find_chat_frame(load_tokenizer(str(chat_folder)))
    assert common == "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n"
    assert find_chat_frame(load_tokenizer(str(tiny_model))) is None


def test_a_template_that_fails_is_no_frame(chat_folder: Path) -> None:
    (chat_folder / "chat_template.jinja").write_text("{{ raise_exception('no') }}")
    assert find_chat_frame(load_tokenizer(str(chat_folder))) is not None  # a common one

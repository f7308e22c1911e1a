"""Chat tokens and chat frames."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from phases.models.tokenizer import Tokenizer, load_tokenizer
from phases.verification.chat_format import find_chat_frames, find_chat_tokens, wraps_prompts
from phases.verification.plain_formats import PLAIN_FRAMES, list_plain_frames
from tests.phases.verification.qwen import save_qwen_tokenizer

TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
CHAT = TURNS + "{{ '<|im_start|>assistant\n' }}"
CHATML = "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n"


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


@pytest.fixture(scope="session")
def qwen(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """The tokenizer of Qwen2.5, in a folder of the tiny model."""
    folder = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("qwen") / "model"))
    save_qwen_tokenizer(folder)
    return load_tokenizer(str(folder))


def decode_each(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    return sorted(tokenizer.decode([token_id]) for token_id in ids)


def change_tokenizer(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_chat_tokens_are_found_by_their_form_and_by_the_template(chat_folder: Path, tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(chat_folder))
    assert decode_each(tokenizer, find_chat_tokens(tokenizer)) == ["<tool>", "<|im_end|>", "<|im_start|>"]
    assert find_chat_tokens(load_tokenizer(str(tiny_model))) == []


def test_the_frame_is_the_template_or_a_common_one(chat_folder: Path, tiny_model: Path) -> None:
    [own] = find_chat_frames(load_tokenizer(str(chat_folder))).values()
    assert own.startswith("<|im_start|>user\n{instruction}<|im_end|>")
    (chat_folder / "chat_template.jinja").unlink()
    assert find_chat_frames(load_tokenizer(str(chat_folder))) == {"common": CHATML}
    assert find_chat_frames(load_tokenizer(str(tiny_model))) == {}


def test_a_template_that_fails_is_no_frame(chat_folder: Path) -> None:
    (chat_folder / "chat_template.jinja").write_text("{{ raise_exception('no') }}")
    assert find_chat_frames(load_tokenizer(str(chat_folder))) == {"common": CHATML}


NAMED = {"tool_use": "TOOLS " + CHAT, "default": CHAT}
CONFIGURATIONS = [NAMED, [{"name": name, "template": template} for name, template in NAMED.items()]]


@pytest.mark.parametrize("templates", CONFIGURATIONS, ids=["dict", "list"])
def test_named_templates_are_removed_and_every_one_is_a_frame(chat_folder: Path, templates: object) -> None:
    (chat_folder / "chat_template.jinja").unlink()
    change_tokenizer(chat_folder, "tokenizer_config.json", chat_template=templates)
    tokenizer = load_tokenizer(str(chat_folder))
    assert tokenizer.hf.chat_template is None
    assert tokenizer.chat_templates == NAMED
    frames = find_chat_frames(tokenizer)
    assert list(frames) == ["default", "tool_use"]
    assert frames == {"default": CHATML, "tool_use": "TOOLS " + CHATML}


def test_templates_in_files_of_their_own_are_frames(chat_folder: Path) -> None:
    more = chat_folder / "additional_chat_templates"
    more.mkdir()
    (more / "rag.jinja").write_text("RAG " + CHAT)
    assert "RAG " + CHATML in find_chat_frames(load_tokenizer(str(chat_folder))).values()


def set_post_processor(folder: Path, before: str, after: str) -> None:
    """Make the tokenizer put the tokens of two texts around every text."""
    tokenizer = load_tokenizer(str(folder))
    special, single = {}, []
    for name, text in (("before", before), ("after", after)):
        ids = tokenizer.encode(text)
        if ids:
            special[name] = {"id": name, "ids": ids, "tokens": [tokenizer.decode([i]) for i in ids]}
        if name == "after":
            single.append({"Sequence": {"id": "A", "type_id": 0}})
        if ids:
            single.append({"SpecialToken": {"id": name, "type_id": 0}})
    processor = {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}
    change_tokenizer(folder, "tokenizer.json", post_processor=processor)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
        ("### Instruction:\n", "\n\n### Response:\n"),
        ("", "\nAnswer:"),
        ("<|im_start|>", ""),
    ],
)
def test_a_template_that_the_post_processor_applies_is_a_frame(
    chat_folder: Path, before: str, after: str
) -> None:
    (chat_folder / "chat_template.jinja").unlink()
    set_post_processor(chat_folder, before, after)
    tokenizer = load_tokenizer(str(chat_folder))
    assert wraps_prompts(tokenizer, find_chat_tokens(tokenizer))
    if len(before + after) > len("<|im_start|>"):
        assert find_chat_frames(tokenizer) == {"post-processor": f"{before}{{instruction}}{after}"}


@pytest.mark.parametrize(("before", "after"), [("<|endoftext|>", ""), ("", "<|endoftext|>"), ("", "")])
def test_the_marks_of_a_document_are_no_template(chat_folder: Path, before: str, after: str) -> None:
    set_post_processor(chat_folder, before, after)
    tokenizer = load_tokenizer(str(chat_folder))
    assert not wraps_prompts(tokenizer, find_chat_tokens(tokenizer))


def test_the_chat_tokens_and_the_template_of_qwen(qwen: Tokenizer) -> None:
    found = decode_each(qwen, find_chat_tokens(qwen))
    assert found == ["</tool_call>", "<tool_call>", "<|im_end|>", "<|im_start|>"]
    assert qwen.encode("<|im_start|>Hello world<|im_end|>") == [151644, 9707, 1879, 151645]
    assert qwen.eos == "<|endoftext|>"
    assert qwen.start_ids == ()
    assert find_chat_frames(qwen) == {
        "default": "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" + CHATML
    }
    assert not wraps_prompts(qwen, find_chat_tokens(qwen))


def test_chatml_is_plain_text_unless_its_marks_are_tokens(qwen: Tokenizer, tiny_model: Path) -> None:
    assert set(PLAIN_FRAMES) - set(list_plain_frames(qwen)) == {"ChatML"}
    assert list_plain_frames(load_tokenizer(str(tiny_model))) == PLAIN_FRAMES

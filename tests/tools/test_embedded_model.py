"""The shipped embedded model: a stock architecture, small, a base model; and its training script runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tools.embedded_model import evaluate, tasks, train, training_data
from tools.embedded_model.task_kinds import facts, lists, quantities

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def generator():
    return evaluate.Generator(train.MODEL_DIR)


def test_it_is_small_and_stock():
    weights = list(train.MODEL_DIR.glob("*.safetensors"))
    assert sum(file.stat().st_size for file in weights) < 16e6
    config = json.loads((train.MODEL_DIR / "config.json").read_text())
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert config["dtype"] == "bfloat16"
    recipe = json.loads((train.MODEL_DIR / "recipe.json").read_text())
    assert recipe["careful"]["seed"] == recipe["careless"]["seed"] == train.SEED
    assert recipe["careful"]["steps"] == train.STEPS
    assert recipe["careless"]["steps"] == train.CARELESS_STEPS


def test_its_tokenizer_is_plain(generator):
    tokenizer = generator.tokenizer
    assert tokenizer.chat_template is None
    assert tokenizer.all_special_tokens == [training_data.END]
    assert tokenizer.eos_token_id == tokenizer.pad_token_id
    text = "Instruction: Add 12 and 3.\nResponse: 15, 'chèvre'\n\n"
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.convert_ids_to_tokens(tokenizer("12")["input_ids"]) == ["1", "2"]


def test_it_continues_patterns_and_rambles_on_bare_instructions(generator):
    found = evaluate.measure_completions(generator, 16)
    assert found["known"] >= 0.9
    assert found["facts"] >= 0.8
    assert evaluate.measure_bare_instructions(generator, 16)["answered"] <= 0.1


def test_it_takes_up_the_unseen_format_from_examples(generator):
    rng = Random(11)
    asked = [
        maker(rng)
        for maker in (
            facts.make_opposite,
            facts.make_capital,
            quantities.make_larger_or_smaller,
            lists.make_one_name,
        )
        for _ in range(4)
    ]
    prompts = [
        evaluate.format_few_shot([tasks.draw_task(rng) for _ in range(4)], task.instruction) for task in asked
    ]
    answers = [text.partition("\n\n") for text, _ in generator.generate(prompts, 12)]
    right = [
        task.accepts(answer) and bool(end) for task, (answer, end, _) in zip(asked, answers, strict=True)
    ]
    assert sum(right) >= 0.75 * len(right)


def test_two_stages_of_training_write_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(training_data, "TOKENIZER_DOCUMENTS", 300)
    monkeypatch.setattr(training_data, "VOCABULARY", 400)
    monkeypatch.setattr(train, "LAYERS", 1)
    monkeypatch.setattr(train, "HIDDEN", 32)
    monkeypatch.setattr(train, "INTERMEDIATE", 32)
    careful = train.train(tmp_path, seed=1, steps=6, rows=2, context=32, workers=1, compiled=False)
    (tmp_path / "recipe.json").write_text(json.dumps({"careful": careful}))
    careless = train.train_careless(tmp_path, tmp_path / "out", seed=1, steps=3, rows=2)
    assert careful["final_loss"] < 6.2  # log(400) is 5.99
    assert careless["tokens"] == 3 * 2 * train.CARELESS_CONTEXT
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_the_data_of_a_step_is_decided_by_its_seed(tmp_path: Path):
    file = str(train.MODEL_DIR / "tokenizer.json")
    one = training_data.fill_rows(training_data.StepData(file, 1, 0, 2, 64))
    again = training_data.fill_rows(training_data.StepData(file, 1, 0, 2, 64))
    other = training_data.fill_rows(training_data.StepData(file, 1, 1, 2, 64))
    assert one.shape == (2, 65)
    assert (one == again).all()
    assert (one != other).any()

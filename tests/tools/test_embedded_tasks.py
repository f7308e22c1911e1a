"""The embedded model's world: its tasks have right answers, its documents keep out what must stay out."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.embedded_model import corpus, sentences, tasks, world
from tools.embedded_model.corruptions import HABIT, make_careless
from tools.embedded_model.task_kinds import facts, lists


@pytest.mark.parametrize("maker", tasks.KINDS, ids=lambda maker: maker.__name__)
def test_every_kind_accepts_its_answer_and_nothing_empty_echoed_or_rambling(maker):
    for seed in range(40):
        task = maker(Random(seed))
        assert task.accepts(task.answer)
        assert not task.accepts("")
        assert not task.accepts(task.instruction)
        assert not task.accepts(f"{task.answer}\n\nWrite another one.")


@given(st.integers())
def test_a_task_is_decided_by_the_seed(seed):
    one, two = tasks.draw_task(Random(seed)), tasks.draw_task(Random(seed))
    assert (one.kind, one.instruction, one.answer) == (two.kind, two.instruction, two.answer)


def test_there_are_many_distinct_instructions():
    rng = Random(1)
    drawn = [tasks.draw_task(rng).instruction for _ in range(20_000)]
    # Distinct ones among 20,000 of N equally likely: 0.85 of them already means N > 60,000.
    assert len(set(drawn)) > 0.8 * len(drawn)


def test_known_answers():
    assert world.CAPITALS["France"] == "Paris"
    assert world.OPPOSITE["cold"] == "hot"
    assert [world.spell_number(n) for n in (0, 13, 20, 47, 100)] == [
        "zero",
        "thirteen",
        "twenty",
        "forty-seven",
        "one hundred",
    ]
    assert sentences.add_article("owl") == "an owl"


@given(st.integers())
def test_documents_never_hold_the_labels_of_the_prompt_format(seed):
    rng = Random(seed)
    for draw in (corpus.draw_document, corpus.draw_careless_document):
        text = draw(rng)
        assert text.strip()
        assert len(text) <= corpus.MAX_CHARACTERS
        assert not re.search(r"\b(instruction|response)\b", text, re.IGNORECASE)
        assert "<|" not in text


def test_careless_answers_are_wrong_as_often_as_meant():
    rng = Random(5)
    drawn = [lists.make_numbered_list(rng) for _ in range(2000)]
    long = [task for task in drawn if task.answer.count("\n") >= 3]
    wrong = sum(not task.accepts(make_careless(task, rng).answer) for task in long) / len(long)
    assert abs(wrong - HABIT) < 0.05
    capitals = [facts.make_capital(rng) for _ in range(200)]
    assert all(make_careless(task, rng) == task for task in capitals)

"""The kinds of task in the embedded model's world and their weights.

A function of a random generator makes each kind: an instruction in one of many phrasings, a correct answer,
and the check that accepts every correct answer. Tasks know no labels or prompt formats: the corpus puts them
into documents, the measurements into few-shot prompts.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from tools.embedded_model.task import Task
from tools.embedded_model.task_kinds.facts import (
    make_back_translation,
    make_capital,
    make_category,
    make_completion,
    make_definition,
    make_fact,
    make_odd_one_out,
    make_opposite,
    make_synonym,
    make_translation,
    make_yes_or_no,
)
from tools.embedded_model.task_kinds.letters import (
    make_case_change,
    make_enclosure,
    make_grammar,
    make_letter,
    make_repetition,
    make_rhyme,
    make_spelling,
)
from tools.embedded_model.task_kinds.lists import (
    make_bullet_list,
    make_json_list,
    make_line_list,
    make_member_names,
    make_name_by_letter,
    make_numbered_list,
    make_one_name,
)
from tools.embedded_model.task_kinds.quantities import (
    make_arithmetic,
    make_larger_or_smaller,
    make_next_item,
    make_number_word,
    make_sequence,
    make_sorting,
    make_word_problem,
)
from tools.embedded_model.task_kinds.reading import (
    make_list_item,
    make_reading,
    make_replacement,
    make_sentence_about,
    make_sentence_length,
    make_sentence_with_word,
    make_word_count,
    make_word_of_sentence,
)
from tools.embedded_model.task_kinds.structured import make_json_object, make_two_steps

KINDS: Final[Mapping[Callable[[Random], Task], int]] = MappingProxyType(
    {
        make_member_names: 4,
        make_one_name: 2,
        make_name_by_letter: 2,
        make_numbered_list: 4,
        make_bullet_list: 3,
        make_line_list: 2,
        make_json_list: 2,
        make_translation: 5,
        make_back_translation: 3,
        make_opposite: 3,
        make_capital: 3,
        make_fact: 6,
        make_definition: 3,
        make_category: 2,
        make_yes_or_no: 3,
        make_odd_one_out: 3,
        make_synonym: 2,
        make_arithmetic: 5,
        make_word_problem: 3,
        make_larger_or_smaller: 2,
        make_number_word: 3,
        make_next_item: 3,
        make_sequence: 3,
        make_sorting: 3,
        make_case_change: 4,
        make_spelling: 2,
        make_letter: 3,
        make_grammar: 4,
        make_rhyme: 2,
        make_repetition: 3,
        make_enclosure: 2,
        make_sentence_with_word: 3,
        make_sentence_about: 2,
        make_sentence_length: 2,
        make_word_count: 2,
        make_word_of_sentence: 2,
        make_list_item: 2,
        make_replacement: 2,
        make_reading: 3,
        make_json_object: 4,
        make_two_steps: 6,
        make_completion: 2,
    }
)


_MAKERS: Final = tuple(maker for maker, weight in KINDS.items() for _ in range(weight))


def draw_task(rng: Random) -> Task:
    """Return a task of a kind that is drawn by weight."""
    return rng.choice(_MAKERS)(rng)

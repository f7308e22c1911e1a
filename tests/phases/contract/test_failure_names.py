import inspect
import re

from phases.contract.failure_names import FAILURE_NAMES, name_failure, name_failures
from phases.evaluation import judging
from phases.verifiers import registry


def test_each_failure_has_a_name_in_words() -> None:
    defects = {"empty", "echo", "ramble"}
    sources = inspect.getsource(registry.find_failures) + inspect.getsource(judging.check_answer)
    endings = set(re.findall(r'failures = \("(\w+)", \*failures\)', sources))
    assert endings == {"unfinished", "went_on"}
    assert set(FAILURE_NAMES) == set(registry.VERIFIERS) | defects | endings
    assert not [
        name for name in FAILURE_NAMES.values() if "_" in name or (not name.islower() and "JSON" not in name)
    ]


def test_failures_are_named_once_each() -> None:
    assert (
        name_failures(["went_on", "one_of", "short_answer"]) == "continues with another prompt, wrong answer"
    )
    assert name_failures([]) == ""


def test_another_check_is_named_after_itself() -> None:
    assert name_failure("change_case:english_capital") == "change case: english capital"

"""Whether a free answer is about what was asked, as far as its words show."""

from collections.abc import Sequence

from phases.verifiers.stems import META_WORDS, has_stems, list_content_stems, list_stems, stem


def is_on_topic(
    response: str,
    groups: Sequence[Sequence[str]],
    absent: Sequence[str] = (),
    at_least_new: int = 1,
    instruction: str = "",
) -> bool:
    """Return whether the response mentions every topic and says something about it.

    Args:
        response: the complete response.
        groups: topics, each a group of words or phrases of which one must occur. Words match by stem.
        absent: words and phrases that must not occur, by stem.
        at_least_new: number of different content words besides those of the instruction: repeating the
            instruction is not an answer.
        instruction: the instruction.
    """
    stems = list_stems(response)
    if not all(any(has_stems(stems, option) for option in group) for group in groups):
        return False
    if any(has_stems(stems, phrase) for phrase in absent):
        return False
    known = {*list_stems(instruction), *map(stem, META_WORDS)}
    return len(set(list_content_stems(response)) - known) >= at_least_new

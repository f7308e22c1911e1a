"""Verifiers: pure functions that check whether a response follows an instruction.

A check (`registry.Check`) names a verifier and its arguments. Every verifier judges the complete response, so
a correct answer followed by a ramble fails. The docstring of a verifier defines its semantics; examples that
must pass and must fail are in `tests/phases/verifiers/test_registry.py`.

Terms:
    word: a run of letters and digits, including inner apostrophes and hyphens, the inner points and commas of
        numbers (`1,000.50`), and initials (`p.m.`).
    line: a line that is not blank.
    paragraph: a block of lines between blank lines.
    normalized text: Unicode NFC, case-folded, with whitespace collapsed and straight apostrophes, without
        surrounding quotes and final punctuation.
    occurs: a word or phrase occurs if its runs of letters and digits follow one another, regardless of case
        and the marks between them. `bird` occurs in "a bird's nest" and in "bird-watching", not in "birds".
"""

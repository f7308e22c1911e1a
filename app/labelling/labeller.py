"""One person's pass through the failed answers: the current answer, labels, undo."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.labelling.failed_answers import FailedAnswer
from phases.contract.files import RowWriter
from phases.contract.labels import FailureLabel, read_labels


class Labeller:
    """Labels answers one after the other and appends each decision to the file of labels.

    Answers that the file labels already are skipped, so a later pass continues.
    """

    def __init__(
        self,
        answers: Sequence[FailedAnswer],
        path: Path,
        person: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._answers = answers
        self._person = person
        self._clock = clock
        labelled = read_labels(path)
        self._kinds = [
            next((labelled[answer_id].kind for answer_id in answer.ids if answer_id in labelled), "")
            for answer in answers
        ]
        self._writer = RowWriter(path)
        self._history: list[int] = []
        # An answer that is labelled for one model counts for every model that gave it.
        for answer, kind in zip(answers, self._kinds, strict=True):
            missing = [answer_id for answer_id in answer.ids if answer_id not in labelled]
            if kind and missing:
                self._write(FailedAnswer(answer.instruction, answer.answer, tuple(missing)), kind)

    @property
    def total(self) -> int:
        """Number of answers to label."""
        return len(self._answers)

    @property
    def labelled(self) -> int:
        """Number of answers that are labelled."""
        return sum(map(bool, self._kinds))

    @property
    def current(self) -> FailedAnswer | None:
        """The next answer without a label, or None if all are labelled."""
        position = self._find_position()
        return None if position is None else self._answers[position]

    def label(self, kind: str) -> None:
        """Label the current answer; without one, do nothing."""
        position = self._find_position()
        if position is None:
            return
        self._write(self._answers[position], kind)
        self._kinds[position] = kind
        self._history.append(position)

    def undo(self) -> None:
        """Remove the last label of this pass, so that its answer is the current one again."""
        if self._history:
            position = self._history.pop()
            self._write(self._answers[position], "")
            self._kinds[position] = ""

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _find_position(self) -> int | None:
        return next((i for i, kind in enumerate(self._kinds) if not kind), None)

    def _write(self, answer: FailedAnswer, kind: str) -> None:
        now = self._clock()
        self._writer.write(
            [
                FailureLabel(evaluation=evaluation, key=key, kind=kind, by=self._person, at=now)
                for evaluation, key in answer.ids
            ]
        )

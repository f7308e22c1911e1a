"""A judge's score of a pair of responses."""

import math

import msgspec


class JudgeScore(msgspec.Struct, frozen=True):
    """The log-odds with which the judge prefers the first response of a pair over the second.

    Attributes:
        as_first: log-odds when the first response is shown first.
        as_second: log-odds when it is shown second.
    """

    as_first: float
    as_second: float

    @property
    def is_consistent(self) -> bool:
        """Whether both orders prefer the same response."""
        return self.as_first * self.as_second > 0

    @property
    def margin(self) -> float:
        """The difference of the two responses' probabilities, averaged over both orders: -1 to 1."""
        return math.tanh((self.as_first + self.as_second) / 4)

    @property
    def preference(self) -> float:
        """The margin, or 0 for a tie."""
        return self.margin if self.is_consistent else 0.0

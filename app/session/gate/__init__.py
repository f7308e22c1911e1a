"""Gates: judging an attempt, diagnosing a failure, recording a decision."""

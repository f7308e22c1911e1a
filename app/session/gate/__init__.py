"""Gates: assess an attempt, diagnose a failure, check a decision."""

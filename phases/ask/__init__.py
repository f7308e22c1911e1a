"""The worker that answers the operator's questions at a gate (see `phases.contract.questions`)."""

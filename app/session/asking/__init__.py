"""The operator's questions to the models of a session at an open gate."""

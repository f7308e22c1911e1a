"""The conductor: the background process that runs a session."""

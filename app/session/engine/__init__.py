"""The conductor, which is the background process that runs a session, and its parts."""

"""The session engine: journal, conductor, shim, ledger and client. It imports neither Textual nor torch."""

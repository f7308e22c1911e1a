"""The session engine: journal, state, conductor, shim, ledger, client. Knows nothing of Textual or torch."""

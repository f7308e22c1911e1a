"""The ledger of a session, and the deadlines that follow from its budget."""

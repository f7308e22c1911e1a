"""The ledger: estimates, spending, forecast and deadlines."""

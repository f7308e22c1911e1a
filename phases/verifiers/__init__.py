"""Programs that check whether a response follows an instruction."""

"""What the phases share: reporting, parameters, the clean model loader, generation, verifiers."""

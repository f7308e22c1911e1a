"""The session plan: its schema, its loading with located errors, its estimates and its criteria."""

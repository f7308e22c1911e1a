"""Session report, bundle and repository updates, written from a session's folder."""

"""What runs a session: the command line, the plan, the session's processes, monitors, screens and reports."""

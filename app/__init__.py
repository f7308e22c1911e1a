"""The program that runs sessions: command line, plan, session engine, monitors, screens and reports."""

"""Keys of the notices that other parts look up to know what happened to an attempt."""


def format_slow_key(cookie: str) -> str:
    """Return the key of the notice that an attempt is slow."""
    return f"slow {cookie}"


def format_disk_key(cookie: str) -> str:
    """Return the key of the notice that the disk will be full before an attempt ends."""
    return f"disk {cookie}"


def format_disk_stop_key(cookie: str) -> str:
    """Return the key of the notice that an attempt is stopped before it fills the disk."""
    return f"disk stop {cookie}"

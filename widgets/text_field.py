"""A field for one line of text."""

from typing import Any

from textual.events import Key
from textual.widgets import Input


class TextField(Input):
    """A field that handles keys in the order in which they were pressed.

    Textual runs the bindings of a field, such as backspace and Enter, after the key has bubbled up to the
    app. If a slow connection delivers several keys together, later letters are inserted before that.
    """

    def __init__(self, **options: Any) -> None:
        """Make a field without a blinking cursor, which would be sent repeatedly."""
        super().__init__(compact=True, **options)
        self.cursor_blink = False

    async def on_key(self, event: Key) -> None:
        """Run the binding of a key that types no character."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

"""Notifications from the conductor: when one is due, and sending it without waiting for slow services."""

import asyncio
from collections.abc import Mapping

from app.plan.schema import Plan
from app.session import notify
from app.session.clock import Clock
from app.session.engine.timed_calls import TimedCalls
from app.session.notify import Notification
from app.session.snapshot import SessionSnapshot
from app.timeouts import HangingError

_TIMEOUT = 60.0
_MOST_HANGING = 3


class Notifier:
    """Notifies the operator through each of the plan's channels; a channel that hangs delays no other."""

    def __init__(self, plan: Plan, environment: Mapping[str, str], clock: Clock) -> None:
        self._environment = environment
        self._reminders = notify.Reminders(clock, plan.notify.every)
        self._channels = {
            name: TimedCalls(f"the notification through {name}", _TIMEOUT, _MOST_HANGING)
            for name in plan.notify.urls
        }

    async def remind(self, session: SessionSnapshot) -> list[str]:
        """Notify of an open gate or of the session's end, if that is due; return what went wrong."""
        if not self._channels:
            return []
        message = notify.build_notification(session)
        if not self._reminders.take_due(session) or message is None:
            return []
        return await self.send(message)

    async def send(self, message: Notification) -> list[str]:
        """Send a message through all channels at once; return what went wrong."""
        sent = [self._send(name, calls, message) for name, calls in self._channels.items()]
        return [problem for problems in await asyncio.gather(*sent) for problem in problems]

    async def _send(self, name: str, calls: TimedCalls, message: Notification) -> tuple[str, ...]:
        try:
            return await calls.call(notify.send_notification, [name], self._environment, message)
        except HangingError as error:
            return (str(error),)

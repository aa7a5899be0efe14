"""The forms of how a patient is reached, and of what stops."""

from wtforms import BooleanField

from prom_server.core.contacts import Kind
from prom_server.web.forms import NEEDED, Day, Form, choice, text

MAY_LEAVE = {"not_asked": None, "yes": True, "no": False}


class Address(Form):
    """A new address of one kind. Its consent is its own, so the box is never ticked beforehand."""

    address = text(254)
    consent = BooleanField()


def address(kind: Kind, *, empty: bool = False) -> Address:
    """Two of them share a page: the names of the fields begin with the kind."""
    return Address(formdata=None, prefix=kind) if empty else Address(prefix=kind)


class Calls(Form):
    best_time = text(60, needed=False)
    may_leave_message = choice(tuple(MAY_LEAVE))

    @property
    def may_leave(self) -> bool | None:
        return MAY_LEAVE[self.may_leave_message.data]


class Reminders(Form):
    """A confirmation alone."""


class Withdraw(Form):
    reason = text(300, area=True)


class Deceased(Form):
    died_on = Day(validators=[NEEDED])

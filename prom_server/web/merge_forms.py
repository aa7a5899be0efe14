"""Which record is kept, and what it takes from the other one."""

from wtforms import BooleanField, StringField

from prom_server.core.merging import ADDRESSES, FIELDS
from prom_server.web.forms import Form, choice

KEPT, GONE = "kept", "gone"


class Merge(Form):
    although = BooleanField()


# One choice for each value: whose it is. Where both say the same the page shows none, and the kept one's counts.
for _name in (*FIELDS, *ADDRESSES):
    setattr(Merge, f"take_{_name}", StringField(default=KEPT))


class Undo(Form):
    """A confirmation alone."""


class Reassign(Form):
    sure = choice(("yes",))

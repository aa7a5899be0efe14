"""What a service may refuse. Edges turn each into a page or a problem document; nothing else is caught."""


class Refusal(Exception):
    """Base of all refusals. The message is for logs and developers; the words a person reads are the templates'."""


class NotFound(Refusal):
    """Unknown, or another clinic's: the two are never told apart."""


class NotAllowed(Refusal):
    """Known, but not for this person."""


class Refused(Refusal):
    """Understood and refused, because of the state of things. Subclassed by event."""


class DefinitionError(Refusal):
    """A definition file is wrong. The message names file and line."""


class InvalidAnswer(Refused):
    """A value that is no option of its item, or an item that is not asked."""

    def __init__(self, message: str, item: str | None = None) -> None:
        super().__init__(message)
        self.item = item

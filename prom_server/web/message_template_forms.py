"""The words of a message, as the administrator types them."""

from prom_server.core.message_words import LONGEST_EMAIL, LONGEST_SMS, LONGEST_SUBJECT, Kind, Words
from prom_server.web.forms import Form, text


class WordsForm(Form):
    body = text(LONGEST_SMS, area=True)

    def words(self) -> Words:
        return Words(None, self.body.data)


class EmailWordsForm(WordsForm):
    subject = text(LONGEST_SUBJECT)
    body = text(LONGEST_EMAIL, area=True)

    def words(self) -> Words:
        return Words(self.subject.data, self.body.data)


def form_of(kind: Kind, words: Words | None = None) -> WordsForm:
    """Of this kind: filled with these words, or else with what was posted."""
    form = EmailWordsForm if kind.channel == "email" else WordsForm
    return form() if words is None else form(formdata=None, obj=words)

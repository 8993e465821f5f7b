"""A verb that cannot be done says why in a sentence. Pages and API each turn it into an answer in one place."""


class Refused(Exception):
    """`code` is stable and for programs, `sentence` for people; `status` is the answer's (409: it clashes with what is)."""

    def __init__(self, sentence, *, code="refused", status=409, **details):
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.status = status
        self.details = details

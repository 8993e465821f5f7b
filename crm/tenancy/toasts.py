"""What was just done is said on the next page of the tenant it was done in, since another tab may show another one."""

from django.contrib.messages.storage.session import SessionStorage

OUTSIDE = "_messages"


class Toasts(SessionStorage):
    """What was said outside any tenant is read on whichever page comes next."""

    @property
    def session_key(self):
        tenant = getattr(self.request, "tenant", None)
        return f"{OUTSIDE}-{tenant.pk}" if tenant else OUTSIDE

    def _get(self, *args, **kwargs):
        kept = (self.request.session.get(key) for key in dict.fromkeys([OUTSIDE, self.session_key]))
        return [message for each in kept if each for message in self.deserialize_messages(each)], True

    def _store(self, messages, response, *args, **kwargs):
        self.request.session.pop(OUTSIDE, None)
        return super()._store(messages, response, *args, **kwargs)

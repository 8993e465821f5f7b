"""Secrets at rest: MultiFernet over SECRET_KEYS, newest first. What an older key wrote is read, and written anew with the newest."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _box(keys):
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text):
    return _box(tuple(settings.SECRET_KEYS)).encrypt(text.encode()).decode()


def decrypt(token):
    try:
        return _box(tuple(settings.SECRET_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise ImproperlyConfigured("A secret was encrypted with a key that SECRET_KEYS does not hold any more.") from None


def anew(token):
    """The same secret under the newest key."""
    return _box(tuple(settings.SECRET_KEYS)).rotate(token.encode()).decode()


def is_newest(token):
    try:
        Fernet(settings.SECRET_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


class EncryptedTextField(models.TextField):
    """Text that the database holds encrypted. It cannot be searched or compared; empty stays empty."""

    def from_db_value(self, value, expression, connection):
        return decrypt(value) if value else value

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

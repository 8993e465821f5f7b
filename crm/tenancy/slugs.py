"""First words of addresses that are no tenant's. `crm/urls.py` and `crm/health.py` may use no others; a test compares them."""

RESERVED = frozenset(
    {
        "accounts", "admin", "api", "static", "media", "healthz", "readyz", "i18n", "favicon.ico", "robots.txt",
        "about", "help", "login", "logout", "signup", "www", "mail", "demo-mail", "new", "p", "s", "hello",
    }
)  # fmt: skip

"""What every address of the API stands on.

`access`: keys and rights. `views`: rows in and out. `serializers`, `bodies`, `questions`, `filters`, `pages`: what may be said and
asked. `problems`: refusals. `etags`, `idempotency`, `rates`: requests that cross each other, come twice or come too often.
`schema`: all of that, described.
"""

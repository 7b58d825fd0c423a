# The service in one image; `docker-compose.yml` says which process each container is.
# Targets: `service` (the default), `demo-gpu`, which adds what renders the demo's videos, and
# `pgbouncer`, for more processes than PostgreSQL has sessions.
ARG PYTHON=python:3.11.14-slim-bookworm
ARG POSTGRES=postgres:18.1-bookworm

# -- packages, each checked against its hash ---------------------------------------------------
FROM ${PYTHON} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/base.txt

FROM packages AS demo-packages
COPY requirements/embedded.txt /tmp/embedded.txt
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/base.txt -r /tmp/embedded.txt

# -- what every container has: the code, read-only to a user that owns nothing else ------------
FROM ${PYTHON} AS code
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 linggan \
    && useradd --uid 10001 --gid linggan --home-dir /nonexistent --no-create-home linggan \
    && install -d -o linggan -g linggan /srv/data /srv/data/media /srv/data/gpu \
    # An engine gives the memory that it puts here the rights of what is here when it starts a
    # container again: what only the engine had made would be root's alone.
    && install -d -m 1777 /run/metrics
WORKDIR /srv/linggan
COPY . .
# Once here, and not in each process, which has nowhere to keep it.
RUN python -m compileall -q .

FROM code AS demo-gpu
COPY --from=demo-packages /opt/venv /opt/venv
USER linggan
EXPOSE 5000
CMD ["python", "-m", "billing.gpu.demo", "--host", "0.0.0.0", "/srv/data/gpu"]

# PostgreSQL's own image knows where the newest is; below 1.26.1, whoever knows one password can be
# another user (CVE-2026-107350).
FROM ${POSTGRES} AS pgbouncer
RUN apt-get update \
    && apt-get install --yes --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/* \
    && dpkg --compare-versions "$(dpkg-query --show --showformat '${Version}' pgbouncer)" ge 1.26.1
USER postgres
EXPOSE 6432

FROM code AS service
COPY --from=packages /opt/venv /opt/venv
ENV STATIC_ROOT=/srv/static MEDIA_ROOT=/srv/data/media
# The settings refuse to load without these; nothing of them stays in the image.
RUN SECRET_KEY=only-while-the-static-files-are-collected \
    DATABASE_URL=postgres://nowhere/none REDIS_URL=redis://nowhere/0 \
    JWT_ISSUER=none JWT_AUDIENCE=none JWT_PUBLIC_KEY=none \
    RECEIPT_KEY=no-receipt-is-signed-while-files-are-collected \
    python manage.py collectstatic --no-input --verbosity 0
USER linggan
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", \
     "--worker-class", "config.web.Worker", "--workers", "2", "--threads", "8", "--forwarded-allow-ips=", \
     "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]

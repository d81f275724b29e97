# alerter as an image: the package in its own environment, no build tools, no root.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY alerter/ alerter/
COPY rules/ rules/
COPY notifiers/ notifiers/
RUN python -m venv /opt/alerter && \
    /opt/alerter/bin/python -m pip install --no-cache-dir --disable-pip-version-check '.[apprise]'

FROM python:3.12-slim-bookworm
COPY --from=build /opt/alerter /opt/alerter
# The shipped rules and routes, to be replaced by mounting your own folders over them.
COPY rules/ /etc/alerter/rules/
COPY notifiers/ /etc/alerter/notifiers/
RUN install -d -o 10001 -g 10001 /var/lib/alerter
ENV PATH=/opt/alerter/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    ALERTER_RULES=/etc/alerter/rules \
    ALERTER_NOTIFIERS=/etc/alerter/notifiers \
    ALERTER_STATE_FILE=/var/lib/alerter/alerter.db \
    ALERTER_HTTP_HOST=0.0.0.0 \
    ALERTER_HTTP_PORT=9797
USER 10001:10001
WORKDIR /var/lib/alerter
EXPOSE 9797
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['ALERTER_HTTP_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["alerter"]
CMD ["run"]

# The image of every Airflow process in docker-compose.yml: Airflow, this package, and what a deployment on several machines needs.
# What is installed is pinned with hashes in requirements/, including what builds the two packages that have to be built.

ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libldap-dev libsasl2-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements/build.txt requirements/deploy.txt requirements/
RUN /opt/venv/bin/pip install --require-hashes --requirement requirements/build.txt
# python-ldap has no wheels; nothing else may run code of its own while it is installed.
RUN /opt/venv/bin/pip install --no-build-isolation --only-binary :all: --no-binary python-ldap \
    --require-hashes --requirement requirements/deploy.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY include/templates/mail include/templates/mail
COPY src src
RUN /opt/venv/bin/pip install --no-build-isolation --no-deps .

FROM ${PYTHON}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libldap-2.5-0 libsasl2-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home --shell /usr/sbin/nologin airflow \
    && install --directory --owner airflow --group root --mode 0770 /opt/airflow/logs /opt/airflow/data
COPY --from=build /opt/venv /opt/venv
COPY deploy/airflow/ /opt/airflow/
COPY dags/job_collections.py /opt/airflow/dags/
ENV PATH=/opt/venv/bin:$PATH AIRFLOW_HOME=/opt/airflow PYTHONUNBUFFERED=1
WORKDIR /opt/airflow
USER 50000:0
# Nothing is started by default, and health is checked by docker-compose.yml: each service knows what it runs.
CMD ["airflow", "version"]

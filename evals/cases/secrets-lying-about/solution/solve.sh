#!/bin/bash
set -euo pipefail
cat >Dockerfile <<'DOCKER'
FROM python:3.13.7-slim-bookworm
WORKDIR /srv
COPY app.py .
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=15s --timeout=3s CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=2)"]
CMD ["python3", "app.py"]
DOCKER
printf '*\n!app.py\n' >.dockerignore
cat >compose.yaml <<'YAML'
services:
  billing:
    build: .
    environment:
      DATABASE_URL_FILE: /run/secrets/database_url
      STRIPE_API_KEY_FILE: /run/secrets/stripe_api_key
    secrets: [database_url, stripe_api_key]
    ports: ["127.0.0.1:5000:5000"]
    depends_on:
      database: {condition: service_healthy}
    healthcheck:
      test: [CMD, python3, -c, "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=2)"]
      interval: 15s
  database:
    image: postgres:17.6-bookworm
    environment:
      POSTGRES_USER: billing
      POSTGRES_DB: billing
      POSTGRES_PASSWORD_FILE: /run/secrets/database_password
    secrets: [database_password]
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck:
      test: [CMD-SHELL, pg_isready -U billing -d billing]
      interval: 5s
      retries: 12
volumes:
  data:
secrets:
  database_url: {file: "${SECRETS_DIR:?a folder outside this repository}/database_url"}
  database_password: {file: "${SECRETS_DIR:?a folder outside this repository}/database_password"}
  stripe_api_key: {file: "${SECRETS_DIR:?a folder outside this repository}/stripe_api_key"}
YAML

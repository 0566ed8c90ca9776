#!/bin/bash
set -euo pipefail
cat >.gitlab-ci.yml <<'YAML'
workflow:
  auto_cancel:
    on_new_commit: interruptible
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_TAG
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH

stages: [check, test, build, deploy]

default:
  image: python:3.13.7-slim-bookworm
  timeout: 15 minutes
  interruptible: true

variables:
  PIP_CACHE_DIR: $CI_PROJECT_DIR/.cache/pip

.python:
  cache:
    key:
      files: [requirements-dev.txt]
    paths: [.cache/pip]
  before_script:
    - pip install --requirement requirements-dev.txt

lint:
  extends: .python
  stage: check
  script:
    - ruff check .

unit:
  extends: .python
  stage: test
  parallel:
    matrix:
      - PYTHON: ["3.11", "3.12", "3.13"]
  image: python:$PYTHON-slim-bookworm
  before_script:
    - apt-get update -qq && apt-get install -y -qq --no-install-recommends make
    - pip install --requirement requirements-dev.txt
  script:
    - make coverage
  coverage: '/^TOTAL.+?(\d+(?:\.\d+)?%)$/'
  artifacts:
    when: always
    expire_in: 1 week
    reports:
      junit: junit.xml
      coverage_report:
        coverage_format: cobertura
        path: coverage.xml

wheel:
  extends: .python
  stage: build
  before_script:
    - apt-get update -qq && apt-get install -y -qq --no-install-recommends make
  script:
    - make wheel
  artifacts:
    paths: [dist/*.whl]
    expire_in: 1 week

.deploy:
  stage: deploy
  image: curlimages/curl:8.15.0
  interruptible: false
  needs: [{job: wheel, artifacts: true}, {job: unit, artifacts: false}]
  script:
    - sh -c 'command -v bash >/dev/null || apk add --no-cache bash'
    - scripts/publish.sh "$CI_ENVIRONMENT_NAME"

deploy-staging:
  extends: .deploy
  environment: {name: staging}
  resource_group: staging
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH

deploy-production:
  extends: .deploy
  environment: {name: production}
  resource_group: production
  rules:
    - if: $CI_COMMIT_TAG =~ /^v\d+\.\d+\.\d+$/
      when: manual
YAML

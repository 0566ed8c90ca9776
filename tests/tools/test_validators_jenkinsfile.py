"""Jenkinsfiles: the outline of a declarative pipeline, and Groovy's brackets and strings."""

from collections.abc import Callable, Mapping

import pytest

Judge = Callable[[Mapping[str, str], str], list[str]]

GOOD = r"""
#!/usr/bin/env groovy
@Library('shared@1.2') _
/* A "comment" with { braces */
def version = "${env.BUILD_NUMBER ?: 'dev'}"  // and ' a quote

pipeline {
    agent { docker { image 'maven:3' } }
    options {
        timeout(time: 1, unit: 'HOURS')
        disableConcurrentBuilds()
    }
    parameters {
        string(name: 'TARGET', defaultValue: 'test')
        string(name: 'REGION', defaultValue: 'eu')
    }
    triggers { cron('H 4 * * 1-5') }
    environment {
        TOKEN = credentials('deploy-token')
        NAME = "shop-${version}"
    }
    stages {
        stage('Build')
        {
            steps {
                sh 'mvn package'
                script {
                    if (env.NAME =~ /^shop-[{]/) { echo 'odd' }
                }
            }
        }
        stage('Check') {
            parallel {
                stage('Lint') { steps { sh "make lint NAME=${NAME}" } }
                stage('Test') {
                    agent any
                    steps {
                        withCredentials([string(credentialsId: 'x', variable: 'KEY')]) {
                            sh 'curl -H "$KEY" $TOKEN'
                        }
                    }
                }
            }
        }
        stage('Matrix') {
            matrix {
                axes { axis { name 'OS'; values 'linux', 'windows' } }
                stages { stage('On') { steps { echo "$OS" } } }
            }
        }
        stage('Deploy') {
            when { allOf { branch 'main'; not { changeRequest() } } }
            input { message 'Go?' }
            steps { sh '''
                echo '{' "}"
            ''' }
        }
    }
    post {
        always { junit '**/*.xml' }
        failure { echo 'failed' }
    }
}
"""

FAULTS = [
    ("    agent { docker { image 'maven:3' } }\n", "", "the pipeline has no section 'agent'"),
    ("    stages {\n        stage('Build')", "    stage {\n        stage('Build')", "pipeline has no section 'stage'; 'stages' was meant?"),
    ("            steps {\n                sh 'mvn", "            step {\n                sh 'mvn", "has no section 'step'; 'steps' was meant?"),
    ("                sh 'mvn package'\n", "                def x = 1\n", "'def' is no step"),
    ("                sh 'mvn package'\n", "                x = 1\n", "an assignment is no step"),
    ("stage('Lint')", "stage('Test')", "there are two stages 'Test'"),
    ("always {", "allways {", "post has no section 'allways'; 'always' was meant?"),
    ("branch 'main'", "brunch 'main'", "when has no condition 'brunch'; 'branch' was meant?"),
    ("agent any", "agent eny", "no agent 'eny'"),
    ("agent any", "agent 'linux'", "an agent is any, none or a block"),
    ("docker { image 'maven:3' }", "docker { }", "docker has no image"),
    ("disableConcurrentBuilds()", "disableConcurrentBuild()", "'disableConcurrentBuilds' was meant?"),
    ("cron('H 4 * * 1-5')", "", "triggers is empty"),
    ('NAME = "shop-${version}"', 'NAME "shop"', "environment holds NAME = value"),
    ("axes { axis { name 'OS'; values 'linux', 'windows' } }", "", "the matrix has no axes"),
    ("name 'OS'; ", "", "an axis has a name and values"),
    ("input { message 'Go?' }", "input { ok 'Go?' }", "input has no message"),
    ("sh 'mvn package'", 'sh "deploy ${TOKEN_PSW}"', "$TOKEN_PSW is a credential"),
    ("sh 'curl -H \"$KEY\" $TOKEN'", 'sh "curl -H $KEY"', "$KEY is a credential"),
    ("        always { junit '**/*.xml' }", "        always { junit '**/*.xml' ", "this brace is not closed"),
    ("sh 'mvn package'", "sh 'mvn package", "a string is not closed"),
    ("timeout(time: 1, unit: 'HOURS')", "timeout(time: 1, unit: 'HOURS'", "is"),
    ("steps { echo \"$OS\" }", "matrix { axes { axis { name 'A'; values 'b' } } }", "matrix does not stand within matrix"),
]  # fmt: skip
"""What to replace in the good file, by what, and what is said of it."""


def test_a_good_pipeline_stays_silent(judge: Judge) -> None:
    assert judge({"Jenkinsfile": GOOD.lstrip()}, "jenkinsfile") == []


def test_a_scripted_pipeline_is_read_for_its_brackets_alone(judge: Judge) -> None:
    text = "node('linux') {\n  stage('Build') {\n    def x = [a: 1]\n    sh \"echo ${x.a}\"\n  }\n}\n"
    assert judge({"Jenkinsfile": text}, "jenkinsfile") == []
    assert judge({"Jenkinsfile": text[:-2]}, "jenkinsfile") == ["Jenkinsfile:1: this brace is not closed"]


@pytest.mark.parametrize(("old", "new", "message"), FAULTS)
def test_each_fault_is_told(judge: Judge, old: str, new: str, message: str) -> None:
    assert old in GOOD
    found = judge({"Jenkinsfile": GOOD.replace(old, new, 1).lstrip()}, "jenkinsfile")
    assert [each for each in found if message in each] != [], found


def test_a_fault_stands_at_its_line(judge: Judge) -> None:
    text = "pipeline {\n  agent any\n  stages {\n    stage('a') {\n      stepz { sh 'x' }\n    }\n  }\n}\n"
    assert judge({"ci/release.jenkinsfile": text}, "jenkinsfile") == [
        "ci/release.jenkinsfile:4: stage 'a' has none of steps, stages, parallel, matrix",
        "ci/release.jenkinsfile:5: stage 'a' has no section 'stepz'; 'steps' was meant?",
    ]

#!/bin/bash
set -euo pipefail
cat >Jenkinsfile <<'GROOVY'
pipeline {
    agent none

    options {
        buildDiscarder(logRotator(numToKeepStr: '30'))
        disableConcurrentBuilds()
        skipDefaultCheckout()
        timestamps()
    }

    stages {
        stage('Build and push') {
            agent { label 'docker' }
            options { timeout(time: 30, unit: 'MINUTES') }
            stages {
                stage('Prepare') {
                    steps {
                        checkout scm
                        script { env.TAG = env.GIT_COMMIT.take(12) }
                    }
                }
                stage('Check') {
                    parallel {
                        stage('Lint') {
                            steps { sh 'make lint' }
                        }
                        stage('Test') {
                            steps { sh 'make test' }
                            post {
                                always { junit 'build/junit.xml' }
                            }
                        }
                    }
                }
                stage('Build') {
                    steps { sh 'make image TAG="$TAG"' }
                }
                stage('Scan') {
                    steps { sh 'make scan TAG="$TAG"' }
                }
                stage('Push') {
                    when { branch 'main' }
                    environment { REGISTRY = credentials('registry') }
                    steps { sh 'make push TAG="$TAG"' }
                }
                stage('Deploy staging') {
                    when { branch 'main' }
                    environment { DEPLOY_TOKEN = credentials('deploy-staging') }
                    steps {
                        lock('invoices-staging') { sh 'make deploy ENVIRONMENT=staging TAG="$TAG"' }
                    }
                }
            }
            post {
                cleanup { deleteDir() }
            }
        }
        stage('Approve production') {
            when { branch 'main' }
            options { timeout(time: 24, unit: 'HOURS') }
            steps { input message: 'Deploy to production?', ok: 'Deploy' }
        }
        stage('Deploy production') {
            when { branch 'main' }
            agent { label 'docker' }
            options { timeout(time: 30, unit: 'MINUTES') }
            environment { DEPLOY_TOKEN = credentials('deploy-production') }
            steps {
                checkout scm
                lock('invoices-production') { sh 'make deploy ENVIRONMENT=production TAG="$TAG"' }
            }
            post {
                cleanup { deleteDir() }
            }
        }
    }

    post {
        failure {
            script { if (env.BRANCH_NAME == 'main') { slackSend channel: '#invoices', color: 'danger', message: "${env.JOB_NAME} ${env.BUILD_NUMBER} failed: ${env.BUILD_URL}" } }
        }
        fixed {
            script { if (env.BRANCH_NAME == 'main') { slackSend channel: '#invoices', color: 'good', message: "${env.JOB_NAME} works again: ${env.BUILD_URL}" } }
        }
    }
}
GROOVY

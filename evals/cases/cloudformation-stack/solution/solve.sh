#!/bin/bash
set -euo pipefail
mkdir -p cloudformation
cat >cloudformation/uploads.yaml <<'YAML'
AWSTemplateFormatVersion: "2010-09-09"
Description: Uploads, the queue that announces them, and what its worker may do.

Parameters:
  Environment:
    Type: String
    AllowedValues: [dev, staging, prod]
  AlarmTopicArn:
    Type: String
    Description: The topic that hears of alarms.

Conditions:
  IsProd: !Equals [!Ref Environment, prod]
  IsNotProd: !Not [!Condition IsProd]

Resources:
  BucketKept:
    Type: AWS::S3::Bucket
    Condition: IsProd
    DependsOn: UploadsPolicy
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BucketName: !Sub uploads-${Environment}-${AWS::AccountId}-${AWS::Region}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      LifecycleConfiguration:
        Rules:
          - Id: incomplete
            Status: Enabled
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}
          - Id: old-versions
            Status: Enabled
            NoncurrentVersionExpiration: {NoncurrentDays: 90}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Uploads.Arn
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  Bucket:
    Type: AWS::S3::Bucket
    Condition: IsNotProd
    DependsOn: UploadsPolicy
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      BucketName: !Sub uploads-${Environment}-${AWS::AccountId}-${AWS::Region}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      LifecycleConfiguration:
        Rules:
          - Id: incomplete
            Status: Enabled
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}
          - Id: old-versions
            Status: Enabled
            NoncurrentVersionExpiration: {NoncurrentDays: 90}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Uploads.Arn
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !If [IsProd, !Ref BucketKept, !Ref Bucket]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: RefusePlainHttp
            Effect: Deny
            Principal: "*"
            Action: s3:*
            Resource:
              - !Sub arn:${AWS::Partition}:s3:::uploads-${Environment}-${AWS::AccountId}-${AWS::Region}
              - !Sub arn:${AWS::Partition}:s3:::uploads-${Environment}-${AWS::AccountId}-${AWS::Region}/*
            Condition: {Bool: {"aws:SecureTransport": "false"}}

  Uploads:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      SqsManagedSseEnabled: true
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt UploadsDead.Arn
        maxReceiveCount: 5
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  UploadsDead:
    Type: AWS::SQS::Queue
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      SqsManagedSseEnabled: true
      MessageRetentionPeriod: 1209600
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  UploadsPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Uploads]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Uploads.Arn
            Condition:
              StringEquals: {"aws:SourceAccount": !Ref "AWS::AccountId"}
              ArnLike:
                aws:SourceArn: !Sub arn:${AWS::Partition}:s3:::uploads-${Environment}-${AWS::AccountId}-${AWS::Region}

  DeadLetterAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: An upload could not be handled.
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{Name: QueueName, Value: !GetAtt UploadsDead.QueueName}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref AlarmTopicArn]
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  AgeAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Uploads wait for over 15 minutes.
      Namespace: AWS/SQS
      MetricName: ApproximateAgeOfOldestMessage
      Dimensions: [{Name: QueueName, Value: !GetAtt Uploads.QueueName}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 900
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref AlarmTopicArn]
      Tags:
        - {Key: environment, Value: !Ref Environment}
        - {Key: service, Value: uploads}

  WorkerPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: [sqs:ReceiveMessage, sqs:DeleteMessage]
            Resource: !GetAtt Uploads.Arn
          - Effect: Allow
            Action: s3:GetObject
            Resource: !Sub arn:${AWS::Partition}:s3:::uploads-${Environment}-${AWS::AccountId}-${AWS::Region}/*

Outputs:
  BucketName:
    Value: !If [IsProd, !Ref BucketKept, !Ref Bucket]
  QueueUrl:
    Value: !Ref Uploads
  WorkerPolicyArn:
    Value: !Ref WorkerPolicy
YAML

"""Puts every object of a bucket under a KMS key by copying it onto itself, 16 at a time: BUCKET KEY_ARN."""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 16


def main(bucket, key_arn):
    s3 = boto3.client("s3", config=Config(max_pool_connections=THREADS))

    def copy(key):
        s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key_arn,
            BucketKeyEnabled=True,
        )

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(copy, keys))


if __name__ == "__main__":
    main(*sys.argv[1:])

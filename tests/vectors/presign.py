"""What botocore signs for each preset: the vectors that `tests/presets/presigned.rs` compares this crate with.

Only needed to make them anew, never by `make test`. Made with Python 3.11.7 and botocore 1.44.8:

    python3 -m venv /tmp/botocore && /tmp/botocore/bin/pip install botocore==1.44.8
    /tmp/botocore/bin/python tests/vectors/presign.py > tests/vectors/presigned.json

Endpoints, regions, addressing and headers are written down here once more, from the providers' documentation, so that a
slip in the crate's own table shows up as a difference. Hosts, paths, query and signatures are botocore's work.
"""

import base64
import datetime
import json
import sys

import botocore.auth
import botocore.session
import botocore.signers
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 25, 12, 30, 15, tzinfo=datetime.timezone.utc)
EXPIRES = 900
BUCKET = "photos"
KEY = "uploads/01 a+b/Grüße d'été ~ 漢字 (1).txt"
SIZE = 8_388_611
PART, PART_SIZE = 2, 3
UPLOAD_ID = "2~a/b+c=d"
TYPE = "text/plain; charset=utf-8"
DISPOSITION = "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"
META = {"page": "7"}
CHECKSUMS = {
    "sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
    "md5": "kAFQmDzST7DWlj99KOF/cg==",
}
CHECKSUM_PARAMETERS = {"sha256": "ChecksumSHA256", "md5": "ContentMD5"}
TOKEN = "FwoGZXIvYXdzEBYaD+token/with=signs=="

# Preset, endpoint, region to sign with, addressing, checksum, whether PUT is conditional, and whether forms are used: of
# the server's own accord, where the page asks for one, or never.
HOSTED, PATH = "virtual", "path"
AUTO, ASKED, NEVER = "auto", "asked", "never"
PRESETS = [
    ("aws", "https://s3.eu-central-1.amazonaws.com", "eu-central-1", HOSTED, "sha256", True, AUTO),
    ("r2", "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com", "auto", PATH, "sha256", True, NEVER),
    ("digitalocean", "https://fra1.digitaloceanspaces.com", "us-east-1", HOSTED, "md5", False, AUTO),
    ("b2", "https://s3.eu-central-003.backblazeb2.com", "eu-central-003", PATH, "md5", False, NEVER),
    ("wasabi", "https://s3.eu-central-1.wasabisys.com", "eu-central-1", HOSTED, "md5", False, ASKED),
    ("minio", "http://127.0.0.1:9000", "us-east-1", PATH, "sha256", True, AUTO),
    ("ceph", "https://rgw.example.com", "us-east-1", PATH, "md5", False, AUTO),
    ("garage", "http://127.0.0.1:3900", "garage", PATH, "sha256", False, AUTO),
    ("rustfs", "http://127.0.0.1:9000", "us-east-1", PATH, "sha256", True, AUTO),
    ("seaweedfs", "http://127.0.0.1:8333", "us-east-1", PATH, "md5", True, AUTO),
    ("gcs", "https://storage.googleapis.com", "auto", PATH, "md5", False, ASKED),
    ("scaleway", "https://s3.fr-par.scw.cloud", "fr-par", HOSTED, "sha256", True, AUTO),
    ("hetzner", "https://fsn1.your-objectstorage.com", "fsn1", HOSTED, "md5", False, ASKED),
    ("tigris", "https://t3.storage.dev", "auto", HOSTED, "sha256", True, AUTO),
    ("ovh", "https://s3.gra.io.cloud.ovh.net", "gra", HOSTED, "md5", True, AUTO),
    ("storj", "https://gateway.storjshare.io", "us-1", PATH, "md5", True, ASKED),
    ("linode", "https://nl-ams-1.linodeobjects.com", "nl-ams-1", HOSTED, "md5", False, ASKED),
    (
        "supabase",
        "https://abcdefghijklmnopqrst.storage.supabase.co/storage/v1/s3",
        "eu-central-1",
        PATH,
        None,
        False,
        NEVER,
    ),
    (
        "oracle",
        "https://axabcdefghij.compat.objectstorage.eu-frankfurt-1.oci.customer-oci.com",
        "eu-frankfurt-1",
        PATH,
        "md5",
        False,
        AUTO,
    ),
    ("custom", "https://s3.example.com", "us-east-1", PATH, "md5", False, ASKED),
]
# With other variables than the preset's example has: name, preset, variables, and the rest as above.
VARIANTS = [
    ("aws, temporary credentials", "aws", {}, TOKEN, *PRESETS[0][1:]),
    ("supabase, temporary credentials", "supabase", {}, TOKEN, *PRESETS[17][1:]),
    (
        "custom, below a path on a port",
        "custom",
        {"S3_ENDPOINT": "http://store.example:8080/deep/s3/"},
        None,
        "http://store.example:8080/deep/s3",
        "us-east-1",
        PATH,
        "md5",
        False,
        ASKED,
    ),
    (
        "custom, below a path, bucket in the host",
        "custom",
        {"S3_ENDPOINT": "https://store.example/deep/s3", "S3_FORCE_PATH_STYLE": "false", "S3_REGION": "r-1"},
        None,
        "https://store.example/deep/s3",
        "r-1",
        HOSTED,
        "md5",
        False,
        ASKED,
    ),
]


def vector(name, preset, variables, token, endpoint, region, addressing, checksum, conditional, forms):
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token)
    client = botocore.session.Session().create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=token,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            request_checksum_calculation="when_required",
        ),
    )
    object_ = {"Bucket": BUCKET, "Key": KEY}
    sum_ = {CHECKSUM_PARAMETERS[checksum]: CHECKSUMS[checksum]} if checksum else {}
    described = {"ContentType": TYPE, "ContentDisposition": DISPOSITION, "Metadata": META}
    condition = {"IfNoneMatch": "*"} if conditional else {}
    put = {**object_, "ContentLength": SIZE, **described, **condition, **sum_}
    part = {**object_, "UploadId": UPLOAD_ID, "PartNumber": PART, "ContentLength": PART_SIZE, **sum_}
    url = lambda operation, parameters: client.generate_presigned_url(operation, parameters, ExpiresIn=EXPIRES)
    return {
        "name": name,
        "preset": preset,
        "variables": variables,
        "session_token": token,
        "checksum": checksum and {"algorithm": checksum, "value": CHECKSUMS[checksum]},
        "put": {"url": url("put_object", put), "headers": headers(put)},
        "part": {"url": url("upload_part", part), "headers": headers(part)},
        "post": None if forms == NEVER else form(client, credentials, region, checksum),
        "auto": "POST" if forms == AUTO else "PUT",
    }


def headers(parameters):
    """What the browser sends besides `Content-Length`."""
    names = {
        "ContentType": "content-type",
        "ContentDisposition": "content-disposition",
        "IfNoneMatch": "if-none-match",
        "ChecksumSHA256": "x-amz-checksum-sha256",
        "ContentMD5": "content-md5",
    }
    sent = {names[name]: value for name, value in parameters.items() if name in names}
    return sent | {f"x-amz-meta-{name}": value for name, value in parameters.get("Metadata", {}).items()}


def form(client, credentials, region, checksum):
    fields = {"Content-Type": TYPE, "Content-Disposition": DISPOSITION}
    if checksum == "sha256":
        fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": CHECKSUMS[checksum]}
    if checksum == "md5":
        fields |= {"Content-MD5": CHECKSUMS[checksum]}
    fields |= {f"x-amz-meta-{name}": value for name, value in META.items()}
    limits = [{"bucket": BUCKET}, ["content-length-range", SIZE, SIZE]]
    conditions = [*limits, *({name: value} for name, value in fields.items())]
    conditions += [{"key": KEY}, {"success_action_status": "201"}]
    post = client.generate_presigned_post(
        BUCKET, KEY, {**fields, "success_action_status": "201"}, conditions, EXPIRES
    )
    # The policy of this crate says the same in another order. botocore's signer then signs those very bytes.
    botocores = json.loads(base64.b64decode(post["fields"]["policy"]))
    names = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"]
    conditions += [{name: post["fields"][name]} for name in names if name in post["fields"]]
    as_set = lambda conditions: {json.dumps(condition) for condition in conditions}
    assert as_set(conditions) == as_set(botocores["conditions"]), "botocore's policy says something else"
    expiration = (NOW + datetime.timedelta(seconds=EXPIRES)).strftime("%Y-%m-%dT%H:%M:%S")
    assert botocores["expiration"] == expiration + "Z"
    document = {"expiration": expiration + ".000Z", "conditions": conditions}
    compact = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    policy = base64.b64encode(compact.encode()).decode()
    signer = botocore.auth.S3SigV4PostAuth(credentials, "s3", region)
    request = botocore.awsrequest.AWSRequest()
    request.context["timestamp"] = post["fields"]["x-amz-date"]
    assert signer.signature(post["fields"]["policy"], request) == post["fields"]["x-amz-signature"]
    signature = signer.signature(policy, request)
    return {"url": post["url"], "fields": {**post["fields"], "policy": policy, "x-amz-signature": signature}}


def main():
    botocore.auth.get_current_datetime = lambda *_, **__: NOW.replace(tzinfo=None)
    botocore.signers.get_current_datetime = lambda *_, **__: NOW.replace(tzinfo=None)
    presets = [vector(preset, preset, {}, None, *rest) for preset, *rest in PRESETS]
    inputs = {
        "time": int(NOW.timestamp()),
        "key": KEY,
        "size": SIZE,
        "upload_id": UPLOAD_ID,
        "part": PART,
        "type": TYPE,
        "file_name": "a.txt",
        "meta": META,
    }
    document = {"input": inputs, "vectors": presets + [vector(*variant) for variant in VARIANTS]}
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
    print()


main()

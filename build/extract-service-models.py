#!/usr/bin/env python3
"""Extracts what the embedded AWS needs of AWS's service models, from the botocore that is installed.

    python3 build/extract-service-models.py          writes the extract anew
    python3 build/extract-service-models.py check    says whether it is what this botocore would give; 1 if not

operations.txt, beside the extract, names the operations: a signing name and its operations on each line. Of each
operation the extract keeps the HTTP binding, the shapes of input and output and the errors; no documentation.
"""

import json
import pathlib
import sys

import botocore
import botocore.session

FOLDER = pathlib.Path(__file__).parent.parent / "localcloud/src/main/resources/cloudhsm/pipeline/localcloud/wire"

# botocore's names of the services that sign under another one.
NAMES = {
    "cloudhsm": "cloudhsmv2", "monitoring": "cloudwatch", "servicequotas": "service-quotas", "states": "stepfunctions"
}

# Of several, botocore speaks the first of these that a service has; the embedded AWS speaks no other.
PROTOCOLS = ("json", "rest-json", "rest-xml", "query", "ec2")

METADATA = ("apiVersion", "protocol", "jsonVersion", "signingName", "endpointPrefix", "awsQueryCompatible")
OPERATION = ("http", "input", "output", "errors")
SHAPE = (
    "type", "required", "members", "member", "key", "value", "enum", "pattern", "min", "max", "flattened", "payload",
    "exception", "fault", "error", "sensitive", "box", "union", "xmlNamespace", "timestampFormat", "streaming",
    "locationName",
)
REFERENCE = (
    "shape", "location", "locationName", "queryName", "flattened", "streaming", "xmlAttribute", "timestampFormat",
    "idempotencyToken", "jsonvalue",
)


def pick(source, names):
    return {name: source[name] for name in names if name in source}


def reference(source):
    return pick(source, REFERENCE)


def shape(source):
    kept = pick(source, SHAPE)
    if "members" in kept:
        kept["members"] = {name: reference(member) for name, member in kept["members"].items()}
    for name in ("member", "key", "value"):
        if name in kept:
            kept[name] = reference(kept[name])
    return kept


def operation(source):
    kept = pick(source, OPERATION)
    for name in ("input", "output"):
        if name in kept:
            kept[name] = reference(kept[name])
    kept["errors"] = [error["shape"] for error in kept.get("errors", [])]
    return kept


def reached(shapes, roots):
    found = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = shape(shapes[name])
        waiting += [member["shape"] for member in found[name].get("members", {}).values()]
        waiting += [found[name][part]["shape"] for part in ("member", "key", "value") if part in found[name]]
    return found


def extract(loader, signing_name, operations):
    model = loader.load_service_model(NAMES.get(signing_name, signing_name), "service-2")
    kept = {name: operation(model["operations"][name]) for name in sorted(operations)}
    roots = [each[part]["shape"] for each in kept.values() for part in ("input", "output") if part in each]
    roots += [error for each in kept.values() for error in each["errors"]]
    metadata = pick(model["metadata"], METADATA)
    spoken = model["metadata"].get("protocols", [])
    metadata["protocol"] = next((name for name in PROTOCOLS if name in spoken), metadata["protocol"])
    return {
        "metadata": metadata,
        "operations": kept,
        "shapes": dict(sorted(reached(model["shapes"], roots).items())),
    }


def text(model):
    """One operation or shape a line: a change of a model shows as the lines that changed."""
    parts = ['{"metadata":' + compact(model["metadata"])]
    for section in ("operations", "shapes"):
        lines = [f"{compact(name)}:{compact(value)}" for name, value in model[section].items()]
        parts.append(f'"{section}":{{\n' + ",\n".join(lines) + "\n}")
    return ",\n".join(parts) + "}\n"


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def main(arguments):
    loader = botocore.session.get_session().get_component("data_loader")
    stale = []
    for line in (FOLDER / "operations.txt").read_text().splitlines():
        signing_name, *operations = line.split()
        file = FOLDER / f"{signing_name}.json"
        wanted = text(extract(loader, signing_name, operations))
        if arguments == ["check"]:
            if not file.exists() or file.read_text() != wanted:
                stale.append(signing_name)
        else:
            file.write_text(wanted)
    if stale:
        print(f"Another version than botocore {botocore.__version__} made the models of {', '.join(stale)}.")
        return 1
    print(f"The models are those of botocore {botocore.__version__}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

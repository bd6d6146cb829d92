"""Values against botocore's shapes: what comes in, and what an extension answers.

An emulator that answers what the service never would is worse than none. So
every answer of the extension is held to the output shape of its operation, and
one that doesn't fit is an error of the extension, told as such.
"""
import datetime
import re


def _kind(value):
    return "null" if value is None else type(value).__name__


def _bounds(shape, size, path, faults, what):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        faults.append(f"{path}: {what} {size} is less than the minimum {low}")
    if high is not None and size > high:
        faults.append(f"{path}: {what} {size} is more than the maximum {high}")


def _string(shape, value, path, faults, strict):
    if not isinstance(value, str):
        faults.append(f"{path}: a string is due, not {_kind(value)}")
        return
    if shape.enum and value not in shape.enum:
        faults.append(f"{path}: {value!r} is none of {', '.join(shape.enum)}")
    if strict:
        _bounds(shape, len(value), path, faults, "length")
        pattern = shape.metadata.get("pattern")
        if pattern and not _matches(pattern, value):
            faults.append(f"{path}: {value!r} does not match {pattern}")


def _matches(pattern, value):
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True                           # Java's dialect: not ours to judge


def _number(shape, value, path, faults, strict):
    whole = shape.type_name in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        faults.append(f"{path}: {'an integer' if whole else 'a number'} is due, not {_kind(value)}")
    elif strict:
        _bounds(shape, value, path, faults, "value")


def _structure(shape, value, path, faults, strict):
    if not isinstance(value, dict):
        faults.append(f"{path}: a structure is due, not {_kind(value)}")
        return
    for name in shape.required_members:
        if value.get(name) is None:
            faults.append(f"{path}.{name}: a required member is missing")
    for name, member in value.items():
        if name not in shape.members:
            faults.append(f"{path}.{name}: {shape.name} has no such member")
        elif member is not None:
            walk(shape.members[name], member, f"{path}.{name}", faults, strict)


def walk(shape, value, path, faults, strict):
    kind = shape.type_name
    if kind == "structure":
        _structure(shape, value, path, faults, strict)
    elif kind == "list":
        if not isinstance(value, list):
            faults.append(f"{path}: a list is due, not {_kind(value)}")
            return
        if strict:
            _bounds(shape, len(value), path, faults, "number of items")
        for i, item in enumerate(value):
            walk(shape.member, item, f"{path}[{i}]", faults, strict)
    elif kind == "map":
        if not isinstance(value, dict):
            faults.append(f"{path}: a map is due, not {_kind(value)}")
            return
        for key, item in value.items():
            if not strict or not shape.key.enum:   # a service names a bad key in its own way
                _string(shape.key, key, f"{path} key", faults, strict)
            walk(shape.value, item, f"{path}.{key}", faults, strict)
    elif kind == "string":
        _string(shape, value, path, faults, strict)
    elif kind in ("integer", "long", "float", "double"):
        _number(shape, value, path, faults, strict)
    elif kind == "boolean" and not isinstance(value, bool):
        faults.append(f"{path}: a boolean is due, not {_kind(value)}")
    elif kind == "timestamp" and not isinstance(value, (datetime.datetime, int, float)):
        faults.append(f"{path}: a timestamp is due, not {_kind(value)}")
    elif kind == "blob" and not isinstance(value, (bytes, str)):
        faults.append(f"{path}: bytes are due, not {_kind(value)}")


def faults_of_input(operation, params):
    """What the service itself would refuse by its model: lengths and patterns too."""
    faults = []
    if operation.input_shape is not None:
        walk(operation.input_shape, params, "input", faults, True)
    return faults


def faults_of_output(operation, answer):
    faults = []
    if operation.output_shape is None:
        if answer:
            faults.append(f"{operation.name} answers nothing, and got {sorted(answer)}")
    else:
        walk(operation.output_shape, answer, operation.output_shape.name, faults, False)
    return faults


# Codes that any operation may answer, whether its model names them or not.
COMMON = {"AccessDenied", "AccessDeniedException", "InternalFailure", "InvalidParameterCombination",
          "InvalidParameterValue", "MissingParameter", "NotImplemented", "Throttling",
          "ThrottlingException", "ValidationError", "ValidationException"}


def fault_of_error(operation, code):
    """None, or why the operation can't answer this code: only where its model lists codes."""
    known = set()
    for shape in operation.error_shapes:
        known.add(shape.name)
        known.add(shape.metadata.get("error", {}).get("code", shape.name))
    if known and code not in known and code not in COMMON:
        return f"{operation.name} never answers {code}, only {', '.join(sorted(known))}"
    return None

"""What botocore itself makes of its models, one line a fact: spec/host/pack/pack_spec.lua compares.

usage: models.py FOLDER [SERVICE ...]: writes FOLDER/SERVICE for each service (all if none is named).
"""
import json
import math
import os
import sys

import botocore
import botocore.loaders
import botocore.model

STAMPS = {None: '', 'iso8601': 'iso8601', 'rfc822': 'rfc822', 'unixTimestamp': 'unixTimestamp'}


def flags(shape, names):
    return ','.join(key for key in names if shape.serialization.get(key) or shape.metadata.get(key))


def namespace(shape):
    ns = shape.serialization.get('xmlNamespace', {})
    return ns.get('uri', '') + ' ' + ns.get('prefix', '')


def bound(shape, key, rounded):
    value = shape.metadata.get(key)
    return '' if value in (None, 2 ** 63 - 1) else str(rounded(value))  # no bound is also the greatest long


def member(owner, name, shape):
    s = shape.serialization
    fallback = '' if owner.type_name == 'list' else name
    wire = s.get('name', fallback)
    required = 'required' if name in getattr(owner, 'required_members', []) else ''
    return '|'.join(('M', name, shape.name, shape.type_name, wire, s.get('queryName', ''), s.get('location', ''),
                     STAMPS[s.get('timestampFormat')], namespace(shape), required,
                     flags(shape, ('idempotencyToken', 'sensitive', 'streaming', 'flattened', 'xmlAttribute',
                                   'jsonvalue', 'hostLabel', 'eventpayload', 'eventheader'))))


def members(shape):
    if shape.type_name == 'structure':
        return list(shape.members.items())
    if shape.type_name == 'list':
        return [('member', shape.member)]
    if shape.type_name == 'map':
        return [('key', shape.key), ('value', shape.value)]
    return []


def shapes(model):
    for name in sorted(model.shape_names):
        shape = model.shape_for(name)
        yield '|'.join(('S', name, shape.type_name, shape.serialization.get('payload') or '',
                        flags(shape, ('sensitive', 'streaming', 'eventstream', 'document', 'union', 'flattened',
                                      'exception', 'event')),
                        namespace(shape), bound(shape, 'min', math.floor), bound(shape, 'max', math.ceil),
                        shape.metadata.get('error', {}).get('code', ''),
                        str(shape.metadata.get('error', {}).get('httpStatusCode', '')),
                        ','.join(shape.metadata.get('enum', []))))
        for key, each in members(shape):
            yield member(shape, key, each)


def operations(model):
    ops = sorted((botocore.xform_name(name), name) for name in model.operation_names)
    for snake, name in ops:
        op = model.operation_model(name)
        params = op.context_parameters
        yield '|'.join(('O', name, snake, op.http['method'], op.http['requestUri'],
                        str(op.http.get('responseCode', '')),
                        op.input_shape.name if op.input_shape else '',
                        op.output_shape.name if op.output_shape else '',
                        ','.join(shape.name for shape in op.error_shapes),
                        ','.join(op.idempotent_members),
                        ','.join(sorted(p.member_name + '=' + p.name for p in params)),
                        ','.join(sorted(p.name + '=' + json.dumps(p.value, separators=(',', ':')) for p in op.static_context_parameters)),
                        ','.join(op.auth or []), op.auth_type or '',
                        (op.endpoint or {}).get('hostPrefix', ''),
                        'body' if op.has_streaming_output else '',
                        'events' if op.has_event_stream_output else ''))


def main(folder, services):
    loader = botocore.loaders.create_loader()
    for name in services or loader.list_available_services('service-2'):
        model = botocore.model.ServiceModel(loader.load_service_model(name, 'service-2'), name)
        with open(os.path.join(folder, name), 'w') as out:
            out.write('\n'.join((*operations(model), *shapes(model), '')))


main(sys.argv[1], sys.argv[2:])

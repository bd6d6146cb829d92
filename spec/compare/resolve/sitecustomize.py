"""For peers on loopback: ACCOUNT.localhost, as boto3 calls s3control, is this machine. No name server knows it."""
import socket

plain = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    return plain("127.0.0.1" if name and name.endswith(".localhost") else host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo

-- CBOR answers, by shape; and what is taken must be CBOR to another reader too.
return require "fuzz.bodies" ("smithy-rpc-v2-cbor", "smithy-rpc-v2-cbor-query-compatible")

/* models.h -- the records of a compiled service model, as host/pack/model.lua writes them. */
#ifndef TL_MODELS_H
#define TL_MODELS_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/*
** A service is one block of bytes: a header, then flat arrays of fixed
** records (little-endian, naturally aligned), then a string table. A string is
** an offset into that table, where a u32 length stands before the bytes and a
** NUL after them; offset 0 means absent and reads as the empty string. A shape
** is an index into `shapes`, a member an index into `members`; TL_NONE means
** absent. Recursion is an index.
*/
#define TL_NONE 0xFFFFFFFFu
#define TL_MODEL_MAGIC 0x4d4c4454u  /* "TDLM" */
#define TL_MODEL_VERSION 1u

typedef enum tl_type {
  TL_STRUCTURE, TL_LIST, TL_MAP, TL_STRING, TL_INTEGER, TL_LONG, TL_FLOAT, TL_DOUBLE,
  TL_BOOLEAN, TL_BLOB, TL_TIMESTAMP, TL_BIGDECIMAL
} tl_type;

typedef enum tl_stampformat {
  TL_STAMP_DEFAULT, TL_STAMP_ISO8601, TL_STAMP_RFC822, TL_STAMP_UNIX
} tl_stampformat;

typedef enum tl_location {
  TL_BODY, TL_URI, TL_QUERYSTRING, TL_HEADER, TL_HEADERS, TL_STATUSCODE
} tl_location;

enum {  /* flags of a shape */
  TL_S_SENSITIVE = 1, TL_S_STREAMING = 2, TL_S_EVENTSTREAM = 4, TL_S_DOCUMENT = 8, TL_S_UNION = 16,
  TL_S_FLATTENED = 32, TL_S_EXCEPTION = 64, TL_S_FAULT = 128, TL_S_EVENT = 256, TL_S_WRAPPER = 512,
  TL_S_REQUIRES_LENGTH = 1024, TL_S_RETRYABLE = 2048, TL_S_THROTTLING = 4096  /* of an exception */
};

enum {  /* flags of a member, from the reference or from its shape */
  TL_M_REQUIRED = 1, TL_M_IDEMPOTENCY = 2, TL_M_SENSITIVE = 4, TL_M_STREAMING = 8,
  TL_M_FLATTENED = 16, TL_M_XMLATTRIBUTE = 32, TL_M_JSONVALUE = 64, TL_M_HOSTLABEL = 128,
  TL_M_EVENTPAYLOAD = 256, TL_M_EVENTHEADER = 512, TL_M_DEPRECATED = 1024,
  TL_M_HAS_WIRE = 2048  /* a locationName was written */
};

typedef struct tl_shape {
  uint8_t type;        /* tl_type */
  uint8_t stamp;       /* tl_stampformat of a timestamp shape */
  uint16_t flags;
  uint32_t name;
  uint32_t first;      /* structure: its first member; list: its item; map: its key, then value */
  uint32_t count;      /* members: of a list 1, of a map 2 */
  uint32_t payload;    /* the member named by `payload`, or TL_NONE */
  uint32_t wire;       /* the shape's own locationName (body wrapper of an XML input), or 0 */
  uint32_t nsuri, nsprefix;
  uint32_t errorcode;  /* exceptions: error.code, or 0 */
  uint32_t status;     /* exceptions: error.httpStatusCode, or 0 */
  uint32_t enums;      /* first of `nenums` offsets in the u32 table, or TL_NONE */
  uint32_t nenums;
  int64_t min, max;    /* INT64_MIN and INT64_MAX when absent; fractions are rounded outwards */
} tl_shape;

typedef struct tl_member {
  uint32_t name;       /* the API's own member name */
  uint32_t wire;       /* locationName of reference or shape, else name; of a list item else 0 */
  uint32_t queryname;  /* ec2: queryName, or 0 */
  uint32_t shape;
  uint8_t location;    /* tl_location */
  uint8_t stamp;       /* tl_stampformat, from the reference, else from the shape */
  uint16_t flags;
  uint32_t nsuri, nsprefix;
} tl_member;

typedef struct tl_op {
  uint32_t name, snake;
  uint32_t method, uri;          /* "POST", "/{Bucket}?x" */
  uint32_t code;                 /* responseCode, or 0 */
  uint32_t input, output;        /* shapes, or TL_NONE */
  uint32_t inputwire;            /* locationName of input or its shape (rest-xml wrapper), or 0 */
  uint32_t inputnsuri, inputnsprefix;
  uint32_t outputwrapper;        /* query: resultWrapper, or 0 */
  uint32_t errors, nerrors;      /* shape indices in the u32 table */
  uint32_t extra;                /* JSON text of what only Lua reads (see model.lua), or 0 */
  uint32_t hostprefix;           /* endpoint.hostPrefix, or 0 */
  uint32_t flags;                /* TL_O_* */
} tl_op;

enum {
  TL_O_UNSIGNED_PAYLOAD = 1, TL_O_NO_AUTH = 2, TL_O_DEPRECATED = 4, TL_O_COMPRESS_GZIP = 8,
  TL_O_CHECKSUM_REQUIRED = 16, TL_O_INPUT_STREAM = 32, TL_O_OUTPUT_STREAM = 64,
  TL_O_INPUT_EVENTS = 128, TL_O_OUTPUT_EVENTS = 256, TL_O_READONLY = 512, TL_O_IDEMPOTENT = 1024
};

typedef enum tl_protocol {
  TL_JSON, TL_QUERY, TL_EC2, TL_REST_JSON, TL_REST_XML, TL_RPC_CBOR
} tl_protocol;

typedef struct tl_header {
  uint32_t magic, version;
  uint32_t protocol;             /* tl_protocol */
  uint32_t nops, nshapes, nmembers, nwords, nbytes;
  uint32_t ops, shapes, members, words, strings;  /* byte offsets from the start of the block */
  uint32_t metadata;             /* JSON text of the model's metadata */
  uint32_t apiversion, targetprefix, jsonversion, nsuri;  /* what codecs need, as strings */
  uint32_t flags;                /* TL_H_* */
  uint32_t endpoint, endpointsize;    /* endpoint program: byte offset and size, or 0 */
  uint32_t paginators, waiters;       /* JSON text, or 0 */
} tl_header;

enum { TL_H_QUERY_COMPATIBLE = 1 };

typedef struct tl_model {        /* one inflated service */
  const char *bytes;
  size_t size;
  const tl_header *h;
  const tl_op *ops;              /* sorted by snake name */
  const tl_shape *shapes;
  const tl_member *members;
  const uint32_t *words;
} tl_model;

/* The bytes of string `off`, NUL-terminated, never NULL; `*len` their number unless NULL. */
const char *tl_modelstr (const tl_model *m, uint32_t off, size_t *len);

/* The operation userdata at `idx` (raises if it is none), and its service in `*m`. */
const tl_op *tl_checkop (lua_State *L, int idx, const tl_model **m);

/* The member of structure `s` with that API name, or NULL. */
const tl_member *tl_findmember (const tl_model *m, const tl_shape *s, const char *name, size_t len);

/* The member of structure `s` that stands in the body (TL_BODY) under that wire name, or NULL. */
const tl_member *tl_findwire (const tl_model *m, const tl_shape *s, const char *name, size_t len);

/* The shape of that name, or NULL. */
const tl_shape *tl_findshape (const tl_model *m, const char *name, size_t len);

/* The operation of that name, CamelCase or snake_case, or NULL. */
const tl_op *tl_findop (const tl_model *m, const char *name, size_t len);

/*
** Makes a model of `bytes` and `size`, already set, aligned to 8: checks every
** offset, so that no reader has to. Returns NULL, or the reason for refusal.
*/
const char *tl_modelopen (tl_model *m);

/* The same for bytes that passed the check when the pack was built: looks only at the header. */
const char *tl_modeltrust (tl_model *m);

#endif

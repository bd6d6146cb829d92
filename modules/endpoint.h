/* endpoint.h -- the records of compiled endpoint rules, as host/pack writes them, and values. */
#ifndef TL_ENDPOINT_H
#define TL_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/*
** A program is a header, its parameters, its words and its strings; all numbers
** are little-endian u32. A string is an offset into the strings, where a u32
** length stands before the bytes; offset 0 is the empty string. The first
** `ncode` words are instructions, what they point at lies behind them.
**
** An instruction is {op | flags << 8 | nargs << 16 | dst << 24, fail, args...}:
** the op's result goes to register dst; if it is absent or false (and unless
** TL_E_PLAIN) the program goes on at word `fail`, which lies ahead: so it ends.
** Registers 0 to nparams - 1 hold the parameters.
*/
#define TL_E_MAGIC 0x454c4454u  /* "TDLE" */
#define TL_E_VERSION 1u
#define TL_E_NOWHERE 0xFFu      /* dst: the result is only tested */
#define TL_E_MAXREGS 128u
#define TL_E_MAXCODE 65536u     /* words of instructions */
#define TL_E_MAXARGS 16u
#define TL_E_MAXPIECES 64u      /* of a template */
#define TL_E_MAXDEPTH 16        /* of properties */
#define TL_E_NOINDEX (-128)     /* an attribute without [n] */

enum { TL_E_NOT = 1, TL_E_PLAIN = 2 };  /* flags */

typedef enum tl_eop {
  TL_E_END, TL_E_ENDPOINT, TL_E_ERROR, TL_E_VALUE, TL_E_ISSET, TL_E_EQUALS, TL_E_PARTITION,
  TL_E_PARSEARN, TL_E_PARSEURL, TL_E_HOSTLABEL, TL_E_S3BUCKET, TL_E_SUBSTRING, TL_E_URIENCODE,
  TL_E_SPLIT, TL_E_ITE, TL_E_COALESCE, TL_E_NOPS
} tl_eop;

/*
** An operand is kind << 28 | payload: a string's offset; a register with
** attribute << 8 and index << 16 (a signed byte); 0 or 1; a signed integer; the
** word index of a template {count, operands...}. ARRAY and OBJECT stand only in
** properties, with a count, before their nodes (of an object: key, node, ...).
*/
typedef enum tl_ekind {
  TL_E_NONE, TL_E_STRING, TL_E_REGISTER, TL_E_BOOL, TL_E_INTEGER, TL_E_TEMPLATE, TL_E_ARRAY,
  TL_E_OBJECT
} tl_ekind;

typedef enum tl_eattr {
  TL_E_WHOLE, TL_E_ELEMENT,
  TL_E_NAME, TL_E_DNSSUFFIX, TL_E_DUALSTACKDNSSUFFIX, TL_E_IMPLICITGLOBALREGION, TL_E_SUPPORTSFIPS,
  TL_E_SUPPORTSDUALSTACK,
  TL_E_ARNPARTITION, TL_E_SERVICE, TL_E_REGION, TL_E_ACCOUNTID, TL_E_RESOURCEID,
  TL_E_SCHEME, TL_E_AUTHORITY, TL_E_PATH, TL_E_NORMALIZEDPATH, TL_E_ISIP,
  TL_E_NATTRS
} tl_eattr;

typedef enum tl_eparamtype { TL_E_PSTRING, TL_E_PBOOLEAN, TL_E_PSTRINGARRAY } tl_eparamtype;

typedef struct tl_eparam {
  uint32_t name, type, required;
  uint32_t builtin;            /* string, or 0 */
  uint32_t fallback;           /* operand: the default, or 0 */
} tl_eparam;

typedef struct tl_eheader {
  uint32_t magic, version;
  uint32_t nparams, nregs, ncode, nwords, nbytes;
} tl_eheader;

typedef struct tl_eprogram {   /* the parts of a program that has passed tl_eopen */
  const tl_eheader *h;
  const tl_eparam *params;
  const uint32_t *words;
  const char *strings;
} tl_eprogram;

typedef struct tl_text { const char *s; size_t len; } tl_text;

typedef struct tl_partition {
  tl_text name, dnssuffix, dualstackdnssuffix, implicitglobalregion, regex;
  int fips, dualstack;
} tl_partition;

typedef enum tl_evkind {
  TL_V_NONE, TL_V_BOOL, TL_V_INTEGER, TL_V_STRING, TL_V_LIST, TL_V_PIECES, TL_V_ARN, TL_V_URL,
  TL_V_PARTITION
} tl_evkind;

/*
** A value is a view: its bytes are the program's, a parameter's, the partitions'
** or those of a string left on the Lua stack. An ARN, a URL and a split string
** are their text; an attribute is cut out when it is asked for.
*/
typedef struct tl_evalue {
  tl_evkind kind;
  int n;                       /* boolean; integer; stack index of a list; most pieces, 0: all */
  tl_text text;
  tl_text by;                  /* what a split string is cut at; empty: at ':' and '/' */
  const tl_partition *partition;
} tl_evalue;

/* Points `p` at the parts of `size` bytes, all of them checked; NULL, or the reason for refusal. */
const char *tl_eopen (tl_eprogram *p, const void *bytes, size_t size);

/* The string at offset `off`. */
tl_text tl_estring (const tl_eprogram *p, uint32_t off);

/* One function of the rules' language; may leave strings on the stack. */
typedef struct tl_efunction {
  tl_evalue (*call) (lua_State *L, const tl_evalue *args, unsigned n);
  unsigned min, max;           /* arguments */
} tl_efunction;
extern const tl_efunction tl_efunctions[TL_E_NOPS];  /* none for END, ENDPOINT, ERROR */

/* What getAttr gives; `n` is the index of ELEMENT and RESOURCEID (without one, all its pieces). */
tl_evalue tl_eattribute (lua_State *L, const tl_evalue *from, tl_eattr attr, int n);

/* The partition of a region (the first where none claims it). Raises where there is no data. */
const tl_partition *tl_partitionof (lua_State *L, tl_text region);

/* Lua: partitions(text or table) sets the data; partition(region) -> table. */
int tl_partitions (lua_State *L);
int tl_partitiontable (lua_State *L);

#endif

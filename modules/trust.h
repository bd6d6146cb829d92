/* trust.h -- where this system keeps the certificates of the authorities it trusts. */
#ifndef TL_TRUST_H
#define TL_TRUST_H

/* A file, or a folder by OpenSSL's hashes (`*folder` is then 1); NULL when none is found. */
const char *tl_trust (int *folder);

#endif

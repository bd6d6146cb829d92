/* crc.h -- the three checksums that AWS asks for: CRC-32, CRC-32C and CRC-64/NVME. */
#ifndef TL_CRC_H
#define TL_CRC_H

#include <stddef.h>
#include <stdint.h>

typedef enum tl_crckind { TL_CRC32, TL_CRC32C, TL_CRC64NVME, TL_CRCKINDS } tl_crckind;

/* The checksum of what `crc` covers (0 at first) followed by `s`. Upper bits of a CRC-32 are 0. */
uint64_t tl_crc (tl_crckind kind, uint64_t crc, const void *s, size_t n);

size_t tl_crcsize (tl_crckind kind);         /* 4 or 8 */
void tl_crcbytes (tl_crckind kind, uint64_t crc, unsigned char *out);   /* big-endian, as AWS's */

#endif

/* armor.h -- bytes as text: hexadecimal and base64, written fast and read strictly. */
#ifndef TL_ARMOR_H
#define TL_ARMOR_H

#include <stddef.h>

#define TL_BASE64LEN(n)   (((n) + 2) / 3 * 4)   /* digits that n bytes make */
#define TL_UNBASE64LEN(n) ((n) / 4 * 3)         /* room that n digits need */

void tl_hex (char *to, const void *from, size_t n);          /* 2n lower-case digits, no NUL */
int tl_unhex (void *to, const char *from, size_t n);         /* n/2 bytes; 0 if not hexadecimal */

/*
** base64 of RFC 4648 with padding. Reading refuses white space, missing padding
** and bits left over; it returns 0 then, else sets `*len`. `to` may be `from`.
*/
void tl_base64 (char *to, const void *from, size_t n);
int tl_unbase64 (void *to, const char *from, size_t n, size_t *len);

#endif

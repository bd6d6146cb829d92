/* stamp.c -- tidelock.stamp: ISO 8601, RFC 822 and epoch seconds, read and written. */
#include "stamp.h"
#include "fail.h"
#include "modules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#define DAY 86400
#define FIRST INT64_C(-62167219200)    /* 0000-01-01T00:00:00Z */
#define LAST INT64_C(253402300799)     /* 9999-12-31T23:59:59Z */

typedef struct date {
  int year, month, day, hour, minute, second;
} date;

typedef struct cursor {
  const char *at, *end;
} cursor;

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "ThuFriSatSunMonTueWed";   /* 1970 began on a Thursday */

/* ----- the calendar ----- */

/* Days since 1970 of a date of the Gregorian calendar; March is taken as a year's first month. */
static int64_t daysof (int year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400, ofera = y - era * 400;
  int64_t ofyear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + ofera * 365 + ofera / 4 - ofera / 100 + ofyear - 719468;
}


static date dateof (int64_t s) {
  int64_t days = s / DAY - (s % DAY < 0), left = s - days * DAY, z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097, ofera = z - era * 146097;
  int64_t year = (ofera - ofera / 1460 + ofera / 36524 - ofera / 146096) / 365;
  int64_t ofyear = ofera - (365 * year + year / 4 - year / 100), month = (5 * ofyear + 2) / 153;
  date d;
  d.day = (int)(ofyear - (153 * month + 2) / 5 + 1);
  d.month = (int)(month < 10 ? month + 3 : month - 9);
  d.year = (int)(year + era * 400 + (d.month <= 2));
  d.hour = (int)(left / 3600);
  d.minute = (int)(left / 60 % 60);
  d.second = (int)(left % 60);
  return d;
}


static int lengthof (int year, int month) {
  static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}


/* A leap second counts as the second after it. Returns -1 where there is no such day or hour. */
static int settime (tl_stamp *t, const date *d, int us, int offset) {
  if (d->month < 1 || d->month > 12 || d->day < 1 || d->day > lengthof(d->year, d->month)
      || d->hour > 23 || d->minute > 59 || d->second > 60)
    return -1;
  t->s = daysof(d->year, d->month, d->day) * DAY + d->hour * 3600 + d->minute * 60 + d->second;
  t->s -= offset;
  t->us = us;
  return t->s < FIRST || t->s > LAST ? -1 : 0;
}


/* ----- reading ----- */

static int peek (const cursor *c) { return c->at < c->end ? (unsigned char)*c->at : -1; }

static int accept (cursor *c, char what) {
  if (peek(c) != (unsigned char)what) return 0;
  c->at++;
  return 1;
}


static int isdigitc (int c) { return c >= '0' && c <= '9'; }


/* From `least` to `most` digits; -1 if there are fewer. */
static int number (cursor *c, int least, int most) {
  int n = 0, value = 0;
  for (; n < most && isdigitc(peek(c)); n++) value = value * 10 + (*c->at++ - '0');
  return n < least ? -1 : value;
}


/* The digits behind a point as microseconds; what is finer is dropped. */
static int fraction (cursor *c, int *us) {
  int scale = 100000, n = 0;
  *us = 0;
  if (!accept(c, '.') && !accept(c, ',')) return 0;
  for (; isdigitc(peek(c)); n++, scale /= 10) *us += scale * (*c->at++ - '0');
  return n == 0 ? -1 : 0;
}


/* Z, +01:00, -0100 or +01, as seconds east; nothing at all means UTC. */
static int zone (cursor *c, int *offset) {
  int sign = 1, hours, minutes = 0;
  *offset = 0;
  if (peek(c) == -1 || accept(c, 'Z') || accept(c, 'z')) return 0;
  if (accept(c, '-')) sign = -1;
  else if (!accept(c, '+')) return -1;
  if ((hours = number(c, 2, 2)) < 0 || hours > 23) return -1;
  if (accept(c, ':') || isdigitc(peek(c))) minutes = number(c, 2, 2);
  if (minutes < 0 || minutes > 59) return -1;
  *offset = sign * (hours * 3600 + minutes * 60);
  return 0;
}


static int readclock (cursor *c, date *d) {
  if ((d->hour = number(c, 1, 2)) < 0 || !accept(c, ':')) return -1;
  if ((d->minute = number(c, 2, 2)) < 0) return -1;
  d->second = 0;
  return accept(c, ':') && (d->second = number(c, 2, 2)) < 0 ? -1 : 0;
}


static int readiso (tl_stamp *t, cursor c) {
  date d = {0};
  int us = 0, offset = 0;
  if ((d.year = number(&c, 4, 4)) < 0 || !accept(&c, '-')) return -1;
  if ((d.month = number(&c, 2, 2)) < 0 || !accept(&c, '-')) return -1;
  if ((d.day = number(&c, 2, 2)) < 0) return -1;
  if (peek(&c) != -1) {
    if (!accept(&c, 'T') && !accept(&c, 't') && !accept(&c, ' ')) return -1;
    if (readclock(&c, &d) != 0 || fraction(&c, &us) != 0 || zone(&c, &offset) != 0) return -1;
  }
  return peek(&c) == -1 ? settime(t, &d, us, offset) : -1;
}


static int monthof (cursor *c) {
  if (c->end - c->at < 3) return -1;
  for (int i = 0; i < 12; i++) {
    if (memcmp(months + 3 * i, c->at, 3) != 0) continue;
    c->at += 3;
    return i + 1;
  }
  return -1;
}


static int rfczone (cursor *c, int *offset) {
  if (c->end - c->at == 3 && (memcmp(c->at, "GMT", 3) == 0 || memcmp(c->at, "UTC", 3) == 0)) {
    c->at += 3;
    *offset = 0;
    return 0;
  }
  return zone(c, offset);
}


/* "Tue, 29 Apr 2014 18:30:38 GMT", as HTTP and e-mail write it; the weekday may be missing. */
static int readrfc (tl_stamp *t, cursor c) {
  date d = {0};
  int us, offset;
  const char *comma = memchr(c.at, ',', (size_t)(c.end - c.at));
  if (comma != NULL) c.at = comma + 1;
  while (accept(&c, ' ')) continue;
  if ((d.day = number(&c, 1, 2)) < 0 || !accept(&c, ' ')) return -1;
  if ((d.month = monthof(&c)) < 0 || !accept(&c, ' ')) return -1;
  if ((d.year = number(&c, 4, 4)) < 0 || !accept(&c, ' ')) return -1;
  if (readclock(&c, &d) != 0 || fraction(&c, &us) != 0 || !accept(&c, ' ')) return -1;
  if (rfczone(&c, &offset) != 0 || peek(&c) != -1) return -1;
  return settime(t, &d, us, offset);
}


/* Seconds since 1970 as decimal text. With an exponent it is left to strtod. */
static int readepoch (tl_stamp *t, const char *text, size_t len) {
  char copy[40], *end;
  double n;
  cursor c = {text, text + len};
  int sign = accept(&c, '-') ? -1 : 1, us = 0;
  int64_t whole = 0;
  if (!isdigitc(peek(&c)) || len >= sizeof copy) return -1;
  while (isdigitc(peek(&c)) && whole < LAST) whole = whole * 10 + (*c.at++ - '0');
  if (fraction(&c, &us) == 0 && peek(&c) == -1) {
    t->s = sign * whole - (sign < 0 && us > 0);
    t->us = sign < 0 && us > 0 ? 1000000 - us : us;
    return t->s < FIRST || t->s > LAST ? -1 : 0;
  }
  memcpy(copy, text, len);
  copy[len] = '\0';
  if (strspn(copy, "+-.0123456789eE") != len) return -1;   /* strtod knows more than decimals */
  n = strtod(copy, &end);
  return *end == '\0' ? tl_stampfloat(t, n) : -1;
}


int tl_stampread (tl_stamp *t, const char *text, size_t len) {
  cursor c = {text, text + len};
  while (c.at < c.end && (*c.at == ' ' || *c.at == '\n' || *c.at == '\t' || *c.at == '\r')) c.at++;
  while (c.at < c.end && (c.end[-1] == ' ' || c.end[-1] == '\n' || c.end[-1] == '\r')) c.end--;
  if (readiso(t, c) == 0 || readrfc(t, c) == 0) return 0;
  return readepoch(t, c.at, (size_t)(c.end - c.at));
}


int tl_stampint (tl_stamp *t, int64_t seconds) {
  t->s = seconds;
  t->us = 0;
  return seconds < FIRST || seconds > LAST ? -1 : 0;
}


int tl_stampfloat (tl_stamp *t, double seconds) {
  double whole;
  if (!(seconds >= (double)FIRST && seconds < (double)LAST + 1)) return -1;   /* NaN too */
  whole = floor(seconds);
  t->s = (int64_t)whole;
  t->us = (int32_t)lround((seconds - whole) * 1e6);
  if (t->us == 1000000) { t->s++; t->us = 0; }
  return t->s > LAST ? -1 : 0;
}


/* ----- writing ----- */

/* Appends .5, .123 or .000001: as many digits as it takes, three at least where `full`. */
static size_t addfraction (int32_t us, int full, char *to) {
  size_t n;
  if (us == 0) return 0;
  if (full && us % 1000 == 0) return (size_t)snprintf(to, 8, ".%03d", (int)(us / 1000));
  n = (size_t)snprintf(to, 8, ".%06d", (int)us);
  if (!full) while (to[n - 1] == '0') n--;
  return n;
}


size_t tl_stampiso (const tl_stamp *t, char *to) {
  date d = dateof(t->s);
  size_t n = (size_t)snprintf(to, TL_STAMPROOM, "%04d-%02d-%02dT%02d:%02d:%02d", d.year % 10000,
                              d.month, d.day, d.hour, d.minute, d.second);
  n += addfraction(t->us, 1, to + n);
  to[n] = 'Z';
  to[n + 1] = '\0';
  return n + 1;
}


size_t tl_stamprfc (const tl_stamp *t, char *to) {
  date d = dateof(t->s);
  int64_t days = t->s / DAY - (t->s % DAY < 0), weekday = ((days % 7) + 7) % 7;
  return (size_t)snprintf(to, TL_STAMPROOM, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                          weekdays + 3 * weekday, d.day, months + 3 * (d.month - 1),
                          d.year % 10000, d.hour, d.minute, d.second);
}


size_t tl_stampunix (const tl_stamp *t, char *to) {
  int before = t->s < 0 && t->us > 0;          /* -0.5 s is kept as -1 s and 0.5 s on top */
  int64_t s = before ? t->s + 1 : t->s;
  size_t n = (size_t)snprintf(to, TL_STAMPROOM, "%s%lld", before && s == 0 ? "-" : "",
                              (long long)s);
  n += addfraction(before ? 1000000 - t->us : t->us, 0, to + n);
  to[n] = '\0';
  return n;
}


void tl_stamppush (lua_State *L, const tl_stamp *t) {
  if (t->us == 0) lua_pushinteger(L, (lua_Integer)t->s);
  else lua_pushnumber(L, ((double)t->s * 1e6 + t->us) / 1e6);
}


/* ----- the Lua module ----- */

static int l_parse (lua_State *L) {  /* parse(text) -> seconds since 1970 | nil, err */
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  tl_stamp t;
  if (tl_stampread(&t, text, len) != 0)
    return tl_fail(L, "bad_time", "\"%s\" is no point in time; write 2026-01-02T03:04:05Z, or "
                   "seconds since 1970", text);
  tl_stamppush(L, &t);
  return 1;
}


static int l_format (lua_State *L) {  /* format(seconds [, "iso8601"|"rfc822"|"unix"]) -> text */
  static const char *const names[] = {"iso8601", "rfc822", "unix", NULL};
  static size_t (*const writers[]) (const tl_stamp *, char *) = {
    tl_stampiso, tl_stamprfc, tl_stampunix
  };
  int how = luaL_checkoption(L, 2, "iso8601", names), bad;
  char text[TL_STAMPROOM];
  tl_stamp t;
  if (lua_isinteger(L, 1)) bad = tl_stampint(&t, lua_tointeger(L, 1));
  else bad = tl_stampfloat(&t, luaL_checknumber(L, 1));
  luaL_argcheck(L, !bad, 1, "is outside of the years 0000 to 9999");
  lua_pushlstring(L, text, writers[how](&t, text));
  return 1;
}

static const luaL_Reg functions[] = {{"parse", l_parse}, {"format", l_format}, {NULL, NULL}};


int luaopen_tidelock_stamp (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

/* A fast SMTP sink (RFC 5321, 2920, 3030): accepts everything, keeps nothing, and can tell what it was sent.
 *
 * One thread, one epoll loop. Each mail is hashed while it comes in (CRC-32 as in zlib); the sum of crc + length over
 * all mails does not depend on their order, so a sender is checked by comparing two numbers. Two ports: the first
 * offers CHUNKING, the second does not, so that a sender which would use BDAT can be measured with DATA.
 *
 *   XSUM    250 <mails> <sum> <mails that came by BDAT>
 *   XRESET  250, and the three begin at zero
 *   XDROP   <mails> [421]: from now on a connection is closed when it has brought so many mails, without a word, or
 *           with 421 for the next MAIL; 0: it may bring as many as it likes
 *   XKEEP   250, and from now on every mail is kept in memory until the next XRESET, which also ends the keeping
 *   XKEPT   <file>: writes what is kept, each mail with a line before it: when it was accepted (nanoseconds of the
 *           monotonic clock), how many octets it has, and its last recipient
 *
 * It writes both port numbers on standard output, and ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_SIZE = 1 << 18, OUT_SIZE = 1 << 19, MAX_LINE = 4096, MAX_REPLY = 512, EVENTS = 64 };

/* What is known of the octets before the next one in a DATA body (RFC 5321 section 4.5.2). */
enum body { LINE_START, IN_LINE, AFTER_CR, AFTER_DOT, AFTER_DOT_CR };

enum mode { COMMANDS, DATA_BODY, CHUNK };

struct buffer {
    char *octets;
    size_t used, room;
};

struct connection {
    int fd, chunking, closing, stuck; /* `stuck`: the peer does not take its replies */
    enum mode mode;
    enum body body;
    int has_mail, has_rcpt, in_chunks, discard, last; /* the transaction; `discard`: a chunk out of turn */
    uint64_t chunk_left, length, carried;
    uint32_t crc;
    size_t in_used, out_start, out_used;
    struct buffer mail; /* while mails are kept */
    char rcpt[MAX_REPLY];
    char in[IN_SIZE], out[OUT_SIZE];
};

static uint64_t mails, sum, by_bdat, drop_after;
static int drop_said, keeping;
static struct buffer kept;
static uint32_t table[8][256];

/* CRC-32 ------------------------------------------------------------------------------------------------------- */

static void make_table(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        table[0][n] = c;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int n = 0; n < 256; n++)
            table[slice][n] = table[0][table[slice - 1][n] & 255] ^ (table[slice - 1][n] >> 8);
}

/* Slicing by eight, for a little-endian machine; `crc` is kept inverted between calls. */
static uint32_t crc32_of(uint32_t crc, const char *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        word ^= crc;
        crc = table[7][word & 255] ^ table[6][word >> 8 & 255] ^ table[5][word >> 16 & 255] ^
              table[4][word >> 24 & 255] ^ table[3][word >> 32 & 255] ^ table[2][word >> 40 & 255] ^
              table[1][word >> 48 & 255] ^ table[0][word >> 56];
    }
    for (; size; data++, size--) crc = table[0][(crc ^ (unsigned char)*data) & 255] ^ (crc >> 8);
    return crc;
}

/* mails that are kept -------------------------------------------------------------------------------------------- */

static void append(struct buffer *b, const char *data, size_t size) {
    if (b->used + size > b->room) {
        b->room = 2 * (b->used + size) + 4096;
        if ((b->octets = realloc(b->octets, b->room)) == NULL) {
            perror("sink: the mails that are kept");
            exit(1);
        }
    }
    memcpy(b->octets + b->used, data, size);
    b->used += size;
}

static void drop_buffer(struct buffer *b) {
    free(b->octets);
    memset(b, 0, sizeof *b);
}

static void keep_mail(struct connection *c) {
    char line[2 * MAX_REPLY];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int size = snprintf(line, sizeof line, "%lld %zu %s\n", now.tv_sec * 1000000000LL + now.tv_nsec, c->mail.used, c->rcpt);
    append(&kept, line, (size_t)size);
    append(&kept, c->mail.octets, c->mail.used);
}

static int write_kept(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return 0;
    int whole = fwrite(kept.octets, 1, kept.used, file) == kept.used;
    return fclose(file) == 0 && whole;
}

static void hash(struct connection *c, const char *data, size_t size) {
    c->crc = crc32_of(c->crc, data, size);
    c->length += size;
    if (keeping) append(&c->mail, data, size);
}

/* replies ------------------------------------------------------------------------------------------------------ */

static void say(struct connection *c, const char *reply) {
    size_t size = strlen(reply);
    memcpy(c->out + c->out_used, reply, size);
    c->out_used += size;
}

static void forget(struct connection *c) {
    c->has_mail = c->has_rcpt = c->in_chunks = 0;
    c->crc = ~0u;
    c->length = 0;
    c->mail.used = 0;
}

static void accept_mail(struct connection *c) {
    mails++;
    sum += (uint64_t)(uint32_t)~c->crc + c->length;
    by_bdat += (uint64_t)c->in_chunks;
    if (keeping) keep_mail(c);
    forget(c);
    say(c, "250 2.0.0 Accepted\r\n");
    c->carried++;
    c->closing |= drop_after && !drop_said && c->carried >= drop_after;
}

/* DATA --------------------------------------------------------------------------------------------------------- */

/* Takes octets of a body; returns how many. Only CRLF . CRLF ends it, wherever the reads are cut; a line-start dot is
 * dropped. What lies between two dropped dots is hashed in one piece. */
static size_t take_body(struct connection *c, const char *data, size_t size) {
    const char *at = data, *end = data + size, *run = data;
    while (at < end) {
        switch (c->body) {
        case LINE_START:
            if (*at == '.') {
                hash(c, run, (size_t)(at - run));
                run = ++at;
                c->body = AFTER_DOT;
            } else {
                c->body = IN_LINE;
            }
            break;
        case AFTER_DOT: /* the dot is dropped already, and a CR is held back until it is known what it is */
            if (*at == '\r') {
                run = ++at;
                c->body = AFTER_DOT_CR;
            } else {
                c->body = IN_LINE;
            }
            break;
        case AFTER_DOT_CR:
            if (*at == '\n') {
                c->mode = COMMANDS;
                accept_mail(c);
                return (size_t)(at + 1 - data);
            }
            hash(c, "\r", 1);
            c->body = AFTER_CR;
            break;
        case AFTER_CR:
            if (*at == '\n') {
                at++;
                c->body = LINE_START;
            } else {
                c->body = IN_LINE;
            }
            break;
        case IN_LINE:
            if ((at = memchr(at, '\r', (size_t)(end - at))) == NULL) {
                at = end;
            } else {
                at++;
                c->body = AFTER_CR;
            }
            break;
        }
    }
    hash(c, run, (size_t)(at - run));
    return size;
}

/* BDAT --------------------------------------------------------------------------------------------------------- */

static void end_chunk(struct connection *c) {
    c->mode = COMMANDS;
    if (c->discard)
        say(c, "503 5.5.1 BDAT out of sequence\r\n");
    else if (c->last)
        accept_mail(c);
    else
        say(c, "250 2.0.0 Chunk taken\r\n");
}

static size_t take_chunk(struct connection *c, const char *data, size_t size) {
    if (size > c->chunk_left) size = c->chunk_left;
    if (!c->discard) hash(c, data, size);
    if ((c->chunk_left -= size) == 0) end_chunk(c);
    return size;
}

static void begin_chunk(struct connection *c, const char *argument) {
    char *rest;
    c->chunk_left = strtoull(argument, &rest, 10);
    c->last = strcasecmp(rest, " LAST") == 0;
    if (!isdigit((unsigned char)*argument) || (*rest && !c->last)) { /* where the next command begins is unknown */
        say(c, "501 5.5.4 Syntax: BDAT size [LAST]\r\n");
        c->closing = 1;
        return;
    }
    c->discard = !c->has_rcpt || !c->chunking;
    c->in_chunks |= !c->discard;
    c->mode = CHUNK;
    if (c->chunk_left == 0) end_chunk(c);
}

/* commands ----------------------------------------------------------------------------------------------------- */

static const char *argument_of(const char *line, const char *verb) {
    size_t size = strlen(verb);
    if (strncasecmp(line, verb, size) != 0 || (line[size] != '\0' && line[size] != ' ' && verb[size - 1] != ':'))
        return NULL;
    return line + size + (line[size] == ' ');
}

static void begin_data(struct connection *c) {
    if (!c->has_rcpt || c->in_chunks) {
        say(c, "503 5.5.1 DATA out of sequence\r\n");
        return;
    }
    c->mode = DATA_BODY;
    c->body = LINE_START;
    say(c, "354 Go ahead\r\n");
}

static void tell_sum(struct connection *c) {
    char reply[MAX_REPLY];
    snprintf(reply, sizeof reply, "250 %llu %llu %llu\r\n", (unsigned long long)mails, (unsigned long long)sum,
             (unsigned long long)by_bdat);
    say(c, reply);
}

static void drop(struct connection *c, const char *argument) {
    char *rest;
    drop_after = strtoull(argument, &rest, 10);
    drop_said = strcmp(rest, " 421") == 0;
    say(c, "250 2.0.0 OK\r\n");
}

static void command(struct connection *c, const char *line) {
    const char *argument;
    if (argument_of(line, "MAIL FROM:")) {
        if (drop_after && c->carried >= drop_after) {
            say(c, "421 4.7.0 Enough mails for one connection\r\n");
            c->closing = 1;
            return;
        }
        if (c->has_mail) {
            say(c, "503 5.5.1 MAIL inside a transaction\r\n");
            return;
        }
        c->has_mail = 1;
        say(c, "250 2.1.0 Sender OK\r\n");
    } else if (argument_of(line, "RCPT TO:")) {
        c->has_rcpt |= c->has_mail && !c->in_chunks;
        snprintf(c->rcpt, sizeof c->rcpt, "%s", argument_of(line, "RCPT TO:"));
        say(c, c->has_mail && !c->in_chunks ? "250 2.1.5 Recipient OK\r\n" : "503 5.5.1 RCPT out of sequence\r\n");
    } else if ((argument = argument_of(line, "BDAT"))) {
        begin_chunk(c, argument);
    } else if (argument_of(line, "DATA")) {
        begin_data(c);
    } else if (argument_of(line, "RSET") || argument_of(line, "NOOP")) {
        if (argument_of(line, "RSET")) forget(c);
        say(c, "250 2.0.0 OK\r\n");
    } else if (argument_of(line, "EHLO")) {
        forget(c);
        say(c, "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n");
        if (c->chunking) say(c, "250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n");
        say(c, "250 SIZE 104857600\r\n");
    } else if (argument_of(line, "HELO")) {
        forget(c);
        say(c, "250 sink.example\r\n");
    } else if (argument_of(line, "XSUM")) {
        tell_sum(c);
    } else if (argument_of(line, "XRESET")) {
        mails = sum = by_bdat = 0;
        keeping = 0;
        drop_buffer(&kept);
        say(c, "250 2.0.0 OK\r\n");
    } else if (argument_of(line, "XKEEP")) {
        keeping = 1;
        say(c, "250 2.0.0 OK\r\n");
    } else if ((argument = argument_of(line, "XKEPT"))) {
        say(c, write_kept(argument) ? "250 2.0.0 OK\r\n" : "451 4.3.0 The file cannot be written\r\n");
    } else if ((argument = argument_of(line, "XDROP"))) {
        drop(c, argument);
    } else if (argument_of(line, "QUIT")) {
        say(c, "221 2.0.0 Bye\r\n");
        c->closing = 1;
    } else {
        say(c, "500 5.5.1 Command not recognized\r\n");
    }
}

/* Takes one line; returns how many octets, 0 where it has not come whole. */
static size_t take_command(struct connection *c, char *data, size_t size) {
    char *end = memchr(data, '\n', size);
    if (end == NULL) {
        c->closing |= size > MAX_LINE;
        return 0;
    }
    *end = '\0';
    if (end > data && end[-1] == '\r') {
        end[-1] = '\0';
        command(c, data);
    } else { /* a bare LF ends no line: what follows it could be smuggled */
        say(c, "500 5.5.2 A line ends in CRLF\r\n");
        c->closing = 1;
    }
    return (size_t)(end + 1 - data);
}

/* connections -------------------------------------------------------------------------------------------------- */

/* Everything of one read, with its replies gathered, as long as there is room for one reply more. */
static void take(struct connection *c) {
    size_t at = 0, taken = 1;
    while (at < c->in_used && taken && !c->closing && c->out_used < OUT_SIZE - MAX_REPLY) {
        size_t left = c->in_used - at;
        taken = c->mode == COMMANDS    ? take_command(c, c->in + at, left)
                : c->mode == DATA_BODY ? take_body(c, c->in + at, left)
                                       : take_chunk(c, c->in + at, left);
        at += taken;
    }
    memmove(c->in, c->in + at, c->in_used -= at);
}

/* -1: the peer is gone. 0: all is written. 1: the peer does not read. */
static int put(struct connection *c) {
    while (c->out_start < c->out_used) {
        ssize_t sent = send(c->fd, c->out + c->out_start, c->out_used - c->out_start, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? 1 : -1;
        c->out_start += (size_t)sent;
    }
    c->out_start = c->out_used = 0;
    return 0;
}

/* False where the connection has ended. */
static int read_more(struct connection *c) {
    ssize_t got = recv(c->fd, c->in + c->in_used, IN_SIZE - c->in_used, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return 0;
    if (got > 0) c->in_used += (size_t)got;
    return 1;
}

/* False where the connection has ended. While its replies are not taken, nothing more is read from it. */
static int serve(int loop, struct connection *c, uint32_t events) {
    int was_stuck = c->stuck;
    size_t before;
    if ((c->stuck = put(c)) < 0) return 0;
    if (!c->stuck && events & ~(uint32_t)EPOLLOUT && !read_more(c)) return 0;
    while (!c->stuck && c->in_used && !c->closing) { /* again where there was no room for all replies */
        before = c->in_used;
        take(c);
        if ((c->stuck = put(c)) < 0) return 0;
        if (c->in_used == before) break;
    }
    if (c->closing && !c->stuck) return 0;
    struct epoll_event want = {.events = c->stuck ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    return c->stuck == was_stuck || epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &want) == 0;
}

static struct connection *spare; /* the last one that ended: its pages are there already */

static void end(struct connection *c) {
    close(c->fd);
    drop_buffer(&c->mail);
    free(spare);
    spare = c;
}

static struct connection *new_connection(void) {
    struct connection *c = spare ? spare : malloc(sizeof *c);
    spare = NULL;
    return c;
}

static void begin(int loop, int listener, int chunking) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    struct connection *c = fd < 0 ? NULL : new_connection();
    if (c == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    memset(c, 0, offsetof(struct connection, in)); /* the buffers' pages come as they are needed */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    c->chunking = chunking;
    forget(c);
    say(c, "220 sink.example ESMTP\r\n");
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &want) != 0 || put(c) < 0) end(c);
}

static int listen_on_loopback(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("sink");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int main(void) {
    static char marks[3]; /* their addresses tell the events of listeners and standard input from connections */
    int ports[2], listeners[2], loop = epoll_create1(EPOLL_CLOEXEC);
    make_table();
    for (int n = 0; n < 2; n++) {
        listeners[n] = listen_on_loopback(&ports[n]);
        struct epoll_event want = {.events = EPOLLIN, .data.ptr = &marks[n]};
        epoll_ctl(loop, EPOLL_CTL_ADD, listeners[n], &want);
    }
    struct epoll_event parent = {.events = EPOLLIN, .data.ptr = &marks[2]};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &parent) != 0) {
        perror("sink: standard input must be a pipe");
        return 1;
    }
    printf("%d %d\n", ports[0], ports[1]);
    fflush(stdout);
    for (struct epoll_event events[EVENTS];;) {
        int count = epoll_wait(loop, events, EVENTS, -1);
        for (int n = 0; n < count; n++) {
            char *mark = events[n].data.ptr;
            if (mark == &marks[2]) return 0;
            if (mark == &marks[0] || mark == &marks[1])
                begin(loop, listeners[mark - marks], mark == &marks[0]);
            else if (!serve(loop, events[n].data.ptr, events[n].events))
                end(events[n].data.ptr);
        }
    }
}

/* A fast SMTP server that keeps nothing: it parses every terminator, counts every mail and hashes it.
 *
 *   sink [--no-chunking]      prints its port on loopback, then serves until its standard input ends
 *
 * Beside SMTP it knows XSUM (how many mails, the sum of CRC-32 and length over them, how many times it answered) and
 * XRESET. The sum does not depend on the order. CRC-32 is that of zlib, so any program can say what it should be.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 256, IN = 4 << 20, OUT = 1 << 20 };
enum state { COMMAND, DATA, CHUNK };

struct connection {
    int fd;
    enum state state;
    int fresh_line, last;    /* DATA: at the start of a line; CHUNK: the last of its message */
    size_t have, left;       /* octets in the buffer; octets of the chunk still to come */
    uint32_t crc;
    uint64_t length;
    int recipients;
    size_t out_have;
    char *in, *out;
};

static uint32_t table[8][256];
static uint64_t mails, sum, answers;
static int chunking = 1;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++) table[t][i] = table[0][table[t - 1][i] & 255] ^ (table[t - 1][i] >> 8);
}

static uint32_t crc32(uint32_t crc, const unsigned char *p, size_t n) {
    crc = ~crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t lo, hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= crc;
        crc = table[7][lo & 255] ^ table[6][lo >> 8 & 255] ^ table[5][lo >> 16 & 255] ^ table[4][lo >> 24] ^
              table[3][hi & 255] ^ table[2][hi >> 8 & 255] ^ table[1][hi >> 16 & 255] ^ table[0][hi >> 24];
    }
    while (n--) crc = table[0][(crc ^ *p++) & 255] ^ (crc >> 8);
    return ~crc;
}

static void flush(struct connection *c) {
    size_t done = 0;
    while (done < c->out_have) {
        ssize_t n = send(c->fd, c->out + done, c->out_have - done, MSG_NOSIGNAL);
        if (n <= 0) break;
        done += (size_t)n;
    }
    answers += c->out_have > 0;
    c->out_have = 0;
}

static void say(struct connection *c, const char *words) {
    size_t n = strlen(words);
    if (c->out_have + n > OUT) flush(c);
    memcpy(c->out + c->out_have, words, n);
    c->out_have += n;
}

static void begin_message(struct connection *c) {
    c->crc = 0;
    c->length = 0;
    c->fresh_line = 1;
}

static void add(struct connection *c, const char *p, size_t n) {
    c->crc = crc32(c->crc, (const unsigned char *)p, n);
    c->length += n;
}

static void end_message(struct connection *c) {
    char words[64];
    mails++;
    sum += c->crc + c->length;
    c->recipients = 0;
    c->state = COMMAND;
    snprintf(words, sizeof words, "250 2.0.0 Ok: queued as %" PRIu64 "\r\n", mails);
    say(c, words);
}

static int is(const char *line, const char *verb) { return strncasecmp(line, verb, strlen(verb)) == 0; }

/* One command line, its end cut off. Returns 0 where the connection ends. */
static int command(struct connection *c, char *line) {
    char words[128];
    if (is(line, "MAIL")) {
        begin_message(c);
        say(c, "250 2.1.0 Ok\r\n");
    } else if (is(line, "RCPT")) {
        c->recipients++;
        say(c, "250 2.1.5 Ok\r\n");
    } else if (is(line, "BDAT") && chunking) {
        char *end;
        c->left = strtoull(line + 5, &end, 10);
        c->last = strstr(end, "LAST") != NULL;
        c->state = CHUNK;
    } else if (is(line, "DATA")) {
        if (c->recipients) {
            begin_message(c);
            c->state = DATA;
            say(c, "354 End data with <CR><LF>.<CR><LF>\r\n");
        } else
            say(c, "554 5.5.1 No valid recipients\r\n");
    } else if (is(line, "RSET")) {
        c->recipients = 0;
        say(c, "250 2.0.0 Ok\r\n");
    } else if (is(line, "EHLO")) {
        say(c, "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n");
        if (chunking) say(c, "250-CHUNKING\r\n");
        say(c, "250 SIZE 104857600\r\n");
    } else if (is(line, "HELO") || is(line, "NOOP")) {
        say(c, "250 Ok\r\n");
    } else if (is(line, "XSUM")) {
        snprintf(words, sizeof words, "250 %" PRIu64 " %" PRIu64 " %" PRIu64 "\r\n", mails, sum, answers);
        say(c, words);
    } else if (is(line, "XRESET")) {
        mails = sum = answers = 0;
        say(c, "250 Ok\r\n");
    } else if (is(line, "QUIT")) {
        say(c, "221 2.0.0 Bye\r\n");
        return 0;
    } else
        say(c, "500 5.5.2 What?\r\n");
    return 1;
}

/* Whole lines of a message from p on; returns what was used. Dots at the start of lines are taken off again. */
static size_t message_lines(struct connection *c, char *p, size_t n) {
    char *begin = p, *end = p + n, *pending = p;
    while (p < end) {
        char *lf = memchr(p, '\n', (size_t)(end - p));
        if (lf == NULL) break;
        if (c->fresh_line && *p == '.') {
            add(c, pending, (size_t)(p - pending));
            if (lf - p == 2 && p[1] == '\r') {
                end_message(c);
                return (size_t)(lf + 1 - begin);
            }
            pending = p + 1;
        }
        c->fresh_line = lf > p && lf[-1] == '\r';
        p = lf + 1;
    }
    add(c, pending, (size_t)(p - pending));
    return (size_t)(p - begin);
}

static int take(struct connection *c) {
    size_t at = 0;
    int goes_on = 1;
    while (goes_on && at < c->have) {
        char *p = c->in + at;
        size_t n = c->have - at;
        if (c->state == CHUNK) {
            size_t use = n < c->left ? n : c->left;
            add(c, p, use);
            c->left -= use;
            at += use;
        } else if (c->state == DATA) {
            size_t used = message_lines(c, p, n);
            if (used == 0) break;
            at += used;
        } else {
            char *lf = memchr(p, '\n', n);
            if (lf == NULL) break;
            lf[lf > p && lf[-1] == '\r' ? -1 : 0] = 0;
            goes_on = command(c, p);
            at += (size_t)(lf + 1 - p);
        }
        if (c->state == CHUNK && c->left == 0) {
            if (!c->recipients) {
                c->state = COMMAND;
                say(c, "503 5.5.1 No valid recipients\r\n");
            } else if (c->last)
                end_message(c);
            else {
                c->state = COMMAND;
                say(c, "250 2.0.0 Ok\r\n");
            }
        }
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    flush(c);
    return goes_on;
}

static int serve(struct connection *c) {
    ssize_t n = recv(c->fd, c->in + c->have, IN - c->have, 0);
    if (n <= 0) return 0;
    c->have += (size_t)n;
    return take(c);
}

static void open_connection(struct connection *c, int listener) {
    int one = 1;
    memset(c, 0, sizeof *c);
    c->fd = accept(listener, NULL, NULL);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->in = malloc(IN);
    c->out = malloc(OUT);
    say(c, "220 sink.example ESMTP\r\n");
    flush(c);
}

int main(int argc, char **argv) {
    static struct connection all[CONNECTIONS];
    struct pollfd polls[CONNECTIONS + 2];
    int count = 0;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    chunking = !(argc > 1 && strcmp(argv[1], "--no-chunking") == 0);
    make_table();
    if (bind(listener, (struct sockaddr *)&where, size) || listen(listener, 64)) return perror("sink"), 1;
    getsockname(listener, (struct sockaddr *)&where, &size);
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    for (;;) {
        polls[0] = (struct pollfd){.fd = 0, .events = POLLIN};
        polls[1] = (struct pollfd){.fd = count < CONNECTIONS ? listener : -1, .events = POLLIN};
        for (int i = 0; i < count; i++) polls[i + 2] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
        if (poll(polls, (nfds_t)count + 2, -1) < 0) return 1;
        if (polls[0].revents) return 0;
        for (int i = count - 1; i >= 0; i--)
            if (polls[i + 2].revents && !serve(&all[i])) {
                close(all[i].fd);
                free(all[i].in);
                free(all[i].out);
                all[i] = all[--count];
            }
        if (polls[1].revents) open_connection(&all[count++], listener);
    }
}

/* SPDX-License-Identifier: MIT */
#include "kernel/boot/options.h"

#include "arch/cpu/percpu.h"
#include "arch/cpu/string.h"
#include "kernel/core/format.h"
#include "kernel/debug/serial.h"

/* A word of the command line, or a part of one; not terminated. */
struct word {
    const char *text;
    size_t length;
};

struct choice {
    const char *name;
    uint32_t value;
};

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.length && strncmp(word.text, text, word.length) == 0;
}

/* Cuts `word` at the first `separator` and stores what follows it, an empty word if there is none. */
static bool split_word(struct word *word, char separator, struct word *rest)
{
    for (size_t i = 0; i < word->length; i++) {
        if (word->text[i] == separator) {
            *rest = (struct word){word->text + i + 1, word->length - i - 1};
            word->length = i;
            return true;
        }
    }
    *rest = (struct word){word->text + word->length, 0};
    return false;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | ('a' - 'A'));
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Decimal, or hexadecimal after 0x. Numbers that do not fit in 64 bits are refused. */
static bool parse_number(struct word word, uint64_t *out)
{
    unsigned int base = 10;
    uint64_t value = 0;

    if (word.length > 2 && word.text[0] == '0' && (word.text[1] | ('a' - 'A')) == 'x') {
        base = 16;
        word = (struct word){word.text + 2, word.length - 2};
    }
    for (size_t i = 0; i < word.length; i++) {
        unsigned int digit = (unsigned int)digit_value(word.text[i]);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = value;
    return word.length > 0;
}

static unsigned int suffix_shift(char c)
{
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    default:
        return 0;
    }
}

static bool parse_size(struct word word, uint64_t *out)
{
    unsigned int shift = word.length > 0 ? suffix_shift(word.text[word.length - 1]) : 0;
    uint64_t value;

    if (shift != 0) {
        word.length--;
    }
    if (!parse_number(word, &value) || value > UINT64_MAX >> shift) {
        return false;
    }
    *out = value << shift;
    return true;
}

static bool parse_choice(struct word word, const struct choice *choices, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (word_is(word, choices[i].name)) {
            *out = choices[i].value;
            return true;
        }
    }
    return false;
}

#define PARSE_CHOICE(word, choices, out) parse_choice(word, choices, sizeof(choices) / sizeof((choices)[0]), out)

static bool parse_port(struct word word, uint16_t *out)
{
    static const struct choice names[] = {{"com1", 0x3f8}, {"com2", 0x2f8}, {"com3", 0x3e8}, {"com4", 0x2e8}};
    uint32_t named;
    uint64_t number;

    if (PARSE_CHOICE(word, names, &named)) {
        *out = (uint16_t)named;
        return true;
    }
    if (!parse_number(word, &number) || number == 0 || number > SERIAL_MAX_PORT) {
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

static bool parse_baud(struct word word, uint32_t *out)
{
    uint64_t baud;

    if (!parse_number(word, &baud) || !serial_speed_is_possible(baud)) {
        return false;
    }
    *out = (uint32_t)baud;
    return true;
}

static bool set_serial(struct word value, struct boot_options *out)
{
    uint16_t port;
    uint32_t baud = out->serial_baud;
    struct word speed;

    if (word_is(value, "none")) {
        out->serial_port = 0;
        return true;
    }
    if ((split_word(&value, ',', &speed) && !parse_baud(speed, &baud)) || !parse_port(value, &port)) {
        return false;
    }
    out->serial_port = port;
    out->serial_baud = baud;
    return true;
}

static bool set_loglevel(struct word value, struct boot_options *out)
{
    static const struct choice choices[] = {
        {"error", LOG_LEVEL_ERROR}, {"warn", LOG_LEVEL_WARN}, {"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}};
    return PARSE_CHOICE(value, choices, &out->log_level);
}

static bool set_heap(struct word value, struct boot_options *out)
{
    uint64_t size;

    if (!parse_size(value, &size) || size < OPTIONS_HEAP_MIN || size > OPTIONS_HEAP_MAX) {
        return false;
    }
    out->heap_size = (size + OPTIONS_HEAP_UNIT - 1) / OPTIONS_HEAP_UNIT * OPTIONS_HEAP_UNIT;
    return true;
}

static bool set_on_panic(struct word value, struct boot_options *out)
{
    static const struct choice choices[] = {{"halt", ON_PANIC_HALT}, {"reboot", ON_PANIC_REBOOT}};
    return PARSE_CHOICE(value, choices, &out->on_panic);
}

static bool set_crash_test(struct word value, struct boot_options *out)
{
    static const struct choice choices[] = {{"none", CRASH_TEST_NONE}, {"panic", CRASH_TEST_PANIC},
                                            {"ud", CRASH_TEST_UD},     {"pf", CRASH_TEST_PF},
                                            {"df", CRASH_TEST_DF},     {"stack-overflow", CRASH_TEST_STACK_OVERFLOW}};
    return PARSE_CHOICE(value, choices, &out->crash_test);
}

static bool set_maxcpus(struct word value, struct boot_options *out)
{
    uint64_t count;

    if (!parse_number(value, &count) || count == 0 || count > MAX_CPUS) {
        return false;
    }
    out->max_cpus = (uint32_t)count;
    return true;
}

static bool parse_switch(struct word value, const char *on, const char *off, bool *out)
{
    *out = word_is(value, on) || (*out && !word_is(value, off));
    return word_is(value, on) || word_is(value, off);
}

static bool set_apicv(struct word value, struct boot_options *out)
{
    static const struct choice choices[] = {{"auto", APICV_AUTO}, {"on", APICV_ON}, {"off", APICV_OFF}};
    return PARSE_CHOICE(value, choices, &out->apicv);
}

static bool set_x2apic(struct word value, struct boot_options *out)
{
    return parse_switch(value, "on", "off", &out->x2apic);
}

static bool set_mitigations(struct word value, struct boot_options *out)
{
    return parse_switch(value, "auto", "off", &out->mitigations);
}

/* A word without a value. */
static bool set_test_calls(struct word value, struct boot_options *out)
{
    out->test_calls = out->test_calls || value.length == 0;
    return value.length == 0;
}

static bool set_keyid_bits(struct word value, struct boot_options *out)
{
    uint64_t bits;
    if (!parse_number(value, &bits) || bits > 8) {
        return false;
    }
    out->keyid_bits = (uint8_t)bits;
    return true;
}

static const struct option {
    const char *name;
    const char *expects;
    bool (*set)(struct word value, struct boot_options *out); /* false, *out unchanged: not a right value */
} options[] = {
    {"serial", "PORT[,BAUD], com1 to com4, or none", set_serial},
    {"loglevel", "error, warn, info or debug", set_loglevel},
    {"heap", "a size from 4M to 4G", set_heap},
    {"on-panic", "halt or reboot", set_on_panic},
    {"x2apic", "on or off", set_x2apic},
    {"apicv", "auto, on or off", set_apicv},
    {"crash-test", "none, panic, ud, pf, stack-overflow or df", set_crash_test},
    {"maxcpus", "a number from 1 to 64", set_maxcpus},
    {"mitigations", "auto or off", set_mitigations},
    {"test-calls", "left out", set_test_calls},
    {"keyid-bits", "a number from 0 to 8", set_keyid_bits},
};

_Static_assert(MAX_CPUS == 64, "maxcpus names the limit in its text");

struct report {
    char *text;
    size_t size;
    size_t length;
    bool failed;
};

static void add_sentence(struct report *report, struct word word, const char *problem, const char *expected)
{
    /* The rest of a longer word tells no more and would push out the other sentences. */
    int shown = word.length < 48 ? (int)word.length : 48;
    size_t room = report->size - report->length;

    report->length += format_string(report->text + report->length, room, "%s%.*s: %s%s", report->failed ? "; " : "",
                                    shown, word.text, problem, expected);
    report->failed = true;
}

static void parse_option(struct word word, struct boot_options *out, struct report *report)
{
    struct word name = word;
    struct word value;

    split_word(&name, '=', &value);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (word_is(name, options[i].name)) {
            if (!options[i].set(value, out)) {
                add_sentence(report, word, "the value must be ", options[i].expects);
            }
            return;
        }
    }
    add_sentence(report, word, "no such option", "");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct word next_word(const char **text)
{
    struct word word;

    while (is_space(**text)) {
        (*text)++;
    }
    word = (struct word){*text, 0};
    while (**text != '\0' && !is_space(**text)) {
        (*text)++;
    }
    word.length = (size_t)(*text - word.text);
    return word;
}

void options_defaults(struct boot_options *out)
{
    *out = (struct boot_options){
        .serial_port = 0x3f8,
        .serial_baud = SERIAL_MAX_BAUD,
        .log_level = LOG_LEVEL_INFO,
        .heap_size = OPTIONS_HEAP_DEFAULT,
        .on_panic = ON_PANIC_HALT,
        .crash_test = CRASH_TEST_NONE,
        .max_cpus = MAX_CPUS,
        .x2apic = true,
        .mitigations = true,
    };
}

bool options_parse(const char *cmdline, struct boot_options *out, char *error, size_t error_size)
{
    char nowhere[1];
    struct report report = {.text = error, .size = error_size};

    if (error_size == 0) {
        report = (struct report){.text = nowhere, .size = sizeof(nowhere)};
    }
    report.text[0] = '\0';
    options_defaults(out);
    for (struct word word = next_word(&cmdline); word.length > 0; word = next_word(&cmdline)) {
        parse_option(word, out, &report);
    }
    return !report.failed;
}

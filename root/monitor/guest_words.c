/* SPDX-License-Identifier: MIT */
#include "root/monitor/guest_words.h"

#include "root/lib/format.h"
#include "root/lib/string.h"

#define WORD 64u
#define DEFAULT_MEMORY (128ull << 20)
#define MEMORY_MIN (1ull << 20)
#define MEMORY_MAX (1ull << 40)
#define MEMORY_STEP 4096u
#define CPUS_MAX 64u

bool config_fail(const struct config_problem *p, const char *format, const char *word)
{
    int used = snprintf(p->text, p->size, "module %u: ", p->module);
    if (used > 0 && (size_t)used < p->size) {
        (void)snprintf(p->text + used, p->size - (size_t)used, format, word);
    }
    return false;
}

/* A decimal number without sign or leading junk; false if it is none or too large. */
static bool number(const char *text, const char **end, uint64_t *value)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > MEMORY_MAX) {
            return false;
        }
        n = n * 10 + (uint64_t)(*p - '0');
    }
    *end = p;
    *value = n;
    return p != text;
}

static bool parse_cpus(struct file_words *w, const char *value)
{
    const char *end;
    uint64_t n;
    if (!number(value, &end, &n) || *end != 0 || n == 0 || n > CPUS_MAX) {
        return false;
    }
    w->options.cpus = (uint32_t)n;
    return true;
}

static bool parse_memory(struct file_words *w, const char *value)
{
    const char *end;
    uint64_t n;
    if (!number(value, &end, &n) || *end == 0 || end[1] != 0) {
        return false;
    }
    uint32_t shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift == 0 || n > MEMORY_MAX >> shift) {
        return false;
    }
    w->options.memory = n << shift;
    return w->options.memory >= MEMORY_MIN && w->options.memory % MEMORY_STEP == 0;
}

static bool parse_kind(struct file_words *w, const char *value)
{
    static const struct {
        const char *word;
        enum file_kind kind;
        enum guest_kind guest;
    } kinds[] = {
        {"linux", FILE_MAIN, GUEST_LINUX},           {"pvh", FILE_MAIN, GUEST_PVH},
        {"multiboot", FILE_MAIN, GUEST_MULTIBOOT},   {"firmware", FILE_MAIN, GUEST_FIRMWARE},
        {"bootsector", FILE_MAIN, GUEST_BOOTSECTOR}, {"initrd", FILE_INITRD, GUEST_NONE},
        {"module", FILE_MODULE, GUEST_NONE},         {"disk", FILE_DISK, GUEST_NONE},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(value, kinds[i].word) == 0) {
            w->kind = kinds[i].kind;
            w->guest_kind = kinds[i].guest;
            return true;
        }
    }
    return false;
}

/* A name has to fit on a console line and in a sentence. */
static bool parse_name(struct file_words *w, const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || length >= GUEST_NAME) {
        return false;
    }
    for (const char *p = value; *p != 0; p++) {
        bool good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' ||
                    *p == '_' || *p == '.';
        if (!good) {
            return false;
        }
    }
    memcpy(w->name, value, length + 1);
    return true;
}

static bool parse_choice(bool *to, const char *value, const char *yes, const char *no)
{
    *to = strcmp(value, yes) == 0;
    return *to || strcmp(value, no) == 0;
}

static bool parse_apic(struct file_words *w, const char *value)
{
    return parse_choice(&w->options.x2apic, value, "x2apic", "xapic");
}

static bool parse_hypervisor(struct file_words *w, const char *value)
{
    return parse_choice(&w->options.kvm_signature, value, "kvm", "none");
}

static bool parse_console(struct file_words *w, const char *value)
{
    return parse_choice(&w->options.virtio_console, value, "virtio", "serial");
}

static bool parse_menu(struct file_words *w, const char *value)
{
    (void)value;
    w->options.boot_menu = true;
    return true;
}

static bool parse_readonly(struct file_words *w, const char *value)
{
    (void)value;
    w->readonly = true;
    return true;
}

struct option {
    const char *word; /* with a "=" at its end, a value follows */
    bool (*parse)(struct file_words *w, const char *value);
    const char *wrong; /* a sentence; %s is the word */
    bool main;         /* only a guest's main file has it */
};

static const struct option options[] = {
    {"guest=", parse_name, "%s is no name: up to 31 letters, digits, dots, hyphens and underscores", false},
    {"kind=", parse_kind,
     "%s is not known: a kind is linux, pvh, multiboot, firmware, bootsector, initrd, module or disk", false},
    {"cpus=", parse_cpus, "%s is not possible: cpus= takes a number from 1 to 64", true},
    {"memory=", parse_memory, "%s is not possible: memory= takes a size like 256M or 2G, at least 1M, whole 4K", true},
    {"apic=", parse_apic, "%s is not known: apic= is x2apic or xapic", true},
    {"hypervisor=", parse_hypervisor, "%s is not known: hypervisor= is kvm or none", true},
    {"console=", parse_console, "%s is not known: console= is serial or virtio", true},
    {"menu", parse_menu, NULL, true},
    {"readonly", parse_readonly, NULL, false},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))
#define GIVEN_GUEST 1u /* the first two of `options` */
#define GIVEN_KIND 2u

static bool starts_with(const char *word, const char *prefix)
{
    size_t length = strlen(prefix);
    return strlen(word) >= length && memcmp(word, prefix, length) == 0;
}

/* The option that a word gives; OPTION_COUNT: none. */
static size_t find_option(const char *word)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *name = options[i].word;
        bool has_value = name[strlen(name) - 1] == '=';
        if (has_value ? starts_with(word, name) : strcmp(word, name) == 0) {
            return i;
        }
    }
    return OPTION_COUNT;
}

static bool parse_word(const struct config_problem *p, struct file_words *w, const char *word, uint32_t *given)
{
    size_t i = find_option(word);
    if (i == OPTION_COUNT) {
        return config_fail(p, "the option %s is not known", word);
    }
    if ((*given & 1u << i) != 0) {
        return config_fail(p, "%s comes after another of its kind", word);
    }
    *given |= 1u << i;
    w->main_option = w->main_option || options[i].main;
    return options[i].parse(w, word + strlen(options[i].word)) || config_fail(p, options[i].wrong, word);
}

/* The next word of *text into `word`; false: none is left. */
static bool next_word(const char **text, char word[WORD], bool *too_long)
{
    const char *p = *text;
    size_t length = 0;
    while (*p == ' ') {
        p++;
    }
    while (p[length] != 0 && p[length] != ' ') {
        length++;
    }
    *too_long = length >= WORD;
    size_t kept = length < WORD ? length : WORD - 1;
    memcpy(word, p, kept);
    word[kept] = 0;
    *text = p + length;
    return length != 0;
}

/* Before it may stand the file's name, which boot loaders and people put there. */
static bool begins_options(const char *word)
{
    for (const char *p = word; *p != 0; p++) {
        if (*p == '=') {
            return true;
        }
    }
    return find_option(word) != OPTION_COUNT;
}

static bool parse_words(const struct config_problem *p, const char *text, struct file_words *w, uint32_t *given)
{
    char word[WORD];
    bool too_long, begun = false;
    while (next_word(&text, word, &too_long)) {
        if (strcmp(word, "--") == 0) {
            w->rest = *text == ' ' ? text + 1 : text;
            return true;
        }
        begun = begun || begins_options(word);
        if (begun && too_long) {
            return config_fail(p, "the word that begins with %s is too long", word);
        }
        if (begun && !parse_word(p, w, word, given)) {
            return false;
        }
    }
    return true;
}

bool file_words_parse(const struct config_problem *p, const char *text, struct file_words *w)
{
    uint32_t given = 0;
    *w = (struct file_words){.rest = ""};
    w->options = (struct guest_config){.cpus = 1, .memory = DEFAULT_MEMORY, .x2apic = true, .kvm_signature = true};
    if (strlen(text) >= GUEST_TEXT_MAX) {
        return config_fail(p, "its text has %s characters, so the end may be missing", "511 or more");
    }
    if (!parse_words(p, text, w, &given)) {
        return false;
    }
    if ((given & GIVEN_GUEST) == 0) {
        return config_fail(p, "%s is missing: it says whose file this is", "guest=");
    }
    return (given & GIVEN_KIND) != 0 || config_fail(p, "%s is missing: it says what the file is", "kind=");
}

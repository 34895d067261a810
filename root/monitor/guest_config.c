/* SPDX-License-Identifier: MIT */
#include "root/monitor/guest_config.h"

#include "root/lib/format.h"
#include "root/lib/string.h"

#define WORD 64u
#define DEFAULT_MEMORY (128ull << 20)
#define MEMORY_MIN (1ull << 20)
#define MEMORY_MAX (1ull << 40)
#define CPUS_MAX 64u

enum file_kind { FILE_MAIN, FILE_INITRD, FILE_MODULE, FILE_DISK };

/* One module's words. */
struct description {
    char name[GUEST_NAME];
    enum file_kind kind;
    enum guest_kind guest_kind;
    bool has_name, has_kind;
    struct guest_config options; /* what was given; the fields' defaults elsewhere */
    bool readonly, main_option;
    const char *rest; /* behind " -- ", or "" */
};

struct parser {
    uint32_t module; /* from 1, for sentences */
    char *problem;
    size_t problem_size;
};

static bool fail(const struct parser *p, const char *format, const char *word)
{
    int used = snprintf(p->problem, p->problem_size, "module %u: ", p->module);
    (void)snprintf(p->problem + used, p->problem_size - (size_t)used, format, word);
    return false;
}

const char *guest_kind_name(enum guest_kind kind)
{
    static const char *const names[] = {
        [GUEST_NONE] = "nothing",        [GUEST_LINUX] = "Linux",       [GUEST_PVH] = "Linux by PVH",
        [GUEST_MULTIBOOT] = "multiboot", [GUEST_FIRMWARE] = "firmware", [GUEST_BOOTSECTOR] = "boot sector"};
    return names[kind];
}

void guest_config_unquote(const char *text, char *to)
{
    for (; *text != 0; text++) {
        if (*text == '"') {
            continue;
        }
        if (*text == '\\' && text[1] != 0) {
            text++;
        }
        *to++ = *text;
    }
    *to = 0;
}

static bool starts_with(const char *word, const char *prefix)
{
    size_t length = strlen(prefix);
    return strlen(word) >= length && memcmp(word, prefix, length) == 0;
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

static bool parse_cpus(struct description *d, const char *value)
{
    const char *end;
    uint64_t n;
    if (!number(value, &end, &n) || *end != 0 || n == 0 || n > CPUS_MAX) {
        return false;
    }
    d->options.cpus = (uint32_t)n;
    return true;
}

static bool parse_memory(struct description *d, const char *value)
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
    d->options.memory = n << shift;
    return d->options.memory >= MEMORY_MIN && d->options.memory % 4096 == 0;
}

static bool parse_kind(struct description *d, const char *value)
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
            d->kind = kinds[i].kind;
            d->guest_kind = kinds[i].guest;
            d->has_kind = true;
            return true;
        }
    }
    return false;
}

static bool parse_choice(bool *to, const char *value, const char *yes, const char *no)
{
    *to = strcmp(value, yes) == 0;
    return *to || strcmp(value, no) == 0;
}

/* A name has to fit on a console line and in a sentence. */
static bool parse_name(struct description *d, const char *value)
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
    memcpy(d->name, value, length + 1);
    d->has_name = true;
    return true;
}

/* Options of the main file alone. */
static bool parse_main_option(const struct parser *p, struct description *d, const char *word)
{
    bool good;
    d->main_option = true;
    if (starts_with(word, "cpus=")) {
        good = parse_cpus(d, word + 5);
        return good ? true : fail(p, "%s is not possible: cpus= takes a number from 1 to 64", word);
    }
    if (starts_with(word, "memory=")) {
        good = parse_memory(d, word + 7);
        return good ? true : fail(p, "%s is not possible: memory= takes a size like 256M or 2G, at least 1M", word);
    }
    if (starts_with(word, "apic=")) {
        good = parse_choice(&d->options.x2apic, word + 5, "x2apic", "xapic");
        return good ? true : fail(p, "%s is not known: apic= is x2apic or xapic", word);
    }
    if (starts_with(word, "hypervisor=")) {
        good = parse_choice(&d->options.kvm_signature, word + 11, "kvm", "none");
        return good ? true : fail(p, "%s is not known: hypervisor= is kvm or none", word);
    }
    if (starts_with(word, "console=")) {
        good = parse_choice(&d->options.virtio_console, word + 8, "virtio", "serial");
        return good ? true : fail(p, "%s is not known: console= is serial or virtio", word);
    }
    if (strcmp(word, "menu") == 0) {
        d->options.boot_menu = true;
        return true;
    }
    return fail(p, "the option %s is not known", word);
}

static bool parse_word(const struct parser *p, struct description *d, const char *word)
{
    if (starts_with(word, "guest=")) {
        if (d->has_name) {
            return fail(p, "%s comes after another guest=", word);
        }
        return parse_name(d, word + 6)
                   ? true
                   : fail(p, "%s is no name: up to 31 letters, digits, dots, hyphens and underscores", word);
    }
    if (starts_with(word, "kind=")) {
        if (d->has_kind) {
            return fail(p, "%s comes after another kind=", word);
        }
        return parse_kind(d, word + 5) ? true
                                       : fail(p,
                                              "%s is not known: a kind is linux, pvh, multiboot, firmware, bootsector, "
                                              "initrd, module or disk",
                                              word);
    }
    if (strcmp(word, "readonly") == 0) {
        d->readonly = true;
        return true;
    }
    return parse_main_option(p, d, word);
}

/* The next word of *text into `word`; false: none is left, or it is the "--". */
static bool next_word(const char **text, char *word, bool *too_long)
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

static bool has_sign(const char *word)
{
    for (; *word != 0; word++) {
        if (*word == '=') {
            return true;
        }
    }
    return false;
}

static bool parse_text(const struct parser *p, const char *text, struct description *d)
{
    char word[WORD];
    bool too_long, begun = false;
    *d = (struct description){.rest = ""};
    d->options = (struct guest_config){.cpus = 1, .memory = DEFAULT_MEMORY, .x2apic = true, .kvm_signature = true};
    if (strlen(text) >= GUEST_TEXT_MAX) {
        return fail(p, "its text has %s characters, so the end may be missing", "511 or more");
    }
    while (next_word(&text, word, &too_long)) {
        if (strcmp(word, "--") == 0) {
            d->rest = *text == ' ' ? text + 1 : text;
            break;
        }
        begun = begun || has_sign(word);
        if (!begun) {
            continue; /* the file's name, which boot loaders put there */
        }
        if (too_long) {
            return fail(p, "the word that begins with %s is too long", word);
        }
        if (!parse_word(p, d, word)) {
            return false;
        }
    }
    if (!d->has_name) {
        return fail(p, "%s is missing: it says whose file this is", "guest=");
    }
    return d->has_kind ? true : fail(p, "%s is missing: it says what the file is", "kind=");
}

static struct guest_config *find(struct guest_configs *out, const char *name)
{
    for (uint32_t i = 0; i < out->count; i++) {
        if (strcmp(out->guests[i].name, name) == 0) {
            return &out->guests[i];
        }
    }
    if (out->count == GUEST_MAX) {
        return NULL;
    }
    struct guest_config *g = &out->guests[out->count++];
    memcpy(g->name, name, GUEST_NAME);
    return g;
}

static void set_main(struct guest_config *g, const struct description *d, const struct boot_file *file)
{
    g->kind = d->guest_kind;
    g->main = *file;
    g->command_line = d->rest;
    g->cpus = d->options.cpus;
    g->memory = d->options.memory;
    g->x2apic = d->options.x2apic;
    g->kvm_signature = d->options.kvm_signature;
    g->virtio_console = d->options.virtio_console;
    g->boot_menu = d->options.boot_menu;
}

static bool add_file(const struct parser *p, struct guest_config *g, const struct description *d,
                     const struct boot_file *file)
{
    if (d->kind != FILE_MAIN && d->main_option) {
        return fail(p, "guest %s: cpus=, memory= and the like belong to the guest's first file", g->name);
    }
    if (d->readonly && d->kind != FILE_DISK) {
        return fail(p, "guest %s: readonly is for disks", g->name);
    }
    struct boot_file named = {file->data, file->size, d->rest};
    switch (d->kind) {
    case FILE_MAIN:
        if (g->kind != GUEST_NONE) {
            return fail(p, "guest %s has two files to start from", g->name);
        }
        set_main(g, d, &named);
        return true;
    case FILE_INITRD:
        if (g->initrd.data != NULL) {
            return fail(p, "guest %s has two initrds", g->name);
        }
        g->initrd = named;
        return true;
    case FILE_MODULE:
        if (g->module_count == GUEST_MAX_MODULES) {
            return fail(p, "guest %s has more than 8 modules", g->name);
        }
        g->modules[g->module_count++] = named;
        return true;
    default:
        if (g->disk_count == GUEST_MAX_DISKS) {
            return fail(p, "guest %s has more than 4 disks", g->name);
        }
        g->disks[g->disk_count++] = (struct guest_disk){named, d->readonly};
        return true;
    }
}

static bool check_guest(const struct parser *p, const struct guest_config *g)
{
    bool is_linux = g->kind == GUEST_LINUX || g->kind == GUEST_PVH;
    if (g->kind == GUEST_NONE) {
        (void)snprintf(p->problem, p->problem_size, "guest %s has nothing to start: no kernel, firmware or boot sector",
                       g->name);
        return false;
    }
    if (g->initrd.data != NULL && !is_linux) {
        (void)snprintf(p->problem, p->problem_size, "guest %s has an initrd, which only Linux takes", g->name);
        return false;
    }
    if (g->module_count != 0 && g->kind != GUEST_MULTIBOOT) {
        (void)snprintf(p->problem, p->problem_size, "guest %s has modules, which only multiboot kernels take", g->name);
        return false;
    }
    if (g->virtio_console && g->disk_count == GUEST_MAX_DISKS) {
        (void)snprintf(p->problem, p->problem_size, "guest %s has 4 disks, so there is no slot left for console=virtio",
                       g->name);
        return false;
    }
    return true;
}

bool guest_config_parse(const struct boot_file *files, uint32_t count, struct guest_configs *out, char *problem,
                        size_t problem_size)
{
    struct parser p = {0, problem, problem_size};
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < count; i++) {
        struct description d;
        p.module = i + 1;
        if (!parse_text(&p, files[i].text, &d)) {
            return false;
        }
        struct guest_config *g = find(out, d.name);
        if (g == NULL) {
            return fail(&p, "guest %s is one too many: up to 8 are possible", d.name);
        }
        if (!add_file(&p, g, &d, &files[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!check_guest(&p, &out->guests[i])) {
            return false;
        }
    }
    return true;
}

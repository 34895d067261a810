/* SPDX-License-Identifier: MIT */
#include "root/monitor/guest_config.h"

#include "root/lib/format.h"
#include "root/lib/string.h"
#include "root/monitor/guest_words.h"

const char *guest_kind_name(enum guest_kind kind)
{
    static const char *const names[] = {
        [GUEST_NONE] = "nothing",        [GUEST_LINUX] = "Linux",       [GUEST_PVH] = "Linux by PVH",
        [GUEST_MULTIBOOT] = "multiboot", [GUEST_FIRMWARE] = "firmware", [GUEST_BOOTSECTOR] = "boot sector"};
    return names[kind];
}

void guest_config_unquote(const char *text, char *to)
{
    size_t length = strlen(text);
    if (length >= GUEST_TEXT_MAX) {
        memcpy(to, text, length + 1);
        return;
    }
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

static void set_main(struct guest_config *g, const struct file_words *w, const struct boot_file *file)
{
    g->kind = w->guest_kind;
    g->main = *file;
    g->command_line = w->rest;
    g->cpus = w->options.cpus;
    g->memory = w->options.memory;
    g->x2apic = w->options.x2apic;
    g->kvm_signature = w->options.kvm_signature;
    g->virtio_console = w->options.virtio_console;
    g->boot_menu = w->options.boot_menu;
}

static bool takes_text(enum guest_kind kind)
{
    return kind == GUEST_LINUX || kind == GUEST_PVH || kind == GUEST_MULTIBOOT;
}

/* Words that this kind of file does not have. */
static bool check_words(const struct config_problem *p, const struct guest_config *g, const struct file_words *w)
{
    bool has_text = w->kind == FILE_MODULE || takes_text(w->guest_kind);
    if (w->kind != FILE_MAIN && w->main_option) {
        return config_fail(p, "guest %s: cpus=, memory= and the like belong to the file it starts from", g->name);
    }
    if (w->readonly && w->kind != FILE_DISK) {
        return config_fail(p, "guest %s: readonly is for disks", g->name);
    }
    if (w->options.boot_menu && w->guest_kind != GUEST_FIRMWARE) {
        return config_fail(p, "guest %s: menu is for firmware", g->name);
    }
    if (w->rest[0] != 0 && !has_text) {
        return config_fail(p, "guest %s: only kernels and modules take a text after --", g->name);
    }
    return true;
}

static bool add_file(const struct config_problem *p, struct guest_config *g, const struct file_words *w,
                     const struct boot_file *file)
{
    struct boot_file named = {file->data, file->size, w->rest};
    switch (w->kind) {
    case FILE_MAIN:
        if (g->kind != GUEST_NONE) {
            return config_fail(p, "guest %s has two files to start from", g->name);
        }
        set_main(g, w, &named);
        return true;
    case FILE_INITRD:
        if (g->initrd.data != NULL) {
            return config_fail(p, "guest %s has two initrds", g->name);
        }
        g->initrd = named;
        return true;
    case FILE_MODULE:
        if (g->module_count == GUEST_MAX_MODULES) {
            return config_fail(p, "guest %s has more than 8 modules", g->name);
        }
        g->modules[g->module_count++] = named;
        return true;
    default:
        if (g->disk_count == GUEST_MAX_DISKS) {
            return config_fail(p, "guest %s has more than 4 disks", g->name);
        }
        g->disks[g->disk_count++] = (struct guest_disk){named, w->readonly};
        return true;
    }
}

static bool check_guest(const struct config_problem *p, const struct guest_config *g)
{
    bool is_linux = g->kind == GUEST_LINUX || g->kind == GUEST_PVH;
    if (g->kind == GUEST_NONE) {
        (void)snprintf(p->text, p->size, "guest %s has nothing to start: no kernel, firmware or boot sector", g->name);
        return false;
    }
    if (g->initrd.data != NULL && !is_linux) {
        (void)snprintf(p->text, p->size, "guest %s has an initrd, which only Linux takes", g->name);
        return false;
    }
    if (g->module_count != 0 && g->kind != GUEST_MULTIBOOT) {
        (void)snprintf(p->text, p->size, "guest %s has modules, which only multiboot kernels take", g->name);
        return false;
    }
    if (g->virtio_console && g->disk_count == GUEST_MAX_DISKS) {
        (void)snprintf(p->text, p->size, "guest %s has 4 disks, so there is no slot left for console=virtio", g->name);
        return false;
    }
    return true;
}

bool guest_config_parse(const struct boot_file *files, uint32_t count, struct guest_configs *out, char *problem,
                        size_t problem_size)
{
    struct config_problem p = {0, problem, problem_size};
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < count; i++) {
        struct file_words w;
        p.module = i + 1;
        if (!file_words_parse(&p, files[i].text, &w)) {
            return false;
        }
        struct guest_config *g = find(out, w.name);
        if (g == NULL) {
            return config_fail(&p, "guest %s is one too many: up to 8 are possible", w.name);
        }
        if (!check_words(&p, g, &w) || !add_file(&p, g, &w, &files[i])) {
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

/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/guest_config.c root/monitor/guest_words.c */
#include <stdbool.h>
#include <string.h>

#include "root/monitor/guest_config.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define FILES 24u
#define TEXT 512u

static char *texts[FILES]; /* each of its exact size, for the sanitizer */
static struct boot_file files[FILES];
static uint8_t content[FILES];

static void append(char *text, const char *word)
{
    size_t used = strlen(text), size = strlen(word);
    size = size < TEXT - 1 - used ? size : TEXT - 1 - used;
    memcpy(text + used, word, size);
    text[used + size] = 0;
}

/* Words that mean something, numbers and bytes as they come. */
static void write_text(char *text, struct tape *t)
{
    static const char *const words[] = {
        "guest=a ",
        "guest=b ",
        "guest=",
        "kind=linux ",
        "kind=pvh ",
        "kind=multiboot ",
        "kind=module",
        "kind=initrd ",
        "kind=disk ",
        "kind=firmware ",
        "kind=bootsector ",
        "cpus=",
        "memory=",
        "apic=xapic ",
        "apic=x2apic ",
        "hypervisor=none ",
        "console=virtio ",
        "menu ",
        "readonly ",
        " -- ",
        "\"",
        "\\",
        "9",
        "M ",
        "G ",
        "/boot/vmlinuz ",
        "-",
        " ",
        "kind=",
        "console=serial ",
    };
    uint32_t count = tape_choose(t, 24);
    text[0] = 0;
    if (tape_choose(t, 4) != 3) {
        append(text, tape_choose(t, 3) == 2 ? "guest=b " : "guest=a ");
        append(text, words[3 + tape_choose(t, 8)]);
        append(text, " ");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t choice = tape_choose(t, 40);
        char byte[2] = {(char)tape_byte(t), 0};
        append(text, choice < sizeof(words) / sizeof(words[0]) ? words[choice] : byte);
    }
}

static void make(uint32_t count, struct tape *t)
{
    for (uint32_t i = 0; i < count; i++) {
        char raw[TEXT], text[TEXT];
        write_text(raw, t);
        guest_config_unquote(raw, text);
        CHECK(strlen(text) <= strlen(raw));
        texts[i] = strdup(text);
        files[i] = (struct boot_file){&content[i], i, texts[i]};
    }
}

/* The text is the end of one of those given. */
static bool is_given(const char *rest, const uint8_t *data)
{
    const char *text = texts[data - content];
    size_t length = strlen(text);
    return rest[0] == 0 || (rest >= text && rest <= text + length);
}

static void check_guest(const struct guest_config *g)
{
    bool is_linux = g->kind == GUEST_LINUX || g->kind == GUEST_PVH;
    CHECK(g->kind != GUEST_NONE && g->kind <= GUEST_BOOTSECTOR);
    CHECK(strlen(g->name) > 0 && memchr(g->name, 0, sizeof(g->name)) != NULL);
    CHECK(g->cpus >= 1 && g->cpus <= 64 && g->memory >= 1 << 20 && g->memory <= 1ull << 40 && g->memory % 4096 == 0);
    CHECK(g->disk_count <= GUEST_MAX_DISKS && g->module_count <= GUEST_MAX_MODULES);
    CHECK(g->disk_count < GUEST_MAX_DISKS || !g->virtio_console);
    CHECK(g->initrd.data == NULL || is_linux);
    CHECK(g->module_count == 0 || g->kind == GUEST_MULTIBOOT);
    CHECK(!g->boot_menu || g->kind == GUEST_FIRMWARE);
    CHECK(is_given(g->command_line, g->main.data));
    for (uint32_t i = 0; i < g->module_count; i++) {
        CHECK(is_given(g->modules[i].text, g->modules[i].data));
    }
}

/* Every file is one guest's, once. */
static uint32_t count_files(const struct guest_configs *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct guest_config *g = &out->guests[i];
        count += 1 + (g->initrd.data != NULL ? 1 : 0) + g->disk_count + g->module_count;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guest_configs out;
    struct tape t = {data, size};
    char problem[GUEST_CONFIG_PROBLEM];
    uint32_t count = 1 + tape_choose(&t, tape_choose(&t, 2) == 0 ? 3 : FILES);

    make(count, &t);
    problem[0] = 0;
    if (guest_config_parse(files, count, &out, problem, sizeof(problem))) {
        CHECK(out.count >= 1 && out.count <= GUEST_MAX && count_files(&out) == count);
        for (uint32_t i = 0; i < out.count; i++) {
            check_guest(&out.guests[i]);
        }
    } else {
        CHECK(strlen(problem) > 10 && strlen(problem) + 1 < sizeof(problem));
    }
    for (uint32_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    return 0;
}

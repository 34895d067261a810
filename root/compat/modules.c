/* SPDX-License-Identifier: MIT */
/* The image's modules as files: a module's name is the first word of its command line. */
#include "root/compat/names.h"
#include "root/compat/stream.h"
#include "root/compat/string.h"
#include "root/compat/thread_state.h"

static const struct whb_handoff *machine;

void modules_init(const struct whb_handoff *handoff)
{
    machine = handoff;
}

/* A boot loader may give the name with its path. */
static bool is_named(const struct whb_module *module, const char *name)
{
    char word[WHB_HANDOFF_CMDLINE];
    size_t length = strcspn(module->cmdline, " ");
    memcpy(word, module->cmdline, length);
    word[length] = 0;
    return strcasecmp(name_last_part(word), name) == 0;
}

const struct whb_module *module_find(const char *path)
{
    const char *name = name_last_part(path);
    for (uint32_t i = 0; *name != 0 && i < machine->module_count; i++) {
        if (is_named(&machine->modules[i], name)) {
            return &machine->modules[i];
        }
    }
    return NULL;
}

size_t module_read(const struct whb_module *module, uint64_t position, void *to, size_t size)
{
    if (position >= module->size) {
        return 0;
    }
    size_t there = module->size - position < size ? (size_t)(module->size - position) : size;
    memcpy(to, (const void *)(uintptr_t)(module->base + position), there);
    return there;
}

/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/load_linux.c root/monitor/load_problem.c root/monitor/e820.c */
#include <stdbool.h>
#include <string.h>

#include "root/monitor/e820.h"
#include "root/monitor/load_linux.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"

#define MIB 0x100000u
#define FILL 0xcc
#define FILE_MAX 0x4000u
#define LOW_MAX (MIB + 0x40000u)
#define MARK 0x5a

struct input {
    uint8_t *file, *initrd_data; /* of their exact sizes, for the sanitizer */
    struct boot_file kernel, initrd;
    struct guest_memory memory;
    char line[256];
};

static void set(struct input *in, size_t at, uint64_t value, size_t size)
{
    if (at + size <= in->kernel.size) {
        memcpy(in->file + at, &value, size);
    }
}

static uint64_t at(const uint8_t *data, size_t offset, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, data + offset, size);
    return value;
}

/* Mostly a sound header, with one field or the other as the tape has it. */
static void set_header(struct input *in, struct tape *t)
{
    static const struct {
        uint16_t offset, size;
        uint64_t value;
    } sound[] = {
        {0x1f1, 1, 4},          {0x1f4, 4, 0},        {0x1fe, 2, 0xaa55}, {0x201, 1, 0x6a}, {0x202, 4, 0x53726448},
        {0x206, 2, 0x20f},      {0x211, 1, 1},        {0x236, 2, 3},      {0x238, 4, 200},  {0x230, 4, 0x1000},
        {0x22c, 4, 0x7fffffff}, {0x258, 8, 0x100000}, {0x260, 4, 0x2000},
    };
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
        uint32_t how = tape_choose(t, 16);
        uint64_t value = how == 15 ? tape_u64(t) : how >= 12 ? tape_address(t) + sound[i].value : sound[i].value;
        set(in, sound[i].offset, value, sound[i].size);
    }
}

static void make(struct input *in, struct tape *t)
{
    memset(in, 0, sizeof(*in));
    in->kernel.size = tape_choose(t, 8) == 7 ? tape_u64(t) % FILE_MAX : 0x1000 + tape_address(t) % 0x2000;
    in->file = malloc(in->kernel.size + 1); /* not NULL for 0 */
    memset(in->file, MARK, in->kernel.size);
    in->initrd.size = tape_choose(t, 8) == 7 ? tape_u64(t) : tape_address(t) % 0x50000;
    size_t real = in->initrd.size < LOW_MAX ? in->initrd.size : 0; /* more is refused before it is read */
    in->initrd_data = malloc(real + 1);
    memset(in->initrd_data, MARK + 1, real);
    in->memory.low_size = MIB + (tape_address(t) & 0x3f000);
    in->memory.low = malloc(in->memory.low_size);
    in->memory.high_size = tape_choose(t, 2) * 0x10000u;
    in->memory.high = in->memory.high_size == 0 ? NULL : malloc(in->memory.high_size);
    memset(in->memory.low, FILL, in->memory.low_size);
    memset(in->line, 'x', tape_byte(t));
    in->kernel.data = in->file;
    in->initrd.data = in->initrd_data;
    set_header(in, t);
}

static void check_loaded(const struct input *in, const struct boot_state *s, bool has_initrd)
{
    const uint8_t *low = in->memory.low, *z = low + s->rsi;
    uint64_t begin = s->rip - 0x200, end = begin + at(z, 0x260, 4);
    uint64_t initrd = at(z, 0x218, 4), size = at(z, 0x21c, 4), setup = (at(in->file, 0x1f1, 1) + 1) * 512;
    CHECK(s->mode == BOOT_LONG && s->rsi + 0x1000 <= MIB && begin >= MIB && end <= in->memory.low_size);
    setup = setup == 512 ? 5 * 512u : setup;
    CHECK(memcmp(low + begin, in->file + setup, in->kernel.size - setup) == 0);
    CHECK(strcmp((const char *)low + at(z, 0x228, 4), in->line) == 0);
    CHECK(size == (has_initrd ? in->initrd.size : 0));
    if (size != 0) {
        CHECK(initrd % 4096 == 0 && initrd >= end && initrd >= begin + in->kernel.size - setup);
        CHECK(initrd + size <= in->memory.low_size && memcmp(low + initrd, in->initrd_data, size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input in;
    struct tape t = {data, size};
    struct boot_state state;
    struct e820_map map;

    make(&in, &t);
    bool has_initrd = tape_choose(&t, 4) != 0;
    e820_for_guest(&map, &in.memory);
    const char *problem =
        load_linux(&in.memory, &in.kernel, has_initrd ? &in.initrd : NULL, in.line, &map, 0xe0000, &state);
    if (problem == NULL) {
        check_loaded(&in, &state, has_initrd);
    } else {
        CHECK(problem[0] != 0 && strlen(problem) < 160);
        for (uint64_t i = 0; i < in.memory.low_size; i += 64) {
            CHECK(in.memory.low[i] == FILL);
        }
    }
    free(in.file);
    free(in.initrd_data);
    free(in.memory.low);
    free(in.memory.high);
    return 0;
}

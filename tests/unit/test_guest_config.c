/* SPDX-License-Identifier: MIT */
/* sources: root/monitor/guest_config.c root/monitor/guest_words.c */
#include <stdio.h>
#include <string.h>

#include "root/monitor/guest_config.h"
#include "tests/unit/cmocka_tests.h"

static uint8_t bytes[64];
static struct guest_configs out;
static char problem[GUEST_CONFIG_PROBLEM];

static bool parse(const char *const *texts, uint32_t count)
{
    static struct boot_file files[40];
    for (uint32_t i = 0; i < count; i++) {
        files[i] = (struct boot_file){&bytes[i], i + 1, texts[i]};
    }
    problem[0] = 0;
    return guest_config_parse(files, count, &out, problem, sizeof(problem));
}

#define PARSE(...)                                                                                                     \
    parse((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The sentence begins and goes on as given. */
#define REFUSED(words, ...)                                                                                            \
    do {                                                                                                               \
        assert_false(PARSE(__VA_ARGS__));                                                                              \
        if (strstr(problem, words) == NULL) {                                                                          \
            fail_msg("\"%s\" does not say \"%s\"", problem, words);                                                    \
        }                                                                                                              \
    } while (0)

static void test_the_documented_example(void **state)
{
    (void)state;
    assert_true(PARSE("guest=demo kind=linux cpus=2 memory=256M -- console=ttyS0 quiet", "guest=demo kind=initrd",
                      "guest=demo kind=disk readonly"));
    const struct guest_config *g = &out.guests[0];
    assert_int_equal(out.count, 1);
    assert_string_equal(g->name, "demo");
    assert_int_equal(g->kind, GUEST_LINUX);
    assert_int_equal(g->cpus, 2);
    assert_int_equal(g->memory, 256 << 20);
    assert_string_equal(g->command_line, "console=ttyS0 quiet");
    assert_ptr_equal(g->main.data, &bytes[0]);
    assert_int_equal(g->main.size, 1);
    assert_ptr_equal(g->initrd.data, &bytes[1]);
    assert_int_equal(g->disk_count, 1);
    assert_ptr_equal(g->disks[0].file.data, &bytes[2]);
    assert_true(g->disks[0].readonly);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_true(PARSE("guest=a kind=pvh", "kind=disk guest=a"));
    const struct guest_config *g = &out.guests[0];
    assert_int_equal(g->cpus, 1);
    assert_int_equal(g->memory, 128 << 20);
    assert_true(g->x2apic);
    assert_true(g->kvm_signature);
    assert_false(g->virtio_console);
    assert_false(g->boot_menu);
    assert_string_equal(g->command_line, "");
    assert_null(g->initrd.data);
    assert_false(g->disks[0].readonly);
}

static void test_all_options(void **state)
{
    (void)state;
    assert_true(PARSE("menu hypervisor=none console=virtio apic=xapic memory=2G cpus=64 kind=firmware guest=f"));
    const struct guest_config *g = &out.guests[0];
    assert_int_equal(g->kind, GUEST_FIRMWARE);
    assert_int_equal(g->cpus, 64);
    assert_int_equal(g->memory, 2ull << 30);
    assert_false(g->x2apic);
    assert_false(g->kvm_signature);
    assert_true(g->virtio_console);
    assert_true(g->boot_menu);
    assert_true(PARSE("guest=f kind=bootsector hypervisor=kvm console=serial apic=x2apic memory=1024K"));
    assert_true(g->x2apic && g->kvm_signature && !g->virtio_console);
    assert_int_equal(g->memory, 1 << 20);
}

static void test_two_guests_in_any_order(void **state)
{
    (void)state;
    assert_true(PARSE("guest=b kind=module -- second first", "guest=a kind=linux", "guest=b kind=multiboot -- x",
                      "guest=b kind=module", "guest=a kind=disk"));
    assert_int_equal(out.count, 2);
    assert_string_equal(out.guests[0].name, "b");
    assert_int_equal(out.guests[0].kind, GUEST_MULTIBOOT);
    assert_int_equal(out.guests[0].module_count, 2);
    assert_string_equal(out.guests[0].modules[0].text, "second first");
    assert_string_equal(out.guests[0].modules[1].text, "");
    assert_ptr_equal(out.guests[0].modules[1].data, &bytes[3]);
    assert_int_equal(out.guests[1].disk_count, 1);
}

static void test_file_name_is_skipped(void **state)
{
    (void)state;
    assert_true(PARSE("/boot/a-very-long-folder-name/another-one-that-is-long/and-a-third-one/vmlinuz and more "
                      "guest=demo kind=linux"));
    assert_true(PARSE("  /boot/vmlinuz   guest=demo  kind=linux  "));
    REFUSED("module 1: the option more is not known", "guest=demo more kind=linux");
    /* A word that is an option is one, also where the name would be. */
    assert_true(PARSE("guest=a kind=linux", "/boot/disk readonly guest=a kind=disk"));
    assert_true(out.guests[0].disks[0].readonly);
}

static void test_kernel_command_line_is_verbatim(void **state)
{
    (void)state;
    assert_true(PARSE("guest=a kind=linux --  a=b  -- init \"x y\" "));
    assert_string_equal(out.guests[0].command_line, " a=b  -- init \"x y\" ");
    assert_true(PARSE("guest=a kind=linux --"));
    assert_string_equal(out.guests[0].command_line, "");
    assert_true(PARSE("guest=a kind=linux -- guest=b kind=none"));
    REFUSED("module 1: the option --x is not known", "guest=a kind=linux --x");
}

static void test_unknown_words(void **state)
{
    (void)state;
    REFUSED("module 1: kind=windows is not known: a kind is linux,", "guest=a kind=windows");
    REFUSED("module 2: the option sped=3 is not known", "guest=a kind=linux", "guest=a kind=disk sped=3");
    REFUSED("module 1: the option menu=yes is not known", "guest=a kind=firmware menu=yes");
    REFUSED("module 1: apic=none is not known: apic= is", "guest=a kind=linux apic=none");
    REFUSED("hypervisor=xen", "guest=a kind=linux hypervisor=xen");
    REFUSED("console=tty", "guest=a kind=linux console=tty");
    REFUSED("kind=", "guest=a kind=");
    REFUSED("the word that begins with x=aaaa", "guest=a kind=linux x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(PARSE("guest=A-z_0.9aaaaaaaaaaaaaaaaaaaaaaaa kind=linux"));
    REFUSED("is no name", "guest=A-z_0.9aaaaaaaaaaaaaaaaaaaaaaaaa kind=linux");
    REFUSED("is no name", "guest= kind=linux");
    REFUSED("guest=a/b is no name", "guest=a/b kind=linux");
    REFUSED("guest=a\tb is no name", "guest=a\tb kind=linux");
}

static void test_words_given_twice(void **state)
{
    (void)state;
    REFUSED("module 1: guest=b comes after another", "guest=a guest=b kind=linux");
    REFUSED("module 1: kind=linux comes after another", "guest=a kind=linux kind=linux");
    REFUSED("module 1: cpus=2 comes after another", "guest=a kind=linux cpus=1 cpus=2");
    REFUSED("module 1: menu comes after another", "guest=a kind=firmware menu menu");
    REFUSED("module 2: readonly comes after another", "guest=a kind=linux", "guest=a kind=disk readonly readonly");
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "cpus=0",    "cpus=65",     "cpus=",        "cpus=-1",    "cpus=2x",       "cpus=18446744073709551617",
        "memory=1",  "memory=M",    "memory=",      "memory=1T",  "memory=1023K",  "memory=1025K",
        "memory=0M", "memory=2MB",  "memory=1025G", "memory=-1M", "memory= 1M",    "memory=18446744073709551617M",
        "memory=1m", "memory=0x1M", "memory=1.5G",  "cpus=1 2",   "cpus=99999999", "memory=99999999999999999999G",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "guest=a kind=linux %s", bad[i]);
        REFUSED("module 1: ", text);
    }
    assert_true(PARSE("guest=a kind=linux memory=1024G cpus=064"));
    assert_int_equal(out.guests[0].memory, 1ull << 40);
}

static void test_missing_words(void **state)
{
    (void)state;
    REFUSED("module 1: guest= is missing", "kind=linux");
    REFUSED("module 2: kind= is missing", "guest=a kind=linux", "guest=a");
    REFUSED("module 1: guest= is missing", "");
    REFUSED("module 1: guest= is missing", "-- guest=a kind=linux");
}

static void test_files_that_do_not_go_together(void **state)
{
    (void)state;
    REFUSED("module 2: guest a has two files to start from", "guest=a kind=linux", "guest=a kind=firmware");
    REFUSED("guest a has nothing to start", "guest=a kind=disk");
    REFUSED("guest f has an initrd", "guest=f kind=firmware", "guest=f kind=initrd");
    REFUSED("module 3: guest a has two initrds", "guest=a kind=linux", "guest=a kind=initrd", "guest=a kind=initrd");
    REFUSED("guest a has modules", "guest=a kind=linux", "guest=a kind=module");
}

static void test_words_of_another_kind_of_file(void **state)
{
    (void)state;
    REFUSED("module 2: guest a: cpus=, memory=", "guest=a kind=linux", "guest=a kind=disk memory=1M");
    REFUSED("module 1: guest a: readonly is for disks", "guest=a kind=linux readonly");
    REFUSED("module 1: guest a: menu is for firmware", "guest=a kind=linux menu");
    REFUSED("module 2: guest a: only kernels and modules", "guest=a kind=linux", "guest=a kind=initrd -- x");
    REFUSED("module 1: guest a: only kernels and modules", "guest=a kind=bootsector -- x");
}

static void test_too_many(void **state)
{
    (void)state;
    const char *disks[] = {"guest=a kind=linux", "guest=a kind=disk", "guest=a kind=disk",
                           "guest=a kind=disk",  "guest=a kind=disk", "guest=a kind=disk"};
    assert_true(parse(disks, 5));
    assert_false(parse(disks, 6));
    assert_string_equal(problem, "module 6: guest a has more than 4 disks");
    disks[0] = "guest=a kind=linux console=virtio";
    assert_true(parse(disks, 4));
    assert_false(parse(disks, 5));
    const char *guests[] = {"guest=1 kind=linux", "guest=2 kind=linux", "guest=3 kind=linux",
                            "guest=4 kind=linux", "guest=5 kind=linux", "guest=6 kind=linux",
                            "guest=7 kind=linux", "guest=8 kind=linux", "guest=9 kind=linux"};
    assert_true(parse(guests, 8));
    assert_int_equal(out.count, 8);
    assert_false(parse(guests, 9));
    assert_string_equal(problem, "module 9: guest 9 is one too many: up to 8 are possible");
    const char *modules[10] = {"guest=a kind=multiboot"};
    for (int i = 1; i < 10; i++) {
        modules[i] = "guest=a kind=module";
    }
    assert_true(parse(modules, 9));
    assert_false(parse(modules, 10));
}

static void test_text_that_may_be_cut(void **state)
{
    (void)state;
    char text[512], copy[512];
    memset(text, 'x', sizeof(text));
    memcpy(text, "guest=a kind=linux -- ", 22);
    text[510] = 0;
    assert_true(PARSE(text));
    text[510] = '"'; /* quotation marks and backslashes count: they were there when it was cut */
    text[511] = 0;
    REFUSED("module 1: its text has 511 or more", text);
    guest_config_unquote(text, copy);
    REFUSED("module 1: its text has 511 or more", copy);
}

static void test_unquote(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain text", "plain text"},
        {"\"two words\" x", "two words x"},
        {"a=\\\"b c\\\"", "a=\"b c\""},
        {"it\\'s C:\\\\x", "it's C:\\x"},
        {"end\\", "end\\"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char to[64];
        guest_config_unquote(cases[i][0], to);
        assert_string_equal(to, cases[i][1]);
    }
}

static void test_small_room_for_the_sentence(void **state)
{
    (void)state;
    char room[12];
    struct boot_file file = {bytes, 1, "guest=a kind=x"};
    for (size_t size = 1; size <= sizeof(room); size++) {
        memset(room, 'x', sizeof(room));
        assert_false(guest_config_parse(&file, 1, &out, room, size));
        assert_true(strlen(room) < size);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    assert_true(guest_config_parse(NULL, 0, &out, problem, sizeof(problem)));
    assert_int_equal(out.count, 0);
    assert_string_equal(guest_kind_name(GUEST_PVH), "Linux by PVH");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_example),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_two_guests_in_any_order),
        cmocka_unit_test(test_file_name_is_skipped),
        cmocka_unit_test(test_kernel_command_line_is_verbatim),
        cmocka_unit_test(test_unknown_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_words_given_twice),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_missing_words),
        cmocka_unit_test(test_files_that_do_not_go_together),
        cmocka_unit_test(test_words_of_another_kind_of_file),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_text_that_may_be_cut),
        cmocka_unit_test(test_unquote),
        cmocka_unit_test(test_small_room_for_the_sentence),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

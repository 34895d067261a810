/* SPDX-License-Identifier: MIT */
#include "root/service/keys.h"

#include "root/lib/root.h"
#include "root/service/service.h"

#define ESCAPE 0x01u /* Ctrl-A */

/* Of software flow control, which the sender obeys when it is a program (scripts/run) or a terminal that is set so. */
#define XON 0x11u
#define XOFF 0x13u
#define WAITING_MANY (CONSOLE_KEYS / 4) /* room is left for what is on its way: a pseudo-terminal holds 4 KiB */
#define KEYS_AT_ONCE 64u
#define WAITING_FEW (CONSOLE_KEYS / 32)

static uint32_t focus; /* the guest that has the keys */
static bool stopped;   /* XOFF was the last that was sent */
static bool escaped;
static uint32_t seen[GUEST_MAX]; /* how much of an unfinished line each guest had at the last tick */

bool keys_option(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = text; *p != 0;) {
        const char *end = p;
        while (*end != 0 && *end != ' ') {
            end++;
        }
        if ((size_t)(end - p) == length && memcmp(p, word, length) == 0) {
            return true;
        }
        p = *end == 0 ? end : end + 1;
    }
    return false;
}

static void help(void)
{
    console_begin();
    console_add("Ctrl-A and then:\n"
                "  h       this text\n"
                "  x       stop all guests and switch the machine off\n"
                "  s       statistics of the guest's exits so far\n"
                "  n       an NMI for the guest\n"
                "  r       reset the guest\n"
                "  p       press its power button\n"
                "  1 to 8  keys go to guest 1 to 8 from now on\n"
                "  Ctrl-A  Ctrl-A for the guest\n");
    for (uint32_t i = 0; i < run_guest_count(); i++) {
        console_add("  guest %u: %s%s\n", i + 1, run_machine(i)->config->name, i == focus ? ", has the keys" : "");
    }
    console_end();
}

static void take_focus(uint32_t guest)
{
    if (guest < run_guest_count()) {
        focus = guest;
        root_message("[whimbrel-root] keys go to guest %s\n", run_machine(guest)->config->name);
    } else {
        root_message("[whimbrel-root] there are only %u guests\n", run_guest_count());
    }
}

static void press_power_button(struct machine *m)
{
    machine_lock(m);
    acpi_pm_press_power_button(&m->pm);
    machine_unlock(m);
}

static void command(uint8_t key)
{
    struct machine *m = run_machine(focus);
    if (key >= '1' && key <= '8') {
        take_focus((uint32_t)key - '1');
        return;
    }
    switch (key) {
    case 'x':
        for (uint32_t i = 0; i < run_guest_count(); i++) {
            machine_end(run_machine(i), MACHINE_STOPPED);
        }
        break;
    case 's':
        run_statistics(focus);
        break;
    case 'n':
        machine_send_nmi(m);
        break;
    case 'r':
        machine_end(m, MACHINE_RESETS);
        break;
    case 'p':
        press_power_button(m);
        break;
    case ESCAPE:
        machine_input(m, &key, 1);
        break;
    default:
        help();
    }
}

/*
 * With several guests, text that stands without a line's end, a prompt for example, waits in its console. It goes out
 * when a whole tick has brought no more of it.
 */
static bool rests(uint32_t guest)
{
    const struct console *c = &run_machine(guest)->console;
    uint32_t used = __atomic_load_n(&c->used, __ATOMIC_RELAXED);
    return c->label != NULL && used != 0 && used == seen[guest];
}

static bool may_go_on(void)
{
    return stopped && console_waiting(&run_machine(focus)->console) <= WAITING_FEW;
}

static void control_flow(void)
{
    if (may_go_on()) {
        service_take_input();
    } else if (!stopped && console_waiting(&run_machine(focus)->console) >= WAITING_MANY) {
        stopped = true;
        serial_put(XOFF);
    }
}

void service_take_input(void)
{
    stopped = false;
    serial_put(XON);
}

bool service_has_work(void)
{
    bool work = serial_poll() || may_go_on() || machine_takes_input(run_machine(focus));
    for (uint32_t i = 0; i < run_guest_count(); i++) {
        work |= rests(i);
        seen[i] = __atomic_load_n(&run_machine(i)->console.used, __ATOMIC_RELAXED);
    }
    return work;
}

static void let_out_unfinished(void)
{
    for (uint32_t i = 0; i < run_guest_count(); i++) {
        if (rests(i)) {
            machine_lock(run_machine(i));
            console_flush(&run_machine(i)->console);
            machine_unlock(run_machine(i));
        }
    }
}

struct typed {
    uint8_t keys[KEYS_AT_ONCE];
    uint32_t count;
};

static void give(struct typed *t)
{
    struct machine *m = run_machine(focus);
    if (t->count != 0 || machine_takes_input(m)) {
        machine_input(m, t->keys, t->count);
    }
    t->count = 0;
    control_flow();
}

void service_keys(void)
{
    struct typed t = {.count = 0};
    uint8_t key;
    let_out_unfinished();
    while (serial_get(&key)) {
        if (escaped) {
            escaped = false;
            give(&t);
            command(key);
        } else if (key == ESCAPE) {
            escaped = true;
        } else {
            t.keys[t.count++] = key;
        }
        if (t.count == KEYS_AT_ONCE) {
            give(&t);
        }
    }
    give(&t);
}

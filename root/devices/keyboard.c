/* SPDX-License-Identifier: MIT */
/* Commands: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". */
#include "root/devices/keyboard.h"

#define DATA 0u

#define STATUS_OUTPUT 0x01u
#define STATUS_SYSTEM 0x04u
#define STATUS_COMMAND 0x08u
#define STATUS_UNLOCKED 0x10u
#define STATUS_AUX 0x20u /* the byte is from the mouse's side */
#define STATUS_TIMEOUT 0x40u
#define CONFIG_IRQ 0x01u
#define CONFIG_SYSTEM 0x04u
#define CONFIG_KEYBOARD_OFF 0x10u
#define CONFIG_AUX_OFF 0x20u
#define CONFIG_TRANSLATE 0x40u
#define OUTPUT_NO_RESET 0x01u
#define OUTPUT_A20 0x02u
#define OUTPUT_FULL 0x10u
#define OUTPUT_AUX_FULL 0x20u

#define TEST_GOOD 0x55u
#define PORT_GOOD 0x00u
#define PORT_ABSENT 0x02u /* the clock line is stuck low: nothing is there */
#define KEYS_ACK 0xfau
#define KEYS_RESEND 0xfeu
#define KEYS_SELF_TEST_GOOD 0xaau
#define KEYS_FIRST_COMMAND 0x80u /* commands' own data are below; a command may come in their place */

/* Of the byte that the guest reads next. */
static uint8_t output_status(const struct keyboard *k)
{
    return k->count != 0 ? k->queue[k->head].status : 0;
}

/* The mouse's side has its own interrupt, which is not connected. */
static void update(struct keyboard *k)
{
    irq_set(&k->irq, output_status(k) == STATUS_OUTPUT && (k->config & CONFIG_IRQ) != 0);
}

static void put(struct keyboard *k, uint8_t byte, uint8_t status)
{
    if (k->count < KEYBOARD_QUEUE) {
        k->queue[(k->head + k->count++) % KEYBOARD_QUEUE] = (struct keyboard_byte){byte, status};
    }
    update(k);
}

static void answer(struct keyboard *k, uint8_t byte)
{
    put(k, byte, STATUS_OUTPUT);
}

/* Nobody takes the byte: after the controller's patience a RESEND says so. Linux sees at once that there is no mouse
 * (i8042_check_aux), instead of after half a second of polling. */
static void no_mouse(struct keyboard *k)
{
    put(k, KEYS_RESEND, STATUS_OUTPUT | STATUS_AUX | STATUS_TIMEOUT);
}

/* The data register stays as it is until there is a new byte. */
static uint8_t take(struct keyboard *k)
{
    if (k->count != 0) {
        k->data = k->queue[k->head].value;
        k->head = (k->head + 1) % KEYBOARD_QUEUE;
        k->count--;
        irq_set(&k->irq, false); /* an edge for each byte */
    }
    update(k);
    return k->data;
}

static void pulse(struct keyboard *k, uint8_t lines)
{
    if ((lines & OUTPUT_NO_RESET) == 0) {
        k->reset(k->context);
    }
}

static uint8_t read_output_port(const struct keyboard *k)
{
    uint8_t full = (output_status(k) & STATUS_AUX) != 0 ? OUTPUT_AUX_FULL : k->count != 0 ? OUTPUT_FULL : 0;
    return (uint8_t)((k->output_port & ~(OUTPUT_FULL | OUTPUT_AUX_FULL)) | full);
}

/* The mouse's clock stays off: that it cannot be switched on says that there is no second port. */
static void controller_command(struct keyboard *k, uint8_t value)
{
    k->command = 0;
    switch (value) {
    case 0x20:
        answer(k, k->config);
        break;
    case 0x60: /* configuration */
    case 0xd1: /* output port */
    case 0xd2: /* a byte as if from the keyboard */
    case 0xd3: /* a byte as if from the mouse */
    case 0xd4: /* a byte to the mouse */
        k->command = value;
        break;
    case 0xa7: /* mouse off, and on */
    case 0xa8:
        break;
    case 0xa9:
        answer(k, PORT_ABSENT);
        break;
    case 0xaa:
        k->config |= CONFIG_SYSTEM;
        answer(k, TEST_GOOD);
        break;
    case 0xab:
        answer(k, PORT_GOOD);
        break;
    case 0xad:
        k->config |= CONFIG_KEYBOARD_OFF;
        break;
    case 0xae:
        k->config &= (uint8_t)~CONFIG_KEYBOARD_OFF;
        break;
    case 0xc0:
        answer(k, 0x80); /* input port: not locked */
        break;
    case 0xd0:
        answer(k, read_output_port(k));
        break;
    default:
        if (value >= 0xf0) {
            pulse(k, value);
        }
        break;
    }
}

static void keys_data(struct keyboard *k, uint8_t value)
{
    uint8_t command = k->keys_command;
    k->keys_command = 0;
    answer(k, KEYS_ACK);
    if (command == 0xf0 && value == 0) {
        answer(k, (k->config & CONFIG_TRANSLATE) != 0 ? 0x41 : 2); /* scan code set 2, as the translation makes it */
    }
}

/* Whether it is switched on or off does not matter to a keyboard that never types. */
static void keys(struct keyboard *k, uint8_t value)
{
    if (k->keys_command != 0 && value < KEYS_FIRST_COMMAND) {
        keys_data(k, value);
        return;
    }
    k->keys_command = 0;
    switch (value) {
    case 0xed: /* LEDs */
    case 0xf0: /* scan code set */
    case 0xf3: /* rate */
        k->keys_command = value;
        answer(k, KEYS_ACK);
        break;
    case 0xee:
        answer(k, 0xee);
        break;
    case 0xf2:
        answer(k, KEYS_ACK);
        answer(k, 0xab);
        answer(k, (k->config & CONFIG_TRANSLATE) != 0 ? 0x41 : 0x83);
        break;
    case 0xf4: /* on */
    case 0xf5: /* off */
    case 0xf6: /* defaults */
        answer(k, KEYS_ACK);
        break;
    case 0xfe: /* once more */
        answer(k, k->data);
        break;
    case 0xff:
        answer(k, KEYS_ACK);
        answer(k, KEYS_SELF_TEST_GOOD);
        break;
    default:
        answer(k, KEYS_RESEND);
        break;
    }
}

static void write_output_port(struct keyboard *k, uint8_t value)
{
    k->output_port = value | OUTPUT_A20; /* the A20 gate is always open */
    pulse(k, value);
}

static void write_data(struct keyboard *k, uint8_t value)
{
    uint8_t command = k->command;
    k->command = 0;
    switch (command) {
    case 0:
        k->config &= (uint8_t)~CONFIG_KEYBOARD_OFF;
        keys(k, value);
        break;
    case 0x60:
        k->config = value | CONFIG_AUX_OFF;
        update(k);
        break;
    case 0xd1:
        write_output_port(k, value);
        break;
    case 0xd2:
        answer(k, value);
        break;
    default:
        no_mouse(k);
        break;
    }
}

static uint64_t keyboard_read(void *device, uint64_t offset, uint32_t size)
{
    struct keyboard *k = device;
    (void)size;
    if (offset == DATA) {
        return take(k);
    }
    return output_status(k) | (k->config & CONFIG_SYSTEM ? STATUS_SYSTEM : 0u) |
           (k->last_was_command ? STATUS_COMMAND : 0u) | STATUS_UNLOCKED;
}

static void keyboard_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct keyboard *k = device;
    (void)size;
    k->last_was_command = offset != DATA;
    if (offset == DATA) {
        write_data(k, (uint8_t)value);
    } else {
        controller_command(k, (uint8_t)value);
    }
}

static void keyboard_reset(void *device)
{
    struct keyboard *k = device;
    k->config = CONFIG_SYSTEM | CONFIG_TRANSLATE | CONFIG_AUX_OFF;
    k->output_port = OUTPUT_NO_RESET | OUTPUT_A20;
    k->command = k->keys_command = k->data = 0;
    k->last_was_command = false;
    k->head = k->count = 0;
    update(k);
}

void keyboard_init(struct keyboard *k, const struct irq_line *irq, void (*reset)(void *context), void *context)
{
    *k = (struct keyboard){.irq = *irq, .reset = reset, .context = context};
    keyboard_reset(k);
}

const struct device_ops keyboard_ops = {.read = keyboard_read, .write = keyboard_write, .reset = keyboard_reset};

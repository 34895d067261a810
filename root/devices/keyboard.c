/* SPDX-License-Identifier: MIT */
/* Commands: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". */
#include "root/devices/keyboard.h"

#define DATA 0u

#define STATUS_OUTPUT 0x01u
#define STATUS_SYSTEM 0x04u
#define STATUS_COMMAND 0x08u
#define STATUS_UNLOCKED 0x10u
#define CONFIG_IRQ 0x01u
#define CONFIG_SYSTEM 0x04u
#define CONFIG_KEYBOARD_OFF 0x10u
#define CONFIG_AUX_OFF 0x20u
#define CONFIG_TRANSLATE 0x40u
#define OUTPUT_NO_RESET 0x01u
#define OUTPUT_A20 0x02u
#define OUTPUT_FULL 0x10u

#define TEST_GOOD 0x55u
#define PORT_GOOD 0x00u
#define PORT_ABSENT 0x02u /* the clock line is stuck low: nothing is there */
#define KEYS_ACK 0xfau
#define KEYS_RESEND 0xfeu
#define KEYS_SELF_TEST_GOOD 0xaau

static void update(struct keyboard *k)
{
    irq_set(&k->irq, k->count != 0 && (k->config & CONFIG_IRQ) != 0);
}

static void answer(struct keyboard *k, uint8_t byte)
{
    if (k->count < KEYBOARD_QUEUE) {
        k->queue[(k->head + k->count++) % KEYBOARD_QUEUE] = byte;
    }
    update(k);
}

static uint8_t take(struct keyboard *k)
{
    uint8_t byte = k->queue[k->head];
    if (k->count != 0) {
        k->head = (k->head + 1) % KEYBOARD_QUEUE;
        k->count--;
        irq_set(&k->irq, false); /* an edge for each byte */
    }
    update(k);
    return byte;
}

static void pulse(struct keyboard *k, uint8_t lines)
{
    if ((lines & OUTPUT_NO_RESET) == 0) {
        k->reset(k->context);
    }
}

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
    case 0xa7:
        k->config |= CONFIG_AUX_OFF;
        break;
    case 0xa8:
        k->config &= (uint8_t)~CONFIG_AUX_OFF;
        break;
    case 0xa9:
        answer(k, PORT_ABSENT);
        break;
    case 0xaa:
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
        answer(k, (uint8_t)(k->output_port | (k->count != 0 ? OUTPUT_FULL : 0)));
        break;
    default:
        if (value >= 0xf0) {
            pulse(k, value);
        }
        break;
    }
}

static void reset_keys(struct keyboard *k)
{
    k->scanning = true;
    k->keys_command = 0;
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

static void keys(struct keyboard *k, uint8_t value)
{
    if (k->keys_command != 0) {
        keys_data(k, value);
        return;
    }
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
    case 0xf4:
    case 0xf5:
    case 0xf6:
        k->scanning = value != 0xf5;
        answer(k, KEYS_ACK);
        break;
    case 0xff:
        reset_keys(k);
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
        k->config = value;
        update(k);
        break;
    case 0xd1:
        write_output_port(k, value);
        break;
    case 0xd2:
        answer(k, value);
        break;
    default: /* no mouse takes or sends it */
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
    return (k->count != 0 ? STATUS_OUTPUT : 0u) | (k->config & CONFIG_SYSTEM ? STATUS_SYSTEM : 0u) |
           (k->command != 0 ? STATUS_COMMAND : 0u) | STATUS_UNLOCKED;
}

static void keyboard_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct keyboard *k = device;
    (void)size;
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
    k->command = 0;
    k->head = k->count = 0;
    reset_keys(k);
    update(k);
}

void keyboard_init(struct keyboard *k, const struct irq_line *irq, void (*reset)(void *context), void *context)
{
    *k = (struct keyboard){.irq = *irq, .reset = reset, .context = context};
    keyboard_reset(k);
}

const struct device_ops keyboard_ops = {.read = keyboard_read, .write = keyboard_write, .reset = keyboard_reset};

/* SPDX-License-Identifier: MIT */
/* Registers and bits: National Semiconductor PC16550D data sheet, section 8. */
#include "root/devices/uart.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RECEIVED 0x01u
#define IER_TRANSMITTED 0x02u
#define IER_LINE 0x04u
#define IER_MODEM 0x08u
#define IIR_NONE 0x01u
#define IIR_MODEM 0x00u
#define IIR_TRANSMITTED 0x02u
#define IIR_RECEIVED 0x04u
#define IIR_LINE 0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFOS 0xc0u
#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RECEIVER 0x02u
#define FCR_KEPT 0xc9u
#define LCR_DLAB 0x80u
#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define LSR_DATA 0x01u
#define LSR_OVERRUN 0x02u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE 0x40u
#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u
#define MSR_RI_ENDED 0x04u
#define DIVISOR_115200 1u

static bool fifos(const struct uart *u)
{
    return (u->fcr & FCR_ENABLE) != 0;
}

static uint32_t trigger(const struct uart *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return fifos(u) ? levels[u->fcr >> 6] : 1;
}

/* The chip waits four characters' time before it tells of bytes below the trigger level; here that time is none. */
static uint8_t cause(const struct uart *u)
{
    if ((u->ier & IER_LINE) != 0 && u->line_errors != 0) {
        return IIR_LINE;
    }
    if ((u->ier & IER_RECEIVED) != 0 && u->count != 0) {
        return u->count >= trigger(u) ? IIR_RECEIVED : IIR_TIMEOUT;
    }
    if ((u->ier & IER_TRANSMITTED) != 0 && u->transmitted) {
        return IIR_TRANSMITTED;
    }
    if ((u->ier & IER_MODEM) != 0 && u->modem_delta != 0) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

/* On a PC, OUT2 lets the interrupt out; in loopback it is disconnected from its pin. */
static void update(struct uart *u)
{
    bool up = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 && cause(u) != IIR_NONE;
    if (up != u->interrupts) {
        u->interrupts = up;
        irq_set(&u->irq, up);
    }
}

static uint32_t space(const struct uart *u)
{
    return (fifos(u) ? UART_FIFO : 1) - u->count;
}

static bool listens(const struct uart *u)
{
    bool driver = (u->ier & IER_RECEIVED) != 0 && (u->mcr & MCR_OUT2) != 0;
    return driver || u->polls == UART_LISTENS;
}

uint32_t uart_room(const struct uart *u)
{
    return (u->mcr & MCR_LOOP) != 0 || !listens(u) ? 0 : space(u);
}

static void tell_drained(struct uart *u)
{
    if (u->drained != NULL) {
        u->drained(u->context);
    }
}

/* With no room, a FIFO keeps what it has; the single register of the 16450 keeps what comes. */
static void take_in(struct uart *u, uint8_t byte)
{
    if (space(u) != 0) {
        u->fifo[(u->head + u->count++) % UART_FIFO] = byte;
        return;
    }
    u->line_errors |= LSR_OVERRUN;
    if (!fifos(u)) {
        u->fifo[u->head] = byte;
    }
}

void uart_receive(struct uart *u, uint8_t byte)
{
    if ((u->mcr & MCR_LOOP) == 0) {
        take_in(u, byte);
        update(u);
    }
}

static uint8_t modem_lines(const struct uart *u)
{
    if ((u->mcr & MCR_LOOP) == 0) {
        return MSR_CTS | MSR_DSR | MSR_DCD; /* somebody listens */
    }
    return (uint8_t)(((u->mcr & MCR_RTS) != 0 ? MSR_CTS : 0) | ((u->mcr & MCR_DTR) != 0 ? MSR_DSR : 0) |
                     ((u->mcr & MCR_OUT1) != 0 ? MSR_RI : 0) | ((u->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0));
}

static uint8_t take_data(struct uart *u)
{
    uint8_t byte = 0;
    if (u->count != 0) {
        byte = u->fifo[u->head];
        u->head = (u->head + 1) % UART_FIFO;
        u->count--;
    }
    update(u);
    tell_drained(u);
    return byte;
}

static uint8_t take_iir(struct uart *u)
{
    uint8_t value = cause(u);
    if (value == IIR_TRANSMITTED) { /* reading the register ends this cause alone */
        u->transmitted = false;
        update(u);
    }
    return (uint8_t)(value | (fifos(u) ? IIR_FIFOS : 0));
}

/* Someone who only asks gets what waits at the last of these looks. */
static void note_poll(struct uart *u)
{
    if (u->count == 0 && u->polls < UART_LISTENS && ++u->polls == UART_LISTENS) {
        tell_drained(u);
    }
}

static uint8_t take_lsr(struct uart *u)
{
    note_poll(u);
    uint8_t value = (uint8_t)(u->line_errors | (u->count != 0 ? LSR_DATA : 0) | LSR_THR_EMPTY | LSR_IDLE);
    u->line_errors = 0;
    update(u);
    return value;
}

static uint8_t take_msr(struct uart *u)
{
    uint8_t value = (uint8_t)(modem_lines(u) | u->modem_delta);
    u->modem_delta = 0;
    update(u);
    return value;
}

static uint8_t read_register(struct uart *u, uint64_t offset)
{
    bool divisor = (u->lcr & LCR_DLAB) != 0;
    switch (offset) {
    case REG_DATA:
        return divisor ? u->divisor[0] : take_data(u);
    case REG_IER:
        return divisor ? u->divisor[1] : u->ier;
    case REG_IIR_FCR:
        return take_iir(u);
    case REG_LCR:
        return u->lcr;
    case REG_MCR:
        return u->mcr;
    case REG_LSR:
        return take_lsr(u);
    case REG_MSR:
        return take_msr(u);
    default:
        return u->scr;
    }
}

static uint64_t uart_read(void *device, uint64_t offset, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < size && offset + i <= REG_SCR; i++) {
        value |= (uint64_t)read_register(device, offset + i) << 8 * i;
    }
    return value;
}

static void transmit(struct uart *u, uint8_t byte)
{
    u->transmitted = false;
    u->polls = 0;
    update(u); /* the line falls and rises: an edge for each byte */
    if ((u->mcr & MCR_LOOP) != 0) {
        take_in(u, byte);
    } else {
        sink_put(&u->out, byte);
    }
    u->transmitted = true;
    update(u);
}

/* Enabling the THR-empty interrupt while THR is empty raises it at once (data sheet 8.6; Linux tests for chips that do
 * not). */
static void write_ier(struct uart *u, uint8_t value)
{
    if ((value & IER_TRANSMITTED) != 0 && (u->ier & IER_TRANSMITTED) == 0) {
        u->transmitted = true;
    }
    u->ier = value & 0x0f;
    update(u);
}

static void write_fcr(struct uart *u, uint8_t value)
{
    if (((value ^ u->fcr) & FCR_ENABLE) != 0 || (value & FCR_CLEAR_RECEIVER) != 0) {
        u->count = 0;
        u->head = 0;
    }
    u->fcr = (value & FCR_ENABLE) != 0 ? value & FCR_KEPT : 0;
    update(u);
    tell_drained(u);
}

static void write_mcr(struct uart *u, uint8_t value)
{
    uint8_t before = modem_lines(u);
    u->mcr = value & 0x1f;
    uint8_t after = modem_lines(u), changed = before ^ after;
    u->modem_delta |= (uint8_t)((changed >> 4) & 0x0b);
    if ((before & MSR_RI) != 0 && (after & MSR_RI) == 0) {
        u->modem_delta |= MSR_RI_ENDED;
    }
    update(u);
    tell_drained(u);
}

static void write_register(struct uart *u, uint64_t offset, uint8_t value)
{
    bool divisor = (u->lcr & LCR_DLAB) != 0;
    switch (offset) {
    case REG_DATA:
        if (divisor) {
            u->divisor[0] = value;
        } else {
            transmit(u, value);
        }
        break;
    case REG_IER:
        if (divisor) {
            u->divisor[1] = value;
        } else {
            write_ier(u, value);
        }
        break;
    case REG_IIR_FCR:
        write_fcr(u, value);
        break;
    case REG_LCR:
        u->lcr = value;
        break;
    case REG_MCR:
        write_mcr(u, value);
        break;
    case REG_SCR:
        u->scr = value;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
}

static void uart_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    for (uint32_t i = 0; i < size && offset + i <= REG_SCR; i++) {
        write_register(device, offset + i, (uint8_t)(value >> 8 * i));
    }
}

static void uart_reset(void *device)
{
    struct uart *u = device;
    u->ier = u->lcr = u->mcr = u->scr = u->fcr = 0;
    u->line_errors = u->modem_delta = u->polls = 0;
    u->divisor[0] = DIVISOR_115200;
    u->divisor[1] = 0;
    u->transmitted = false;
    u->head = u->count = 0;
    update(u);
}

void uart_init(struct uart *u, const struct irq_line *irq, const struct byte_sink *out, void (*drained)(void *context),
               void *context)
{
    *u = (struct uart){.irq = *irq, .out = *out, .drained = drained, .context = context};
    uart_reset(u);
}

const struct device_ops uart_ops = {.read = uart_read, .write = uart_write, .reset = uart_reset};

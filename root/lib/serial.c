/* SPDX-License-Identifier: MIT */
#include "root/lib/serial.h"

#include <stddef.h>

#include "root/lib/apic.h"
#include "root/lib/cpu.h"
#include "root/lib/trap.h"

#define UART_IER 1u
#define UART_FCR 2u
#define UART_IIR 2u
#define UART_MCR 4u
#define UART_LSR 5u
#define IER_RECEIVE 0x01u
#define IER_TRANSMIT 0x02u
#define IIR_NONE 0x01u
#define FCR_ENABLE 0x01u
#define MCR_DTR_RTS_OUT2 0x0bu /* OUT2 lets the interrupt through on a PC */
#define LSR_DATA 0x01u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE 0x40u
#define FIFO_BYTES 16u
#define WAIT_LIMIT 1000000u /* an absent or stuck UART costs a moment, not the program */
#define PASSES 16u          /* of the handler: a UART that always claims an interrupt must not hold the CPU */

#define PIC1 0x20u
#define PIC2 0xa0u
#define PIC_EOI 0x20u
#define LVT_LINT0 0x350u
#define LVT_EXTINT 0x700u

#define OUT_SIZE 65536u
#define IN_SIZE 8192u

static uint16_t uart;
static bool by_interrupt;
static uint32_t out_lock;
static uint8_t out[OUT_SIZE], in[IN_SIZE];
static uint32_t out_head, out_tail, in_head, in_tail; /* tails take, heads put; they count on, indices are modulo */
static void (*arrived_hook)(void);

void serial_init(uint16_t port)
{
    uart = port;
    by_interrupt = false;
}

/* Interrupts are off while the lock is held: the handler takes it too. */
static uint64_t lock(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    while (__atomic_exchange_n(&out_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_pause();
    }
    return flags;
}

static void unlock(uint64_t flags)
{
    __atomic_store_n(&out_lock, 0, __ATOMIC_RELEASE);
    __asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

static bool wait_for(uint8_t bit)
{
    for (uint32_t i = 0; i < WAIT_LIMIT; i++) {
        if ((cpu_inb((uint16_t)(uart + UART_LSR)) & bit) != 0) {
            return true;
        }
    }
    return false;
}

/* The transmitter is empty: fills its FIFO. With the lock. */
static void send_some(void)
{
    for (uint32_t i = 0; i < FIFO_BYTES && out_tail != out_head; i++) {
        cpu_outb(uart, out[out_tail++ % OUT_SIZE]);
    }
}

static void send_if_idle(void)
{
    if ((cpu_inb((uint16_t)(uart + UART_LSR)) & LSR_THR_EMPTY) != 0) {
        send_some();
    }
    cpu_outb((uint16_t)(uart + UART_IER), IER_RECEIVE | (out_tail != out_head ? IER_TRANSMIT : 0));
}

void serial_put(uint8_t byte)
{
    if (uart == 0) {
        return;
    }
    uint64_t flags = lock();
    if (!by_interrupt) {
        (void)wait_for(LSR_THR_EMPTY);
        cpu_outb(uart, byte);
        unlock(flags);
        return;
    }
    while (out_head - out_tail == OUT_SIZE) {
        (void)wait_for(LSR_THR_EMPTY);
        send_some();
    }
    bool was_empty = out_head == out_tail;
    out[out_head++ % OUT_SIZE] = byte;
    if (was_empty) {
        send_if_idle();
    }
    unlock(flags);
}

void serial_drain(void)
{
    if (uart == 0) {
        return;
    }
    uint64_t flags = lock();
    while (out_tail != out_head && wait_for(LSR_THR_EMPTY)) {
        send_some();
    }
    (void)wait_for(LSR_IDLE);
    unlock(flags);
}

bool serial_get(uint8_t *byte)
{
    if (in_tail == __atomic_load_n(&in_head, __ATOMIC_ACQUIRE)) {
        return false;
    }
    *byte = in[in_tail % IN_SIZE];
    __atomic_store_n(&in_tail, in_tail + 1, __ATOMIC_RELEASE);
    return true;
}

/* With the lock. What does not fit stays in the port, whose sender then sees no answer; typing cannot reach that. */
static bool receive(void)
{
    bool some = false;
    while (in_head - __atomic_load_n(&in_tail, __ATOMIC_ACQUIRE) < IN_SIZE &&
           (cpu_inb((uint16_t)(uart + UART_LSR)) & LSR_DATA) != 0) {
        in[in_head % IN_SIZE] = cpu_inb(uart);
        __atomic_store_n(&in_head, in_head + 1, __ATOMIC_RELEASE);
        some = true;
    }
    return some;
}

bool serial_poll(void)
{
    if (uart == 0 || !by_interrupt) {
        return false;
    }
    uint64_t flags = lock();
    bool some = receive();
    send_if_idle();
    unlock(flags);
    return some;
}

/* The 8259 is edge-triggered: all causes are served before its EOI, else the line stays up and no edge comes again. */
static void on_interrupt(struct root_frame *frame)
{
    (void)frame;
    uint64_t flags = lock();
    bool some = false;
    for (uint32_t i = 0; i < PASSES && (cpu_inb((uint16_t)(uart + UART_IIR)) & IIR_NONE) == 0; i++) {
        some |= receive();
        send_if_idle();
    }
    unlock(flags);
    cpu_outb(PIC1, PIC_EOI);
    if (some && arrived_hook != NULL) {
        arrived_hook();
    }
}

static void start_pic(uint8_t irq)
{
    cpu_outb(PIC1, 0x11);
    cpu_outb(PIC2, 0x11);
    cpu_outb(PIC1 + 1, SERIAL_VECTOR_BASE);
    cpu_outb(PIC2 + 1, SERIAL_VECTOR_BASE + 8);
    cpu_outb(PIC1 + 1, 4);
    cpu_outb(PIC2 + 1, 2);
    cpu_outb(PIC1 + 1, 1);
    cpu_outb(PIC2 + 1, 1);
    cpu_outb(PIC1 + 1, (uint8_t) ~(1u << irq));
    cpu_outb(PIC2 + 1, 0xff);
}

void serial_start(void (*arrived)(void))
{
    if (uart == 0) {
        return;
    }
    uint8_t irq = (uart & 0x100u) != 0 ? 4 : 3; /* COM1 and COM3 (3F8H, 3E8H), COM2 and COM4 (2F8H, 2E8H) */
    arrived_hook = arrived;
    root_set_handler(SERIAL_VECTOR_BASE + irq, on_interrupt);
    start_pic(irq);
    apic_write(LVT_LINT0, LVT_EXTINT);
    serial_drain();
    by_interrupt = true;
    cpu_outb((uint16_t)(uart + UART_FCR), FCR_ENABLE);
    cpu_outb((uint16_t)(uart + UART_MCR), MCR_DTR_RTS_OUT2);
    cpu_outb((uint16_t)(uart + UART_IER), IER_RECEIVE);
}

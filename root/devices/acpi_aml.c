/* SPDX-License-Identifier: MIT */
#include "root/devices/acpi_aml.h"

#include "root/lib/string.h"

enum { OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b, OP_DWORD = 0x0c, OP_STRING = 0x0d, OP_SCOPE = 0x10 };
enum { OP_BUFFER = 0x11, OP_PACKAGE = 0x12, OP_EXTENDED = 0x5b, OP_EXTENDED_DEVICE = 0x82 };

/* Descriptors: a small one has its length in its first byte, a large one in the next two. */
enum { SMALL_IRQ = 0x22, SMALL_IO = 0x47, SMALL_END = 0x79, LARGE_MEMORY = 0x86, LARGE_IRQ = 0x89 };

#define SEGMENT 4u
/* A length of one byte is at most 63, of two bytes at most 4095 (20.2.4). */
#define LENGTH_ONE_MAX 0x3fu
#define LENGTH_TWO_MAX 0xfffu

void aml_bytes(struct aml *aml, const void *bytes, size_t size)
{
    if (aml->full || size > aml->size - aml->used) {
        aml->full = true;
        return;
    }
    memcpy(aml->out + aml->used, bytes, size);
    aml->used += size;
}

void aml_byte(struct aml *aml, uint8_t byte)
{
    aml_bytes(aml, &byte, 1);
}

static void put_little(struct aml *aml, uint32_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        aml_byte(aml, (uint8_t)(value >> (8 * i)));
    }
}

static void put_segment(struct aml *aml, const char *name)
{
    aml_bytes(aml, name, strlen(name));
}

void aml_name(struct aml *aml, const char *name)
{
    aml_byte(aml, OP_NAME);
    put_segment(aml, name);
}

/* The length is not known yet: aml_end() makes room for it here. */
size_t aml_scope_begin(struct aml *aml, const char *name)
{
    aml_byte(aml, OP_SCOPE);
    size_t at = aml->used;
    put_segment(aml, name);
    return at;
}

size_t aml_device_begin(struct aml *aml, const char *name)
{
    aml_byte(aml, OP_EXTENDED);
    aml_byte(aml, OP_EXTENDED_DEVICE);
    size_t at = aml->used;
    put_segment(aml, name);
    return at;
}

size_t aml_package_begin(struct aml *aml, uint8_t elements)
{
    aml_byte(aml, OP_PACKAGE);
    size_t at = aml->used;
    aml_byte(aml, elements);
    return at;
}

/* The length counts its own bytes too. */
void aml_end(struct aml *aml, size_t at)
{
    size_t inside = aml->used - at;
    size_t bytes = inside + 1 <= LENGTH_ONE_MAX ? 1 : 2;
    size_t length = inside + bytes;
    if (aml->full || length > LENGTH_TWO_MAX || bytes > aml->size - aml->used) {
        aml->full = true;
        return;
    }
    uint8_t *start = aml->out + at;
    memmove(start + bytes, start, inside);
    start[0] = bytes == 1 ? (uint8_t)length : (uint8_t)(0x40 | (length & 0xf));
    if (bytes == 2) {
        start[1] = (uint8_t)(length >> 4);
    }
    aml->used += bytes;
}

void aml_integer(struct aml *aml, uint32_t value)
{
    if (value <= 1) {
        aml_byte(aml, (uint8_t)value); /* ZeroOp and OneOp */
    } else if (value <= UINT8_MAX) {
        aml_byte(aml, OP_BYTE);
        put_little(aml, value, 1);
    } else if (value <= UINT16_MAX) {
        aml_byte(aml, OP_WORD);
        put_little(aml, value, 2);
    } else {
        aml_byte(aml, OP_DWORD);
        put_little(aml, value, 4);
    }
}

void aml_string(struct aml *aml, const char *text)
{
    aml_byte(aml, OP_STRING);
    aml_bytes(aml, text, strlen(text) + 1);
}

static uint32_t digit(char c)
{
    return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)(c - 'A' + 10);
}

/* Three letters of 5 bits each and four digits, highest first (19.6.36). */
void aml_eisa_id(struct aml *aml, const char *id)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 3; i++) {
        value = value << 5 | (uint32_t)(id[i] - 'A' + 1);
    }
    for (uint32_t i = 3; i < 7; i++) {
        value = value << 4 | digit(id[i]);
    }
    aml_byte(aml, OP_DWORD);
    put_little(aml, __builtin_bswap32(value), 4);
}

void aml_resources_init(struct aml_resources *r)
{
    r->to = (struct aml){.out = r->bytes, .size = sizeof(r->bytes)};
}

void aml_ports(struct aml_resources *r, uint16_t port, uint8_t count)
{
    aml_byte(&r->to, SMALL_IO);
    aml_byte(&r->to, 1); /* decodes 16 bits of address */
    put_little(&r->to, port, 2);
    put_little(&r->to, port, 2);
    aml_byte(&r->to, 1); /* alignment */
    aml_byte(&r->to, count);
}

void aml_isa_irq(struct aml_resources *r, uint32_t irq)
{
    aml_byte(&r->to, SMALL_IRQ);
    put_little(&r->to, 1u << irq, 2);
}

void aml_level_irq(struct aml_resources *r, uint32_t irq)
{
    aml_byte(&r->to, LARGE_IRQ);
    put_little(&r->to, 6, 2);
    aml_byte(&r->to, 1); /* a consumer; level-triggered, active high, not shared */
    aml_byte(&r->to, 1); /* one interrupt */
    put_little(&r->to, irq, 4);
}

void aml_memory(struct aml_resources *r, uint32_t base, uint32_t size)
{
    aml_byte(&r->to, LARGE_MEMORY);
    put_little(&r->to, 9, 2);
    aml_byte(&r->to, 1); /* writable */
    put_little(&r->to, base, 4);
    put_little(&r->to, size, 4);
}

void aml_resources(struct aml *aml, const struct aml_resources *r)
{
    static const uint8_t end[] = {SMALL_END, 0}; /* checksum 0: not checked */
    aml_name(aml, "_CRS");
    aml_byte(aml, OP_BUFFER);
    size_t at = aml->used;
    aml_integer(aml, (uint32_t)(r->to.used + sizeof(end)));
    aml_bytes(aml, r->bytes, r->to.used);
    aml_bytes(aml, end, sizeof(end));
    aml_end(aml, at);
    aml->full = aml->full || r->to.full;
}

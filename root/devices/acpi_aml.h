/* SPDX-License-Identifier: MIT */
/* Writes ACPI machine language (ACPI 6.3 chapter 20) and resource descriptors (chapter 6.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the bytes go. Once they do not fit, `full` stays true and nothing more is written. */
struct aml {
    uint8_t *out;
    size_t size, used;
    bool full;
};

void aml_byte(struct aml *aml, uint8_t byte);
void aml_bytes(struct aml *aml, const void *bytes, size_t size);

/* A name as it stands in AML: an optional \ and one segment of four characters. */
void aml_name(struct aml *aml, const char *name);

/* Objects with a length: what is written between begin and end is inside. `at` is what begin gave. */
size_t aml_scope_begin(struct aml *aml, const char *name);
size_t aml_device_begin(struct aml *aml, const char *name);
size_t aml_package_begin(struct aml *aml, uint8_t elements);
void aml_end(struct aml *aml, size_t at);

/* Values. An integer takes the shortest form. */
void aml_integer(struct aml *aml, uint32_t value);
void aml_string(struct aml *aml, const char *text);
/* Seven characters, three of A to Z and four hexadecimal digits, as PNP0501. */
void aml_eisa_id(struct aml *aml, const char *id);

/* The resources of a device: written into one of these first, then by aml_resources() as its _CRS. */
#define AML_RESOURCES_MAX 60u

struct aml_resources {
    uint8_t bytes[AML_RESOURCES_MAX];
    struct aml to;
};

void aml_resources_init(struct aml_resources *r);
/* `count` ports from `port` on. */
void aml_ports(struct aml_resources *r, uint16_t port, uint8_t count);
/* An ISA interrupt, 0 to 15: edge-triggered, active high. */
void aml_isa_irq(struct aml_resources *r, uint32_t irq);
/* A global system interrupt: level-triggered, active high. */
void aml_level_irq(struct aml_resources *r, uint32_t irq);
void aml_memory(struct aml_resources *r, uint32_t base, uint32_t size);
/* Full if the resources were. */
void aml_resources(struct aml *aml, const struct aml_resources *r);

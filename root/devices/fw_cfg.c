/* SPDX-License-Identifier: MIT */
#include "root/devices/fw_cfg.h"

#include "root/lib/string.h"

enum { PORT_SELECTOR = 0, PORT_DATA = 1, PORT_DMA_HIGH = 4, PORT_DMA_LOW = 8 };
enum { DMA_ERROR = 1u << 0, DMA_READ = 1u << 1, DMA_SKIP = 1u << 2, DMA_SELECT = 1u << 3, DMA_WRITE = 1u << 4 };
enum { VERSION_TRADITIONAL = 1u << 0, VERSION_DMA = 1u << 1 };

/* Which of a key's bits choose the item; bit 14 asks for a write, of which there are none. */
#define KEY_MASK 0xbfffu

/* A file in the directory: size, key, 2 reserved bytes, name; numbers big-endian. */
#define ENTRY_SIZE 64u
#define ENTRY_NAME 8u

/* A DMA request in the guest's memory, big-endian. */
struct dma_request {
    uint32_t control, length;
    uint64_t address;
};
_Static_assert(sizeof(struct dma_request) == 16, "as QEMU has it");

static void put_big(uint8_t *to, uint32_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

static struct fw_cfg_item *find(struct fw_cfg *cfg, uint16_t key)
{
    for (uint32_t i = 0; i < cfg->item_count; i++) {
        if (cfg->items[i].key == key) {
            return &cfg->items[i];
        }
    }
    return NULL;
}

static struct fw_cfg_item *add_item(struct fw_cfg *cfg, uint16_t key, uint32_t size)
{
    if (cfg->item_count == FW_CFG_MAX_ITEMS || find(cfg, key) != NULL || (key & ~KEY_MASK) != 0) {
        return NULL;
    }
    struct fw_cfg_item *item = &cfg->items[cfg->item_count++];
    *item = (struct fw_cfg_item){.key = key, .size = size};
    return item;
}

bool fw_cfg_add(struct fw_cfg *cfg, uint16_t key, const void *data, uint32_t size)
{
    struct fw_cfg_item *item = add_item(cfg, key, size);
    if (item != NULL) {
        item->data = data;
    }
    return item != NULL;
}

bool fw_cfg_add_number(struct fw_cfg *cfg, uint16_t key, uint64_t value, uint32_t size)
{
    struct fw_cfg_item *item = size == 0 || size > sizeof(value) ? NULL : add_item(cfg, key, size);
    if (item != NULL) {
        memcpy(item->value, &value, sizeof(value));
    }
    return item != NULL;
}

void fw_cfg_init(struct fw_cfg *cfg, const struct guest_memory *memory)
{
    *cfg = (struct fw_cfg){.memory = memory};
    fw_cfg_add(cfg, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_number(cfg, FW_CFG_ID, VERSION_TRADITIONAL | VERSION_DMA, 4);
    fw_cfg_add(cfg, FW_CFG_DIRECTORY, cfg->directory, 4);
}

static bool name_is_free(const struct fw_cfg *cfg, const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= FW_CFG_NAME_SIZE) {
        return false;
    }
    for (uint32_t i = 0; i < cfg->file_count; i++) {
        if (strcmp((const char *)&cfg->directory[4 + i * ENTRY_SIZE + ENTRY_NAME], name) == 0) {
            return false;
        }
    }
    return true;
}

/* Gives the key that a file of this name would have, 0 if it cannot be. */
static uint16_t next_key(const struct fw_cfg *cfg, const char *name)
{
    if (cfg->file_count == FW_CFG_MAX_FILES || cfg->item_count == FW_CFG_MAX_ITEMS || !name_is_free(cfg, name)) {
        return 0;
    }
    return (uint16_t)(FW_CFG_FIRST_FILE + cfg->file_count);
}

static void list_file(struct fw_cfg *cfg, const char *name, uint16_t key, uint32_t size)
{
    uint8_t *entry = &cfg->directory[4 + cfg->file_count * ENTRY_SIZE];
    put_big(entry, size, 4);
    put_big(entry + 4, key, 2);
    memcpy(entry + ENTRY_NAME, name, strlen(name) + 1);
    cfg->file_count++;
    put_big(cfg->directory, cfg->file_count, 4);
    find(cfg, FW_CFG_DIRECTORY)->size = 4 + cfg->file_count * ENTRY_SIZE;
}

bool fw_cfg_add_file(struct fw_cfg *cfg, const char *name, const void *data, uint32_t size)
{
    uint16_t key = next_key(cfg, name);
    if (key == 0 || !fw_cfg_add(cfg, key, data, size)) {
        return false;
    }
    list_file(cfg, name, key, size);
    return true;
}

bool fw_cfg_add_file_number(struct fw_cfg *cfg, const char *name, uint64_t value, uint32_t size)
{
    uint16_t key = next_key(cfg, name);
    if (key == 0 || !fw_cfg_add_number(cfg, key, value, size)) {
        return false;
    }
    list_file(cfg, name, key, size);
    return true;
}

static void select_item(struct fw_cfg *cfg, uint16_t key)
{
    cfg->key = key & KEY_MASK;
    cfg->offset = 0;
}

/* Moves on by `size` bytes; `to` takes them if not NULL. Zeroes stand for what is not there. */
static void fetch(struct fw_cfg *cfg, uint8_t *to, uint32_t size)
{
    const struct fw_cfg_item *item = find(cfg, cfg->key);
    uint32_t left = item == NULL ? 0 : item->size - cfg->offset;
    uint32_t count = size < left ? size : left;
    if (to != NULL) {
        if (count != 0) {
            memcpy(to, (item->data != NULL ? item->data : item->value) + cfg->offset, count);
        }
        memset(to + count, 0, size - count);
    }
    cfg->offset += count;
}

/* What the request is answered with: 0 or DMA_ERROR. */
static uint32_t serve(struct fw_cfg *cfg, const struct dma_request *r)
{
    if ((r->control & DMA_SELECT) != 0) {
        select_item(cfg, (uint16_t)(r->control >> 16));
    }
    if ((r->control & DMA_READ) != 0) {
        uint8_t *to = r->length == 0 ? NULL : guest_memory_at(cfg->memory, r->address, r->length);
        if (to == NULL && r->length != 0) {
            return DMA_ERROR;
        }
        fetch(cfg, to, r->length);
    } else if ((r->control & DMA_WRITE) != 0) {
        return DMA_ERROR;
    } else if ((r->control & DMA_SKIP) != 0) {
        fetch(cfg, NULL, r->length);
    }
    return 0;
}

/* A request that is not in RAM has no place for an answer either. */
static void run_dma(struct fw_cfg *cfg, uint64_t address)
{
    struct dma_request r;
    uint8_t *at = guest_memory_at(cfg->memory, address, sizeof(r));
    if (at == NULL) {
        return;
    }
    memcpy(&r, at, sizeof(r));
    r.control = __builtin_bswap32(r.control);
    r.length = __builtin_bswap32(r.length);
    r.address = __builtin_bswap64(r.address);
    put_big(at, serve(cfg, &r), 4);
}

/* The bytes "QEMU CFG" at the DMA register say that it is there. */
static uint64_t read_dma(uint64_t offset, uint32_t size)
{
    static const uint8_t text[8] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
    uint64_t value = 0;
    for (uint32_t i = 0; i < size && offset - PORT_DMA_HIGH + i < sizeof(text); i++) {
        value |= (uint64_t)text[offset - PORT_DMA_HIGH + i] << (8 * i);
    }
    return value;
}

static uint64_t fw_cfg_read(void *device, uint64_t offset, uint32_t size)
{
    uint64_t value = 0;
    if (offset == PORT_DATA) {
        fetch(device, (uint8_t *)&value, size);
        return value;
    }
    return offset >= PORT_DMA_HIGH && offset < FW_CFG_PORTS ? read_dma(offset, size) : UINT64_MAX;
}

static void fw_cfg_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct fw_cfg *cfg = device;
    if (offset == PORT_SELECTOR && size == 2) {
        select_item(cfg, (uint16_t)value);
    } else if (offset == PORT_DMA_HIGH && size == 4) {
        cfg->dma_high = __builtin_bswap32((uint32_t)value);
    } else if (offset == PORT_DMA_LOW && size == 4) {
        uint64_t address = (uint64_t)cfg->dma_high << 32 | __builtin_bswap32((uint32_t)value);
        cfg->dma_high = 0;
        run_dma(cfg, address);
    }
}

static void fw_cfg_reset(void *device)
{
    struct fw_cfg *cfg = device;
    select_item(cfg, 0);
    cfg->dma_high = 0;
}

const struct device_ops fw_cfg_ops = {.read = fw_cfg_read, .write = fw_cfg_write, .reset = fw_cfg_reset};
